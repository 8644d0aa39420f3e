"""The matcher: which patterns a model name fits, in the order in which they are tried.

All work is done when it is built. Exact names are in a dict. A glob is found by its first or its
last literal part, whichever fewer others share, with one binary search each, and then tested as
a whole. Expressions and infix globs are screened together by RE2's filter: one pass over the
name says which of them contain a literal that the name has, and only those are run. So the time
does not grow with the number of patterns but with that of the near misses.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

from trunkline.policy.index import Screen, Spellings, Starts
from trunkline.policy.pattern import (
    MAX_NAME,
    is_costly,
    is_exact,
    is_regex,
    literal_ends,
    predicate,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from trunkline.policy.index import Entry

__all__ = ["Candidate", "Matcher"]

T = TypeVar("T")

_NEIGHBOURS: Final = 16
"""Patterns on either side of an unknown name, in either order, that are compared with it."""


class Candidate(NamedTuple, Generic[T]):
    """A pattern that fits: its place in the order, itself, and what was given with it."""

    rank: int
    pattern: str
    payload: T


class Matcher(Generic[T]):
    """Patterns in the order in which they are tried, each with a payload.

    Raises `PatternError` for an expression that RE2 cannot run.
    """

    def __init__(self, entries: Iterable[tuple[str, T]]) -> None:
        self._candidates = [Candidate(i, p, payload) for i, (p, payload) in enumerate(entries)]
        homes = _Homes(self._candidates)
        self._always = tuple(homes.always)
        self._exact = {name: tuple(there) for name, there in homes.exact.items()}
        self._starts = Starts(homes.starts) if homes.starts else None
        self._ends = Starts(homes.ends) if homes.ends else None
        self._screen = Screen(homes.screened) if homes.screened else None
        self._spellings: tuple[Spellings, ...] = ()

    def match(self, name: str) -> Iterator[Candidate[T]]:
        """The patterns that a name fits, in order; each is tested when it is asked for."""
        if len(name) > MAX_NAME:
            return
        found = list(self._always)
        if exact := self._exact.get(name):
            found += exact
        if self._starts is not None:
            self._starts.collect(name, found)
        if self._ends is not None:
            self._ends.collect(name[::-1], found)
        if self._screen is not None:
            self._screen.collect(name, found)
        if len(found) > 1:
            found.sort()
        for _, candidate, test in found:
            if test is None or test(name):
                yield candidate

    def nearest(
        self, name: str, most: int = 5, allowed: Callable[[T], bool] | None = None
    ) -> list[str]:
        """Names and globs that are spelt like a name, the nearest first, for a refusal's hint.

        `allowed` says by payload which may be shown. Only patterns that begin or end much like
        the name are compared, so that the cost does not grow with their number.
        """
        from difflib import get_close_matches

        if not self._spellings:
            shown = [(c.rank, c.pattern) for c in self._candidates if not is_regex(c.pattern)]
            self._spellings = Spellings(shown, False), Spellings(shown, True)
        name = name[:MAX_NAME]
        ranks = {
            rank
            for spellings in self._spellings
            for rank in spellings.around(name, _NEIGHBOURS, self._allowed(allowed))
        }
        patterns = dict.fromkeys(self._candidates[rank].pattern for rank in sorted(ranks))
        return get_close_matches(name, list(patterns), most, 0.5)

    def _allowed(self, allowed: Callable[[T], bool] | None) -> Callable[[int], bool]:
        if allowed is None:
            return lambda _rank: True
        return lambda rank: allowed(self._candidates[rank].payload)


class _Homes:
    """Where each pattern is kept, with the test that its home does not make needless."""

    def __init__(self, candidates: Sequence[Candidate[Any]]) -> None:
        self.exact: defaultdict[str, list[Entry]] = defaultdict(list)
        self.starts: defaultdict[str, list[Entry]] = defaultdict(list)
        self.ends: defaultdict[str, list[Entry]] = defaultdict(list)
        self.screened: list[Entry] = []
        self.always: list[Entry] = []
        globs: list[Candidate[Any]] = []
        for candidate in candidates:
            rank, pattern, _ = candidate
            if is_exact(pattern):
                self.exact[pattern].append((rank, candidate, None))
            elif is_costly(pattern):
                self.screened.append((rank, candidate, None))
            else:
                globs.append(candidate)
        self._house(globs)

    def _house(self, globs: Sequence[Candidate[Any]]) -> None:
        """Keep each glob under its first or its last literal part, whichever is shared less."""
        parts = [literal_ends(glob.pattern) for glob in globs]
        first = Counter(start for start, _ in parts)
        last = Counter(end for _, end in parts)
        for candidate, (start, end) in zip(globs, parts, strict=True):
            rank, glob, _ = candidate
            if start and (not end or first[start] <= last[end]):
                home, plain = self.starts[start], start + "*"
            elif end:
                home, plain = self.ends[end[::-1]], "*" + end
            else:
                home, plain = self.always, glob
            home.append((rank, candidate, None if glob == plain else predicate(glob)))
