"""Indexes over many patterns, for the matcher: by how names begin, and by literals inside."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Final

from trunkline.policy.pattern import encoded, is_regex, options, predicate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import re2

    Entry = tuple[int, Any, Callable[[str], bool] | None]
    """A rank, a candidate, and what must still be tested when it was found."""

__all__ = ["Screen", "Spellings", "Starts"]

_STEPS: Final = 256
"""Spellings looked at on either side of a name before a search for near ones gives up."""


class Starts:
    """Which of many literals a text begins with: one binary search, then up a chain.

    The literals are sorted; each knows the longest other one that it begins with itself. Those
    that a text begins with are all on the chain of the last literal that sorts before the text.
    """

    __slots__ = ("_buckets", "_literals", "_parents")

    def __init__(self, homes: Mapping[str, Sequence[Entry]]) -> None:
        self._literals = sorted(homes)
        self._buckets = [tuple(homes[literal]) for literal in self._literals]
        self._parents: list[int] = []
        open_: list[int] = []
        for place, literal in enumerate(self._literals):
            while open_ and not literal.startswith(self._literals[open_[-1]]):
                open_.pop()
            self._parents.append(open_[-1] if open_ else -1)
            open_.append(place)

    def collect(self, text: str, found: list[Entry]) -> None:
        """Add what is kept under every literal that the text begins with."""
        literals = self._literals
        place = bisect_right(literals, text) - 1
        while place >= 0:
            if text.startswith(literals[place]):
                found += self._buckets[place]
            place = self._parents[place]


class Screen:
    """All expressions and infix globs at once: RE2's filter looks, in one pass, which of their
    literals a name has, and runs only the patterns whose literals are there."""

    __slots__ = ("_entries", "_matches", "_tests")

    def __init__(self, entries: Sequence[Entry]) -> None:
        """Raises `PatternError` for an expression that RE2 cannot run."""
        import re2

        filter_ = re2.Filter()
        self._entries = tuple(entries)
        self._tests = [predicate(candidate.pattern) for _, candidate, _ in entries]
        for _, candidate, _ in entries:
            expression = _expression(candidate.pattern)
            try:
                filter_.Add(_whole(expression), _roomy())
            except re2.error:
                # It is valid by itself, so it ends inside a quotation.
                filter_.Add(_whole(expression + r"\E"), _roomy())
        self._matches: Callable[[bytes, bool], list[int] | None] | None = filter_.Match
        try:
            filter_.Compile()
        except re2.error:
            # Literals beyond RE2's memory: every pattern is run on every name instead.
            self._matches = None

    def collect(self, name: str, found: list[Entry]) -> None:
        """Add the patterns that the name fits."""
        if self._matches is None:
            tests = zip(self._entries, self._tests, strict=True)
            found += [entry for entry, test in tests if test(name)]
        elif (places := self._matches(encoded(name), False)) is not None:
            found += [self._entries[place] for place in places]


class Spellings:
    """Patterns sorted by spelling, forwards or backwards, to find the neighbours of a name."""

    __slots__ = ("_backwards", "_ranks", "_spelt")

    def __init__(self, patterns: Sequence[tuple[int, str]], backwards: bool) -> None:
        self._backwards = backwards
        turned = sorted((p[::-1] if backwards else p, rank) for rank, p in patterns)
        self._spelt = [spelt for spelt, _ in turned]
        self._ranks = [rank for _, rank in turned]

    def around(self, name: str, most: int, allowed: Callable[[int], bool]) -> Iterator[int]:
        """The ranks of at most `most` allowed patterns on either side of the name's place."""
        place = bisect_right(self._spelt, name[::-1] if self._backwards else name)
        for side in (range(place - 1, -1, -1), range(place, len(self._spelt))):
            left = most
            for at in side[:_STEPS]:
                if allowed(self._ranks[at]):
                    yield self._ranks[at]
                    left -= 1
                    if not left:
                        break


def _expression(pattern: str) -> str:
    import re2

    if is_regex(pattern):
        return pattern[3:]
    words = {"*": "(?s:.*)", "?": "(?s:.)"}
    return "".join(words.get(char) or re2.escape(char) for char in pattern)


def _whole(expression: str) -> bytes:
    """An expression that only a whole name fits."""
    return encoded(rf"\A(?:{expression})\z")


def _roomy() -> re2.Options:
    """Room for the anchors around an expression that just fits by itself."""
    roomy = options()
    roomy.max_mem *= 2
    return roomy
