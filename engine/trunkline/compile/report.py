"""What a compilation finds, with the document that gives each finding its place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from trunkline.diagnostics import Diagnostic, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection

    from trunkline.config.source import Document, Path
    from trunkline.diagnostics import Span

__all__ = ["Report", "choices"]


class Report:
    """Collects diagnostics; nothing stops at the first one."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.found: list[Diagnostic] = []

    def error(
        self,
        code: str,
        message: str,
        path: Path,
        hint: str = "",
        *,
        key: bool = False,
        related: tuple[tuple[Span, str], ...] = (),
    ) -> None:
        """An error at a value, or at its key."""
        span = self.document.key_span(path) if key else self.document.span(path)
        self.found.append(Diagnostic(code, "error", message, span, hint, related))

    def unknown(
        self,
        code: str,
        what: str,
        name: str,
        path: Path,
        known: Collection[str],
        hint: str = "",
        *,
        near: str | None = None,
    ) -> None:
        """A name that nothing has, with the nearest that something does have, unless `near` is
        known to be what was meant. The text at `path` is the name, or begins with it."""
        near = near or did_you_mean(name, known)
        meant = f"; did you mean `{near}`?" if near else ""
        message = f"unknown {what} `{name}`{meant}"
        span = self._beginning(path, name)
        hint = hint or choices(what, known)
        self.found.append(Diagnostic(code, "error", message, span, hint))

    def _beginning(self, path: Path, name: str) -> Span:
        """Where `name` stands at the beginning of a text, quoted or not."""
        span, raw = self.document.span(path), self.document.raw(path) or ""
        quote = 1 if raw[:1] in ("'", '"') else 0
        if not raw[quote:].startswith(name):
            return span
        column = span.column + quote
        return replace(span, column=column, end_line=span.line, end_column=column + len(name))

    @property
    def failed(self) -> bool:
        """Whether anything found is an error."""
        return any(finding.severity == "error" for finding in self.found)


def choices(what: str, known: Collection[str], most: int = 12) -> str:
    """`declared providers: a, b, c`, shortened where there are many."""
    if not known:
        return f"no {what} is declared"
    names = sorted(known)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"known: {', '.join(names[:most])}{more}"
