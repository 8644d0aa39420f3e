"""How long a target takes: a moving average that believes bad news at once, and quantiles."""

from __future__ import annotations

from collections import deque
from math import ceil, exp, inf
from typing import Final

__all__ = ["PeakEwma", "Quantiles", "peak_cost"]

LEAST: Final = 1e-6
"""Seconds: an average that has decayed further says nothing any more."""


class PeakEwma:
    """An exponentially weighted moving average of seconds that jumps up to every peak.

    As in Finagle's `P2CPeakEwma` and linkerd2's balancer: a value above the average takes its
    place, one below pulls it down; while nothing is measured it decays with `decay` seconds, so
    that a member that was slow is tried again. Only answers belong in it: a failure that comes
    fast must not attract anybody.
    """

    __slots__ = ("_at", "_decay", "_value")

    def __init__(self, decay: float = 10.0) -> None:
        self._decay = decay
        self._value: float | None = None
        self._at = 0.0

    def observe(self, seconds: float, now: float) -> None:
        """An answer took this long."""
        if self._value is None or seconds >= self._value:
            self._value = seconds
        else:
            old = exp(-max(now - self._at, 0.0) / self._decay)
            self._value = self._value * old + seconds * (1 - old)
        self._at = now

    def estimate(self, now: float) -> float | None:
        """Seconds that the next answer may take; None if nothing was ever measured."""
        if self._value is None:
            return None
        return max(LEAST, self._value * exp(-max(now - self._at, 0.0) / self._decay))


def peak_cost(latency: float | None, load: int) -> float:
    """What a member is compared by: its latency times its sends under way, with this one.

    One that was never measured costs nothing while nobody is asking it, and everything while
    somebody is: it gets one probe at a time.
    """
    if latency is None:
        return inf if load else 0.0
    return latency * (load + 1)


class Quantiles:
    """Quantiles of what was measured in the last `seconds`, of at most `most` values."""

    __slots__ = ("_seconds", "_values")

    def __init__(self, seconds: float = 300.0, most: int = 256) -> None:
        self._seconds = seconds
        self._values: deque[tuple[float, float]] = deque(maxlen=most)

    def observe(self, value: float, now: float) -> None:
        """Something was measured."""
        self._values.append((now, value))

    def at(self, share: float, now: float, least: int = 20) -> float | None:
        """The smallest value that `share` of all do not exceed (the nearest rank); None if fewer
        than `least` are known."""
        values = self._values
        while values and values[0][0] <= now - self._seconds:
            values.popleft()
        if len(values) < least or not values:
            return None
        ranked = sorted(value for _, value in values)
        return ranked[max(0, ceil(share * len(ranked)) - 1)]
