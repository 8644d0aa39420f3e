"""Which member of a balance is next: pure choices over members known by their index.

What a strategy remembers between picks is inside it; chance and the sends under way are given
with each pick. `tried` are the members that this request has had already; a member that weighs
0 is never picked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from trunkline.ports import Random

__all__ = [
    "STRATEGIES",
    "ByChance",
    "LeastConnections",
    "RoundRobin",
    "Strategy",
    "Weighted",
    "strategy",
]


class Strategy(Protocol):
    """A way to choose, with its memory."""

    def pick(
        self, tried: Collection[int], load: Callable[[int], int], chance: Random
    ) -> int | None:
        """The index of a member that is not in `tried`, or None if there is none.

        `load(i)` counts the sends under way to member i.
        """
        ...


class _Weighing:
    """What all strategies know: the members' weights."""

    __slots__ = ("_weights",)

    def __init__(self, weights: Sequence[int]) -> None:
        self._weights = tuple(weights)


class Weighted(_Weighing):
    """Smooth weighted round robin, as nginx does it (upstream commit 52327e0627f4, 2012).

    Each pick adds to every member its weight, takes the member that has most, and charges it
    the sum of the weights. So shares are exact over a period of sum(weights)/gcd(weights)
    picks, whatever the order of the members, and a heavy member is not picked in one burst.
    """

    __slots__ = ("_credit",)

    def __init__(self, weights: Sequence[int]) -> None:
        super().__init__(weights)
        self._credit = [0] * len(self._weights)

    def pick(
        self, tried: Collection[int], load: Callable[[int], int], chance: Random
    ) -> int | None:
        """See `Strategy`."""
        best, total = None, 0
        credit = self._credit
        for index, weight in enumerate(self._weights):
            if not weight or index in tried:
                continue
            total += weight
            credit[index] += weight
            if best is None or credit[index] > credit[best]:
                best = index
        if best is not None:
            credit[best] -= total
        return best


class RoundRobin(_Weighing):
    """One after the other. A pick after a failure moves the turn on like any other, so that
    the neighbour of a dead member does not get twice its share."""

    __slots__ = ("_next",)

    def __init__(self, weights: Sequence[int]) -> None:
        super().__init__(weights)
        self._next = 0

    def pick(
        self, tried: Collection[int], load: Callable[[int], int], chance: Random
    ) -> int | None:
        """See `Strategy`."""
        size = len(self._weights)
        for step in range(size):
            index = (self._next + step) % size
            if self._weights[index] and index not in tried:
                self._next = (index + 1) % size
                return index
        return None


class ByChance(_Weighing):
    """A member by chance, each in proportion to its weight."""

    __slots__ = ()

    def pick(
        self, tried: Collection[int], load: Callable[[int], int], chance: Random
    ) -> int | None:
        """See `Strategy`."""
        left = _left(self._weights, tried)
        point = chance.random() * sum(self._weights[index] for index in left)
        for index in left:
            point -= self._weights[index]
            if point < 0:
                return index
        return left[-1] if left else None


class LeastConnections(_Weighing):
    """The member with the fewest sends under way; between equal ones, by chance."""

    __slots__ = ()

    def pick(
        self, tried: Collection[int], load: Callable[[int], int], chance: Random
    ) -> int | None:
        """See `Strategy`."""
        left = _left(self._weights, tried)
        loads = [load(index) for index in left]
        least = min(loads, default=0)
        return _any([index for index, n in zip(left, loads, strict=True) if n == least], chance)


STRATEGIES: Final[dict[str, Callable[[Sequence[int]], Strategy]]] = {
    "weighted": Weighted,
    "round_robin": RoundRobin,
    "random": ByChance,
    "least_connections": LeastConnections,
}
"""Strategies by the word that a route file uses after `by:`."""


def strategy(by: str, weights: Sequence[int]) -> Strategy:
    """A fresh strategy for members of these weights (1 each where weights are ignored).

    Raises `KeyError` for a word that is not in `STRATEGIES`.
    """
    return STRATEGIES[by](weights)


def _left(weights: Sequence[int], tried: Collection[int]) -> list[int]:
    return [index for index, weight in enumerate(weights) if weight and index not in tried]


def _any(members: Sequence[int], chance: Random) -> int | None:
    return members[int(chance.random() * len(members))] if members else None
