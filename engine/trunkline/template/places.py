"""Findings about templates (TL5xx), and where inside a scalar each of them stands."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from trunkline.diagnostics import Diagnostic, Span

if TYPE_CHECKING:
    from trunkline.config.source import Document, Path
    from trunkline.diagnostics import Severity

__all__ = ["Place", "Report", "Spot", "check_text_key"]

_UNQUOTED: Final = re.compile(
    r"~|null|true|false|\.nan|[-+]?(\d[\d_]*(\.\d*)?(e[-+]?\d+)?|0x[\da-f]+|0o[0-7]+|\.inf)",
    re.IGNORECASE,
)


class Place:
    """Where the text scalar at a path is written, worked out only if a finding asks for it."""

    __slots__ = ("_document", "_known", "_path", "_text")

    def __init__(self, document: Document, path: Path, text: str) -> None:
        self._document = document
        self._path = path
        self._text = text
        self._known: tuple[Span, int | None, str] | None = None

    @property
    def span(self) -> Span:
        """The whole scalar."""
        return self._document.span(self._path)

    def at(self, start: int, length: int) -> Span:
        """The range of `length` characters from offset `start`, or the whole scalar."""
        span, shift, _ = self._written()
        return span if shift is None else _range(span, span.column + shift + start, length)

    def within(self, hole: int, source: str, start: int, length: int) -> Span:
        """The same, counted from an expression that begins at offset `hole` of the text.

        In text that is folded or escaped the expression is looked for as it is written.
        """
        span, shift, raw = self._written()
        if shift is not None:
            return self.at(hole + start, length)
        if "\n" in source or raw.count(f"{{{{{source}}}}}") != 1:
            return span
        before = raw[: raw.index(f"{{{{{source}}}}}") + 2]
        lines, begun = before.count("\n"), before.rfind("\n") + 1
        column = len(before) - begun + (span.column if lines == 0 else 1)
        line = span.line + lines
        return _range(replace(span, line=line, end_line=line), column + start, length)

    def _written(self) -> tuple[Span, int | None, str]:
        """The span; how far the first character lies from its start, None where characters of
        the value are not those of the file; the text of the file."""
        if self._known is None:
            raw = self._document.raw(self._path) or ""
            plain = "\n" not in raw
            shift = 0 if plain and raw == self._text else None
            shift = 1 if plain and raw[1:-1] == self._text else shift
            self._known = self.span, shift, raw
        return self._known


class Spot(NamedTuple):
    """An expression in a scalar: its place, where in the text it begins, and its own text."""

    place: Place
    begins: int
    source: str

    def at(self, start: int, length: int) -> Span:
        """The range of `length` characters from offset `start` of the expression."""
        return self.place.within(self.begins, self.source, start, length)


def _range(span: Span, column: int, length: int) -> Span:
    return replace(span, column=column, end_column=column + max(length, 1))


def check_text_key(document: Document, path: Path, report: Report) -> None:
    """Report a key of a table or `case:` that YAML tools read as a number, boolean or null."""
    key = str(path[-1])
    if not _UNQUOTED.fullmatch(key):
        return
    span = document.key_span(path)
    lines = document.files.get(span.file, "").split("\n")
    line = lines[span.line - 1] if span.line <= len(lines) else ""
    if line[span.column - 1 : span.column] not in ("'", '"'):
        message = f"the key {key} is text here, but a number, a boolean or null to other readers"
        report.add("TL512", message, span, f'write "{key}"')


class Report:
    """Collects findings; the same one is kept once."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []

    def add(
        self,
        code: str,
        message: str,
        span: Span,
        hint: str = "",
        severity: Severity = "error",
        related: tuple[tuple[Span, str], ...] = (),
    ) -> None:
        """Note one finding."""
        finding = Diagnostic(code, severity, message, span, hint, related)
        if finding not in self.found:
            self.found.append(finding)
