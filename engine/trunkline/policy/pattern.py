"""One pattern of model names: exact, glob, or regular expression.

In a glob `*` stands for any run of characters, `/` included, and `?` for one; nothing else is
special. `re:` begins an RE2 expression over the whole name. Every test takes time linear in the
name, whatever the pattern: RE2 never backtracks, and a glob is followed in all its places at
once. re2 is imported when the first expression is compiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from trunkline.errors import TrunklineError

if TYPE_CHECKING:
    from collections.abc import Callable

    import re2

__all__ = [
    "MAX_COSTLY",
    "MAX_NAME",
    "PatternError",
    "captured",
    "covers",
    "encoded",
    "is_costly",
    "is_exact",
    "is_regex",
    "literal_ends",
    "options",
    "predicate",
    "problem",
]

MAX_NAME: Final = 256
"""Characters in a model name; a longer one matches nothing."""

MAX_COSTLY: Final = 1000
"""Expressions and infix globs in one plan: see `is_costly`."""

_REGEX: Final = "re:"
_MEMORY: Final = 1024 * 1024
"""Bytes that one expression may use: hostile names make RE2 remember ever more states."""


class PatternError(TrunklineError):
    """A pattern that RE2 cannot run; the message is RE2's."""


def is_regex(pattern: str) -> bool:
    """Whether it is an RE2 expression."""
    return pattern.startswith(_REGEX)


def is_exact(pattern: str) -> bool:
    """Whether it stands for one name only."""
    return not is_regex(pattern) and "*" not in pattern and "?" not in pattern


def is_costly(pattern: str) -> bool:
    """Whether it has neither a first nor a last literal part to be found by: expressions, and
    globs such as `*mini*`. A plan may hold `MAX_COSTLY` of them."""
    if is_regex(pattern):
        return True
    return literal_ends(pattern) == ("", "") and pattern.strip("*") != ""


def literal_ends(glob: str) -> tuple[str, str]:
    """What stands before the first wildcard of a glob and after the last."""
    first = min((at for at in (glob.find("*"), glob.find("?")) if at >= 0), default=len(glob))
    last = max(glob.rfind("*"), glob.rfind("?"))
    return glob[:first], glob[last + 1 :]


def problem(pattern: str) -> str | None:
    """What is wrong with a pattern, in RE2's words; None if nothing is."""
    try:
        predicate(pattern)
    except PatternError as error:
        return str(error)
    return None


def predicate(pattern: str) -> Callable[[str], bool]:
    """A test for names. Raises `PatternError` for what RE2 cannot run."""
    if is_regex(pattern):
        return _regex_test(pattern.removeprefix(_REGEX))
    if "?" in pattern:
        return _Steps.of(pattern).fits
    return _glob_test(pattern)


def captured(pattern: str, name: str) -> str | None:
    """What the only `*` of a pattern stands for in a name that it matches.

    None for expressions and for globs with no `*` or several: there a `*` in the target's model
    has no meaning.
    """
    if is_regex(pattern) or pattern.count("*") != 1:
        return None
    before = pattern.index("*")
    return name[before : len(name) - (len(pattern) - before - 1)]


def covers(first: str, second: str) -> bool:
    """Whether every name that `second` matches is matched by `first` already.

    Never says so wrongly; between two expressions, and in odd cases of two globs (`?*` before
    `*a`), it does not see it.
    """
    if first == second or (first and not first.strip("*")):
        return True
    if is_regex(second):
        return False
    if is_exact(second):
        return predicate(first)(second)
    return not is_regex(first) and _Steps.of(first).cover(second)


class _Steps(NamedTuple):
    """A glob as an automaton of bits: place i is reached when i of its characters are matched.

    `letters` says at which places each character leads on, `others` at which any does, `loops`
    at which a `*` stands; `end` is the bit of the last place.
    """

    letters: dict[str, int]
    others: int
    loops: int
    end: int

    @classmethod
    def of(cls, glob: str) -> _Steps:
        letters: dict[str, int] = {}
        others, loops, place = 0, 0, 1
        for char in glob:
            if char == "*":
                loops |= place
                continue
            if char == "?":
                others |= place
            else:
                letters[char] = letters.get(char, 0) | place
            place <<= 1
        return cls({c: places | others for c, places in letters.items()}, others, loops, place)

    def fits(self, name: str) -> bool:
        """Whether the glob matches the name."""
        letters, others, loops, end = self
        places = 1
        for char in name:
            places = (places & letters.get(char, others)) << 1 | places & loops
        return places & end != 0

    def cover(self, glob: str) -> bool:
        """Whether the glob matches, for sure, all that another glob matches: the places kept are
        those that are reached whatever the other's wildcards stand for."""
        letters, others, loops, end = self
        places = 1
        for char in glob:
            if char == "*":
                places &= loops
            else:
                leads_on = others if char == "?" else letters.get(char, others)
                places = (places & leads_on) << 1 | places & loops
        return places & end != 0


def encoded(text: str) -> bytes:
    """Text for RE2: UTF-8, with lone surrogates encoded as if they were characters."""
    return text.encode("utf-8", "surrogatepass")


def options() -> re2.Options:
    """How RE2 runs an expression: quietly, without captures, in little memory."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MEMORY
    return options


def _glob_test(glob: str) -> Callable[[str], bool]:
    first, star, rest = glob.partition("*")
    if not star:
        return glob.__eq__
    *middle, last = rest.split("*")
    parts = [part for part in middle if part]
    least = len(first) + len(last)

    def test(name: str) -> bool:
        if len(name) < least or not name.startswith(first) or not name.endswith(last):
            return False
        at, stop = len(first), len(name) - len(last)
        for part in parts:
            at = name.find(part, at, stop)
            if at < 0:
                return False
            at += len(part)
        return True

    return test


def _regex_test(expression: str) -> Callable[[str], bool]:
    import re2

    try:
        whole = re2.compile(encoded(expression), options()).fullmatch
    except re2.error as error:
        said = error.args[0] if error.args else ""
        said = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise PatternError(said) from None
    return lambda name: whole(encoded(name)) is not None
