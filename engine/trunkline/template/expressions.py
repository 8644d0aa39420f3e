"""Text with `{{ }}` to holes, and the text of a hole to Jinja's expression tree.

Only Jinja's lexer and expression parser are used, never its templates: its tree is checked and
rewritten by `gate`. Tokens are given their offset in the place of a line number, so that every
node of the tree knows where in the text it stands.

Semi-public parts of Jinja that this leans on (guarded by tests/template/test_jinja_surface.py):
`Lexer.tokeniter(state="variable")`, `Token`, `TokenStream`, `Parser(state=…)`,
`Environment._tokenize`, `lexer.operators`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from jinja2.environment import Environment
from jinja2.exceptions import TemplateSyntaxError
from jinja2.lexer import TOKEN_EOF, Token, TokenStream, operators
from jinja2.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jinja2 import nodes

__all__ = ["LONGEST", "SHORTER", "ExpressionError", "Hole", "parse", "split"]

LONGEST: Final = 4096
"""Characters that one expression may have."""
SHORTER: Final = "write it shorter; templates can name its parts with `$let`"

Hole = tuple[int, str]
"""Where an expression begins in its text, and its own text."""

_DOTTED: Final = re.compile(r"\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*", re.ASCII)
_WORDS: Final = frozenset(
    ["true", "false", "True", "False", "none", "None", "and", "or", "not", "if", "else", "in", "is"]
)
_BAD_CHARACTER: Final = re.compile(r"unexpected char '(.*)' at (\d+)", re.DOTALL)
_WORD_FOR_NAME: Final = re.compile(r"\b(?:and|or|in|not|if|else)\s+(and|or|in|if|else)\s+$")
"""Two operators in a row, of which Jinja takes the second for a name."""
_TEST_THEN_IF: Final = re.compile(r"(\S+ is (?:not )?\w+) if\b")
_ELSEWHERE: Final = {
    "&&": "write `and`",
    "||": "write `or`",
    "!": "write `not`, or `!=` between two values",
    "=": "write `==` to compare",
    "?": "write `a if condition else b`",
}
"""How other languages say it."""
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
_CLOSES: Final = {"(": ")", "[": "]", "{": "}"}


class ExpressionError(Exception):
    """The text is not an expression; `offset` says where."""

    def __init__(self, message: str, offset: int, hint: str = "", code: str = "TL500") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.offset = offset
        self.hint = hint


def split(text: str) -> list[str | Hole]:
    """Text between holes, and the holes, in order."""
    pieces: list[str | Hole] = []
    at = 0
    while (start := text.find("{{", at)) >= 0:
        end = _end_of_hole(text, start + 2)
        if end < 0:
            raise _unclosed(text, start)
        if text[start + 2] in "-+" or text[end - 1] in "-+":
            raise ExpressionError(
                "`{{-` would cut white space, not negate", start, "put a space after `{{`"
            )
        if start > at:
            pieces.append(text[at:start])
        pieces.append((start + 2, text[start + 2 : end]))
        at = end + 2
    if at < len(text):
        pieces.append(text[at:])
    return pieces


def _unclosed(text: str, start: int) -> ExpressionError:
    if "}}" in text[start:]:
        message = "a bracket or a quote after this `{{` is never closed"
        return ExpressionError(message, start, "close it before `}}`")
    return ExpressionError("this `{{` is never closed", start, "write `}}` where it ends")


def _end_of_hole(text: str, at: int) -> int:
    """Where `}}` closes the hole, brackets and quoted text in it left aside; -1 if nowhere."""
    depth = 0
    while at < len(text):
        char = text[at]
        if char in "'\"":
            at = _end_of_quote(text, at)
        elif char in _CLOSES:
            depth += 1
        elif depth == 0 and text.startswith("}}", at):
            return at
        elif char in ")]}":
            depth = max(0, depth - 1)
        at += 1
    return -1


def _end_of_quote(text: str, at: int) -> int:
    quote = text[at]
    at += 1
    while at < len(text) and text[at] != quote:
        at += 2 if text[at] == "\\" else 1
    return at


@lru_cache(maxsize=8192)
def parse(source: str) -> tuple[str, ...] | nodes.Expr:
    """An expression's tree, or for the commonest kind, `a.b.c`, just its names.

    Raises `ExpressionError`.
    """
    if len(source) > LONGEST:
        message = f"an expression of {len(source)} characters; {LONGEST} are allowed"
        raise ExpressionError(message, 0, SHORTER, "TL514")
    if (match := _DOTTED.fullmatch(source)) is not None:
        names = tuple(match[1].split("."))
        if names[0] not in _WORDS:
            return names
    try:
        return _parse(Parser(_ENVIRONMENT, source, state="variable"))
    except TemplateSyntaxError as error:
        raise _explained(error, source) from None
    except RecursionError:
        raise ExpressionError("the expression is nested too deeply", 0, SHORTER, "TL514") from None


def _parse(parser: Parser) -> nodes.Expr:
    first = parser.stream.current
    if first.type == TOKEN_EOF:
        raise ExpressionError("there is no expression here", 0, "write one, or leave it out")
    tree = parser.parse_expression()
    after = parser.stream.current
    if after.type != TOKEN_EOF:
        raise TemplateSyntaxError(f"`{after.value}` is not expected here", after.lineno)
    return tree


def _explained(error: TemplateSyntaxError, source: str) -> ExpressionError:
    """Jinja's error in the manner of ours."""
    message, offset, hint = error.message or "", error.lineno, ""
    if (match := _BAD_CHARACTER.fullmatch(message)) is not None:
        at = int(match[2])
        hint = _ELSEWHERE.get(source[at : at + 2]) or _ELSEWHERE.get(match[1]) or ""
        return ExpressionError(f"`{match[1]}` is not expected here", at, hint)
    around = source[max(offset - 1, 0) : offset + 2]
    hint = next((hint for sign, hint in _ELSEWHERE.items() if len(sign) > 1 and sign in around), "")
    if not hint and source[offset : offset + 1] in ("=", "?"):
        hint = _ELSEWHERE[source[offset]]
    if "end of template" in message:
        return ExpressionError("the expression ends too early", offset, hint or "finish it")
    if (word := _WORD_FOR_NAME.search(source[:offset])) is not None:
        return ExpressionError(f"`{word[1]}` is not expected here", word.start(1), hint)
    message = message.rstrip(".").replace("'", "`")
    if (test := _TEST_THEN_IF.search(source)) is not None:
        hint = f"put the test in brackets: `({test[1]}) if`"
    return ExpressionError(message[:1].lower() + message[1:], offset, hint)


class _Offsets(Environment):
    """Jinja's environment, with offsets for line numbers."""

    def _tokenize(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> TokenStream:
        return TokenStream(_tokens(self, source, state), name, filename)


_ENVIRONMENT: Final = _Offsets()


def _tokens(environment: Environment, source: str, state: str | None) -> Iterator[Token]:
    offset = 0
    for _, kind, raw in environment.lexer.tokeniter(source, None, None, state):
        if kind not in ("whitespace", "variable_begin", "variable_end"):
            yield _token(offset, kind, raw)
        offset += len(raw)


def _token(offset: int, kind: str, raw: str) -> Token:
    value: Any = raw
    if kind == "operator":
        kind = operators[raw]
    elif kind == "string":
        value = _ESCAPE.sub(_unescape, raw[1:-1])
    elif kind in ("integer", "float"):
        value = _number(raw, offset)
    elif kind != "name":
        raise TemplateSyntaxError(f"`{raw}` is not expected here", offset)
    elif not raw.isascii():
        raise TemplateSyntaxError(f"`{raw}` is not a name; names are plain ASCII", offset)
    return Token(offset, kind, value)


def _number(raw: str, offset: int) -> int | float:
    digits = raw.replace("_", "")
    if len(digits) > 40:
        raise TemplateSyntaxError("a number of more than 40 digits", offset)
    if digits.isdecimal():
        return int(digits)
    if digits[1:2] in "xXbBoO":
        return int(digits, 0)
    value = float(digits)
    if value - value != 0:
        raise TemplateSyntaxError(f"`{raw}` is too large for a number", offset)
    return value


def _unescape(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    if code:
        return chr(int(code, 16))
    return _ESCAPED.get(match[3], match[0])
