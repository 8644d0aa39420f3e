"""Findings about templates (TL5xx), and where inside a scalar each of them stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from trunkline.diagnostics import Diagnostic, Span

if TYPE_CHECKING:
    from trunkline.config.source import Document, Path
    from trunkline.diagnostics import Severity

__all__ = ["Place", "Report", "check_text_key", "place_of"]

_UNQUOTED: Final = re.compile(
    r"~|null|true|false|\.nan|[-+]?(\d[\d_]*(\.\d*)?(e[-+]?\d+)?|0x[\da-f]+|0o[0-7]+|\.inf)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Place:
    """One scalar or key: where it is written, and where its characters are.

    `shift` is how far its first character lies from the span's start (1 for a quote), or None
    where offsets into the value do not count in the file; `raw` is then the text of the file.
    """

    span: Span
    shift: int | None = None
    raw: str = ""

    def at(self, start: int, length: int) -> Span:
        """The range of `length` characters from offset `start`, or the whole place."""
        if self.shift is None:
            return self.span
        column = self.span.column + self.shift + start
        return replace(self.span, column=column, end_column=column + max(length, 1))

    def hole(self, offset: int, source: str) -> Place:
        """The place of an expression between braces, which begins at `offset` of the value.

        In text that is folded or escaped the expression is looked for as it is written.
        """
        if self.shift is not None:
            return Place(self.span, self.shift + offset)
        if "\n" in source or self.raw.count(f"{{{{{source}}}}}") != 1:
            return self
        before = self.raw[: self.raw.index(f"{{{{{source}}}}}") + 2]
        line, start = before.count("\n"), before.rfind("\n") + 1
        column = len(before) - start + (self.span.column if line == 0 else 1)
        found = Span(self.span.file, self.span.line + line, column)
        return Place(replace(found, end_line=found.line, end_column=column + len(source)), 0)


def place_of(document: Document, path: Path, text: str) -> Place:
    """The place of the text scalar at `path`."""
    span = document.span(path)
    raw = document.raw(path) or ""
    if raw == text and "\n" not in raw:
        return Place(span, 0)
    if raw[1:-1] == text and "\n" not in raw:
        return Place(span, 1)
    return Place(span, None, raw)


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
