"""How many sends at once a target can take, found out by asking it."""

from __future__ import annotations

from math import sqrt
from statistics import median
from typing import Final

__all__ = ["AdaptiveLimit"]

WINDOW: Final = 1.0
"""Seconds between two changes of the limit, at least."""

SAMPLES: Final = 10
"""Answers that a change needs, at least."""

TOLERANCE: Final = 1.1
"""Times the usual latency that is still usual."""

SHRINK: Final = 0.8
"""What is left of the limit after a window in which the target was overloaded."""

DRAIN: Final = 30.0
"""Seconds after which the usual latency is measured anew, at half the limit."""


class AdaptiveLimit:
    """A limit on the sends under way that follows what the target can bear.

    The gradient form of Netflix's concurrency-limits and of Envoy's adaptive concurrency: the
    limit shrinks by the ratio of the usual latency to the present one, and grows by half its
    square root. So it settles where a little more would only wait in line. When a target says
    that it is overloaded the limit shrinks by a fifth a window. What is usual is measured every
    30 s while half as many are let through, since a queue that never empties looks usual.
    """

    __slots__ = (
        "_drained_at",
        "_draining",
        "_full",
        "_least",
        "_limit",
        "_most",
        "_overloaded",
        "_since",
        "_taken",
        "_usual",
    )

    def __init__(self, initial: float = 10.0, least: float = 1.0, most: float = 1000.0) -> None:
        self._limit = initial
        self._least = least
        self._most = most
        self._usual: float | None = None
        self._since: float | None = None
        self._taken: list[float] = []
        self._full = False
        self._overloaded = False
        self._draining = False
        self._drained_at = 0.0

    @property
    def limit(self) -> float:
        """Sends that may be under way at once."""
        return max(self._least, self._limit / 2) if self._draining else self._limit

    def admits(self, under_way: int) -> bool:
        """Whether one more may begin."""
        if under_way + 1 >= self.limit:
            self._full = True
        return under_way < self.limit

    def ended(self, seconds: float, now: float, *, overloaded: bool = False) -> None:
        """A send has ended after this long, perhaps because the target was overloaded."""
        if self._since is None:
            self._since = self._drained_at = now
        if overloaded:
            self._overloaded = True
        elif now - seconds >= self._since or not self._draining:
            self._taken.append(seconds)
        if now - self._since < WINDOW:
            return
        if self._overloaded or len(self._taken) >= SAMPLES:
            self._adjust(now)

    def _adjust(self, now: float) -> None:
        if self._overloaded:
            self._limit *= SHRINK
        else:
            present = median(self._taken)
            if self._draining or self._usual is None:
                self._usual = present
            self._usual = min(self._usual, present)
            if self._full and not self._draining:
                gradient = min(1.0, max(0.5, TOLERANCE * self._usual / present))
                self._limit = gradient * self._limit + sqrt(self._limit) / 2
        self._limit = min(max(self._limit, self._least), self._most)
        drained = self._draining or self._overloaded
        if drained:
            self._drained_at = now
        self._draining = not drained and now - self._drained_at >= DRAIN
        self._since = now
        self._taken.clear()
        self._full = self._overloaded = False
