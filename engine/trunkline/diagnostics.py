"""What `validate` prints: a code, a place, a sentence, and what to do instead.

A `Span` is a half-open range of text in one file; lines and columns count from 1, in
characters. A `Diagnostic` is one finding. Findings are collected, never raised one at a time,
and shown sorted by place (`sort`), by one of the renderers (`render`), after what comments in
the files silence has been taken out (`unsilenced`).
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = [
    "Diagnostic",
    "Format",
    "Severity",
    "Span",
    "did_you_mean",
    "render",
    "sort",
    "summary",
    "unsilenced",
]

Severity = Literal["error", "warning", "hint"]
Format = Literal["text", "json", "github"]

WIDTH: Final = 96
"""Columns of a source line that an excerpt shows; a longer one is shown around the place."""

HINT_WIDTH: Final = 74
"""Columns of a hint, so that with its margin it fits a terminal of 80."""


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


def render(
    diagnostics: Sequence[Diagnostic],
    files: Mapping[str, str],
    output: Format = "text",
    *,
    colour: bool = False,
) -> str:
    """The findings as text for people, one JSON object, or GitHub's workflow commands.

    `files` maps the shown names of all files that were looked at to their text, for excerpts and
    for the count. Text ends with a line feed unless it is empty.
    """
    if output == "json":
        return _json(diagnostics, files)
    line = _github if output == "github" else lambda one: _text(one, files, colour)
    return "".join(line(one) for one in diagnostics)


def summary(diagnostics: Iterable[Diagnostic], files: int) -> str:
    """The findings counted, in a sentence without an end: `2 errors, 1 warning in 3 files`."""
    found = list(diagnostics)
    counts = {severity: sum(one.severity == severity for one in found) for severity in _COLOURS}
    named = [_count(number, word) for word, number in counts.items() if number]
    return f"{', '.join(named) or 'nothing to say'} in {_count(files, 'file')}"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


_COLOURS: Final = {"error": "31", "warning": "33", "hint": "36"}


def _text(one: Diagnostic, files: Mapping[str, str], colour: bool) -> str:
    severity: str = one.severity
    if colour:
        severity = f"\x1b[1;{_COLOURS[severity]}m{severity}\x1b[0m"
    lines = [f"{one.span} {severity} {one.code} {_printable(one.message)}"]
    lines += _excerpt(one.span, files, _printable(one.hint))
    for span, note in one.related:
        lines.append(f"    {_printable(note)}: {span}")
        lines += _excerpt(span, files, "")
    return "\n".join(lines) + "\n"


def _excerpt(span: Span, files: Mapping[str, str], hint: str) -> list[str]:
    """The line of source with carets below what is meant, and the hint behind them, or below
    them where it is long."""
    source = _lines(files.get(span.file, ""))
    if span.line > len(source) or not source[span.line - 1].strip():
        return [f"    {hint}"] if hint else []
    line = source[span.line - 1]
    end = span.end_column if span.end_line == span.line else len(line) + 1
    cells, starts = _cells(line)
    first = starts[min(span.column - 1, len(line))]
    last = max(starts[min(max(end - 1, 0), len(line))], first + 1)
    shown, first, last = _window(cells, first, last)
    number = str(span.line)
    margin = " " * len(number)
    carets = f"{' ' * first}{'^' * (last - first)}"
    below = [f"{carets} {hint}".rstrip()]
    if len(below[0]) > HINT_WIDTH:
        below = [carets, *textwrap.wrap(hint, HINT_WIDTH, break_long_words=False)]
    return [f" {number} | {shown}".rstrip(), *(f" {margin} | {line}" for line in below)]


@lru_cache(maxsize=32)
def _lines(text: str) -> list[str]:
    return text.split("\n")


def _cells(line: str) -> tuple[list[str], list[int]]:
    """A line as one text for each terminal column, and the column where each character starts.

    A wide character is followed by an empty text; a combining one joins the text before it.
    """
    cells: list[str] = []
    starts: list[int] = []
    for character in line:
        starts.append(len(cells))
        if character == "\t":
            cells += " " * (4 - len(cells) % 4)
        elif unicodedata.combining(character) and cells:
            cells[-1] += character
        elif unicodedata.east_asian_width(character) in "WF":
            cells += [character, ""]
        else:
            cells.append(_printable(character))
    starts.append(len(cells))
    return cells, starts


def _window(cells: list[str], first: int, last: int) -> tuple[str, int, int]:
    """At most `WIDTH` columns around what is meant, and where that is in them."""
    if len(cells) <= WIDTH:
        return "".join(cells), first, last
    start = max(0, min(first - WIDTH // 3, len(cells) - WIDTH))
    stop = min(len(cells), start + WIDTH)
    before, after = ("…" if start else ""), ("…" if stop < len(cells) else "")
    shown = before + "".join(cells[start + len(before) : stop - len(after)]) + after
    return shown, first - start, max(min(last, stop) - start, first - start + 1)


def _printable(text: str) -> str:
    """The text without what could move a terminal's cursor or change its colours."""
    return "".join(c if c.isprintable() else "�" for c in text)


def _json(diagnostics: Sequence[Diagnostic], files: Mapping[str, str]) -> str:
    import json

    counts = {
        f"{severity}s": sum(one.severity == severity for one in diagnostics)
        for severity in _COLOURS
    }
    whole = {
        "diagnostics": [_plain(one) for one in diagnostics],
        "summary": {**counts, "files": len(files)},
    }
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _plain(one: Diagnostic) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "code": one.code,
        "severity": one.severity,
        "message": one.message,
        **_place(one.span),
        "hint": one.hint,
    }
    if one.related:
        plain["related"] = [{"message": note, **_place(span)} for span, note in one.related]
    return plain


def _place(span: Span) -> dict[str, Any]:
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def _github(one: Diagnostic) -> str:
    """A workflow command (docs.github.com, "Workflow commands for GitHub Actions")."""
    command = "notice" if one.severity == "hint" else one.severity
    span = one.span
    where = {
        "file": span.file,
        "line": span.line,
        "endLine": span.end_line,
        "col": span.column,
        "endColumn": span.end_column,
        "title": one.code,
    }
    if span.end_line != span.line:  # GitHub takes columns only within one line.
        del where["col"], where["endColumn"]
    properties = ",".join(f"{key}={_escaped(str(value), ':,')}" for key, value in where.items())
    message = f"{one.message}\n{one.hint}" if one.hint else one.message
    return f"::{command} {properties}::{_escaped(message)}\n"


def _escaped(text: str, more: str = "") -> str:
    for character in ("%", "\r", "\n", *more):
        text = text.replace(character, f"%{ord(character):02X}")
    return text


_IGNORE: Final = re.compile(r"(?:^|\s)#\s*trunkline:\s*ignore\b[ \t]*([A-Z0-9, \t]*)")
_CODE: Final = re.compile(r"[^\s,]+")


def unsilenced(diagnostics: Iterable[Diagnostic], files: Mapping[str, str]) -> list[Diagnostic]:
    """The findings without the warnings and hints that comments silence, sorted.

    `# trunkline: ignore TL402` silences that code on its own line, or, where it stands alone, on
    the next one; several codes stand behind commas. One that silences nothing is a warning
    (TL230), unless there are errors: then the checks that it may be for have not run.
    """
    found = sort(diagnostics)
    asked = {
        (span.file, target, code): span
        for name, text in files.items()
        for span, target, code in _ignores(name, text)
    }
    kept: list[Diagnostic] = []
    used: set[tuple[str, int, str]] = set()
    for one in found:
        key = (one.span.file, one.span.line, one.code)
        if key in asked and one.severity != "error":
            used.add(key)
        else:
            kept.append(one)
    if any(one.severity == "error" for one in kept):
        return kept
    return sort([*kept, *(_silences_nothing(asked[key], key[2]) for key in asked.keys() - used)])


def _ignores(name: str, text: str) -> Iterator[tuple[Span, int, str]]:
    """Each code of each comment: where it stands, and the line that it is about."""
    if "trunkline:" not in text:
        return
    for number, line in enumerate(text.split("\n"), start=1):
        match = _IGNORE.search(line)
        if (
            match is None
            or line[: match.start()].count('"') % 2
            or line[: match.start()].count("'") % 2
        ):
            continue
        target = number if line[: match.start()].strip() else number + 1
        codes = list(_CODE.finditer(line, match.start(1), match.end(1)))
        if not codes:
            yield Span(name, number, match.start(1) + 1, number, match.start(1) + 2), target, ""
        for code in codes:
            yield Span(name, number, code.start() + 1, number, code.end() + 1), target, code.group()


def _silences_nothing(span: Span, code: str) -> Diagnostic:
    if not code:
        hint = "name the codes: `# trunkline: ignore TL402`"
        return Diagnostic("TL230", "warning", "this comment names no code", span, hint)
    message = f"nothing here gives {code}, so there is nothing to ignore"
    return Diagnostic("TL230", "warning", message, span, "remove the comment")
