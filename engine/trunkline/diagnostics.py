"""What `validate` prints: a code, a place, a sentence, and what to do instead.

A `Span` is a half-open range of text in one file; lines and columns count from 1, in
characters. A `Diagnostic` is one finding. Findings are collected, never raised one at a time,
and shown sorted by place (`sort`), by one of the renderers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Diagnostic", "Severity", "Span", "did_you_mean", "sort"]

Severity = Literal["error", "warning", "hint"]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A range of text: from (line, column) up to, not including, (end_line, end_column)."""

    file: str
    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    `message` says what is wrong, in one sentence that begins in lower case; `hint` says what to
    write instead, or what is there to choose from; `related` points at the other places that the
    finding is about (where a name was first declared, say), each with a few words.
    """

    code: str
    severity: Severity
    message: str
    span: Span
    hint: str = ""
    related: tuple[tuple[Span, str], ...] = ()

    def one_line(self) -> str:
        """The finding in one line: `file:line:col error TL302 message`."""
        return f"{self.span} {self.severity} {self.code} {self.message}"


def sort(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The findings by place, then code; exact repetitions are dropped."""
    return sorted(set(diagnostics), key=lambda d: (d.span, d.code, d.message))


def did_you_mean(word: str, choices: Iterable[str]) -> str | None:
    """The choice that `word` was probably meant to be, or None if none is near."""
    import difflib

    known = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return known[near[0]] if near else None
