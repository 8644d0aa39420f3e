"""What people really meant when YAML does not read: each common slip with the text to write.

A YAML parser says what it expected; whoever wrote `match: *-mini` needs to hear "quote it".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from trunkline.config.events import TOO_DEEP
from trunkline.diagnostics import Diagnostic, Span, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ruamel.yaml.error import YAMLError

__all__ = ["braces", "directive", "explain", "tag", "unknown_alias"]

Related = tuple[tuple[Span, str], ...]

_RESERVED: Final = {
    "*": "begins an alias in YAML",
    "&": "begins an anchor in YAML",
    "@": "is reserved in YAML",
    "`": "is reserved in YAML",
    "%": "begins a directive in YAML",
    "?": "begins a key in YAML",
}
_TAG: Final = re.compile(r"![^\s,\[\]{}]*")
_LONE_KEY: Final = "expected the node content, but found '?'"
_TO_QUOTE: Final = re.compile(r"[^\s,\[\]{}#]*")
_FIT: Final = "check the indentation, and the quotes and brackets before it"
_OPENING: Final = re.compile(r"\$\{|\{\{")


def _error(
    code: str, message: str, span: Span, hint: str = "", related: Related = ()
) -> Diagnostic:
    return Diagnostic(code, "error", message, span, hint, related)


def explain(error: YAMLError, lines: Sequence[str], name: str, opened: Span | None) -> Diagnostic:
    """A parser's error as a finding, in the words of what was probably meant.

    `opened` is the innermost bracket that is still open where the parser gave up.
    """
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", "") or error)
    if mark is None:
        return _error("TL100", f"not YAML: {problem}", Span(name))
    row = min(mark.line, len(lines) - 1)
    line, column = lines[row], min(mark.column, len(lines[row]))
    span = Span(name, row + 1, column + 1, row + 1, column + 2)
    if problem == TOO_DEEP:
        return too_deep(problem, span)
    return (
        _tab(line, column, span)
        or _reserved(error, line, span)
        or _opening(line, column, span)
        or _directive(line, lines, problem, span)
        or _colon(line, column, problem, span)
        or _unclosed(error, problem, span, opened)
        or _handle(problem, line, span)
        or _other(error, problem, span, opened)
    )


def too_deep(message: str, span: Span) -> Diagnostic:
    """Collections within collections beyond what anyone writes."""
    place = Span(span.file, span.line, span.column, span.line, span.column + 1)
    hint = "name an inner part under `targets` and refer to it"
    return _error("TL104", message, place, hint)


def _tab(line: str, column: int, span: Span) -> Diagnostic | None:
    if line[column : column + 1] != "\t":
        return None
    if line[:column].strip():
        return _error("TL118", "a tab stands where YAML wants a space", span, "write a space")
    hint = "indent with two spaces a level; YAML does not take tabs"
    return _error("TL118", "a tab in the indentation", span, hint)


def _reserved(error: YAMLError, line: str, span: Span) -> Diagnostic | None:
    context = str(getattr(error, "context", "") or "")
    problem = str(getattr(error, "problem", "") or "")
    column = span.column - 1
    if context in ("while scanning an alias", "while scanning an anchor"):
        begin: Any = getattr(error, "context_mark", None)
        column = begin.column if begin is not None else column
    elif "cannot start any token" not in problem and problem != _LONE_KEY:
        return None
    if line[column : column + 1] not in _RESERVED:
        return None
    return reserved(line, Span(span.file, span.line, column + 1, span.line, column + 2))


def reserved(line: str, span: Span) -> Diagnostic:
    """A plain scalar that begins with a character that YAML keeps for itself."""
    column = span.column - 1
    mark = line[column]
    match = _TO_QUOTE.match(line, column)
    word = match.group() if match else mark
    span = Span(span.file, span.line, span.column, span.line, span.column + max(1, len(word)))
    named = "a backtick" if mark == "`" else f"`{mark}`"
    return _error("TL119", f"{named} {_RESERVED[mark]}", span, f"quote it: {quoted(word)}")


def quoted(word: str) -> str:
    """`word` as a double-quoted scalar."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _opening(line: str, column: int, span: Span) -> Diagnostic | None:
    """The last `${` or `{{` outside quotes that begins before the place where parsing stuck."""
    found = None
    for match in _OPENING.finditer(line, 0, min(len(line), column + 2)):
        before = line[: match.start()]
        if before.count('"') % 2 == 0 and before.count("'") % 2 == 0:
            found = match
            break
    if found is None:
        return None
    return _unquoted(line, found.start(), span)


def _unquoted(line: str, start: int, span: Span) -> Diagnostic:
    mark = line[start : start + 2]
    close = "}}" if mark == "{{" else "}"
    end = line.find(close, start)
    word = line[start : end + len(close)] if end >= 0 else mark
    what = "a template" if mark == "{{" else "a reference"
    place = Span(span.file, span.line, start + 1, span.line, start + 1 + len(word))
    outer = _whole_value(line, start, end + len(close), word) if end >= 0 else word
    return _error("TL120", f"{what} needs quotes here", place, f"write {_quote_either(outer)}")


def _whole_value(line: str, start: int, end: int, word: str) -> str:
    """The template with the text around it, when it is part of a longer plain value."""
    tail = line[end:].split(" #")[0].rstrip()
    head = line[:start]
    if head.endswith((": ", "- ")) and tail and not re.search(r"[,\]}]", tail):
        return word + tail
    return word


def _quote_either(word: str) -> str:
    return quoted(word) if '"' not in word else "'" + word.replace("'", "''") + "'"


def braces(lines: Sequence[str], name: str, event: Any) -> Diagnostic | None:
    """A mapping used as a key where the text reads `{{`: a template without its quotes."""
    mark = event.start_mark
    line = lines[mark.line]
    start = mark.column - 1
    if start < 0 or line[start : start + 2] != "{{":
        return None
    return _unquoted(line, start, Span(name, mark.line + 1, start + 1, mark.line + 1, start + 3))


def _directive(line: str, lines: Sequence[str], problem: str, span: Span) -> Diagnostic | None:
    if line.startswith("%"):
        return directive(Span(span.file, span.line, 1, span.line, 1 + len(line.rstrip())))
    if "<document start>" in problem:
        for row, earlier in enumerate(lines[: span.line]):
            if earlier.startswith("%"):
                return directive(Span(span.file, row + 1, 1, row + 1, 1 + len(earlier.rstrip())))
    return None


def directive(span: Span) -> Diagnostic:
    """A line that begins with `%`."""
    hint = "route files are YAML 1.2 and need no directive; quote the value if `%` is meant as text"
    return _error("TL112", "`%` at the start of a line is a YAML directive", span, hint)


def _colon(line: str, column: int, problem: str, span: Span) -> Diagnostic | None:
    if problem != "mapping values are not allowed here":
        return None
    head = re.match(r"(\s*(?:- +)*[^\s'\"#][^'\"#]*?:\s+)(\S.*)", line)
    if head is None or len(head.group(1)) > column:
        hint = "check the indentation: this line reads as part of the value above it"
        return _error("TL100", "not YAML: a key is not expected here", span, hint)
    value = head.group(2).split(" #")[0].rstrip()
    start = len(head.group(1)) + 1
    place = Span(span.file, span.line, start, span.line, start + len(value))
    hint = f"quote it: {_quote_either(value)}"
    return _error("TL121", "`: ` inside a value makes YAML read a key", place, hint)


def _unclosed(error: YAMLError, problem: str, span: Span, opened: Span | None) -> Diagnostic | None:
    if "stream end" not in problem and "end of stream" not in problem:
        return None
    begun: Any = getattr(error, "context_mark", None)
    if "quoted" in str(getattr(error, "context", "") or "") and begun is not None:
        line, column = begun.line + 1, begun.column + 1
        place = Span(span.file, line, column, line, column + 1)
        return _error("TL117", "this quote is never closed", place, "add the closing quote")
    if opened is None:
        return None
    place = Span(span.file, opened.line, opened.column, opened.line, opened.column + 1)
    return _error("TL117", "this bracket is never closed", place, "add the closing bracket")


def _handle(problem: str, line: str, span: Span) -> Diagnostic | None:
    if "tag handle" in problem:
        match = _TO_QUOTE.match(line, span.column - 1)
        return tag(match.group() if match else "!", span)
    if "expected ' '" in problem:  # A tag that a bracket or a comma ends.
        for match in _TAG.finditer(line, 0, span.column - 1):
            if match.end() == span.column - 1:
                column = match.start() + 1
                return tag(match.group(), Span(span.file, span.line, column, span.line, column))
    return None


def tag(written: str, span: Span) -> Diagnostic:
    """A tag of the author's own."""
    place = Span(span.file, span.line, span.column, span.line, span.column + max(1, len(written)))
    hint = f"route files have no tags; quote it if text is meant: {quoted(written)}"
    return _error("TL108", f"`{written}` is a YAML tag", place, hint)


def unknown_alias(name: str, anchors: Sequence[str], line: str, span: Span) -> Diagnostic:
    """An alias that no anchor declares: often a glob without its quotes."""
    if not anchors or re.search(r"[*?/]", name):
        return reserved(line, span)
    near = did_you_mean(name, anchors)
    hint = f"did you mean `*{near}`?" if near else f"declared anchors: {', '.join(anchors)}"
    return _error("TL109", f"no anchor `&{name}` stands before this", span, hint)


_OTHER: Final = (
    ("expected <block end>", "this does not fit what stands above it", _FIT),
    ("sequence entries are not allowed here", "a list cannot begin on this line", _FIT),
    (
        "unknown escape character",
        "YAML has no such escape",
        "write the backslash twice, or the text in single quotes",
    ),
)


def _other(error: YAMLError, problem: str, span: Span, opened: Span | None) -> Diagnostic:
    related = _context(error, span.file, opened)
    for part, message, hint in _OTHER:
        if part in problem:
            return _error("TL100", f"not YAML: {message}", span, hint, related)
    return _error("TL100", f"not YAML: {_plain(problem)}", span, "", related)


def _plain(problem: str) -> str:
    problem = re.sub(r"\('?<([a-z ]+)>'?,\)", r"\1", problem)
    return re.sub(r"'?<([a-z ]+)>'?", r"the \1", problem)


def _context(error: YAMLError, name: str, opened: Span | None) -> Related:
    mark: Any = getattr(error, "context_mark", None)
    if opened is not None:
        where = Span(name, opened.line, opened.column, opened.line, opened.column + 1)
        return ((where, "opened here"),)
    if mark is None:
        return ()
    where = Span(name, mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 2)
    return ((where, "in what begins here"),)
