"""Which member of a balance is next: pure choices over members known by their index.

What a strategy remembers between picks is inside it; chance and what is known of the members are
given with each pick. `tried` are the members that this request has had already, or may not have;
a member that weighs 0 is never picked.
"""

from __future__ import annotations

from hashlib import blake2b
from math import log
from typing import TYPE_CHECKING, Final, Protocol

from trunkline.policy.latency import peak_cost

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from trunkline.ports import Random

__all__ = [
    "STRATEGIES",
    "ByChance",
    "LeastConnections",
    "LowestCost",
    "LowestLatency",
    "Members",
    "RoundRobin",
    "Sticky",
    "Strategy",
    "Weighted",
    "strategy",
]

_PRIME: Final = 2**61 - 1


class Members(Protocol):
    """What is known of the members, each by its index, when one is picked.

    `key` is what `sticky` hashes, empty for none. `ramping` is false where every share is 1, so
    that none need be asked.
    """

    @property
    def key(self) -> str:
        """What keeps requests together."""
        ...

    @property
    def ramping(self) -> bool:
        """Whether any member has a share below 1."""
        ...

    def load(self, index: int) -> int:
        """The sends under way to a member."""
        ...

    def latency(self, index: int) -> float | None:
        """Its peak moving average in seconds (`PeakEwma.estimate`), None if never measured."""
        ...

    def cost(self, index: int) -> float:
        """What this request would cost there, in any unit; infinite if nobody knows."""
        ...

    def share(self, index: int) -> float:
        """In [0, 1]: how much of its traffic it should get, as it comes back from an ejection."""
        ...


class Strategy(Protocol):
    """A way to choose, with its memory."""

    def pick(self, tried: Collection[int], view: Members, chance: Random) -> int | None:
        """The index of a member that is not in `tried`, or None if there is none.

        A member in its ramp is passed over with probability `1 - share` while others remain.
        """
        ...


class _Weighing:
    """What all strategies share: the members' weights and names, and respect for ramps."""

    __slots__ = ("_names", "_weights")

    def __init__(self, weights: Sequence[int], names: Sequence[str] = ()) -> None:
        self._weights = tuple(weights)
        self._names = tuple(names) or tuple(map(str, range(len(self._weights))))

    def pick(self, tried: Collection[int], view: Members, chance: Random) -> int | None:
        """See `Strategy`."""
        first = index = self._next(tried, view, chance)
        if not view.ramping:
            return first
        passed = set(tried)
        while index is not None:
            if chance.random() < view.share(index):
                return index
            passed.add(index)
            index = self._next(passed, view, chance)
        return first

    def _next(self, tried: Collection[int], view: Members, chance: Random) -> int | None:
        raise NotImplementedError

    def _left(self, tried: Collection[int]) -> list[int]:
        return [i for i, weight in enumerate(self._weights) if weight and i not in tried]


class Weighted(_Weighing):
    """Smooth weighted round robin, as nginx does it (upstream commit 52327e0627f4, 2012).

    Each pick adds to every member its weight, takes the member that has most, and charges it
    the sum of the weights. So shares are exact over a period of sum(weights)/gcd(weights)
    picks, whatever the order of the members, and a heavy member is not picked in one burst.
    """

    __slots__ = ("_credit",)

    def __init__(self, weights: Sequence[int], names: Sequence[str] = ()) -> None:
        super().__init__(weights, names)
        self._credit = [0] * len(self._weights)

    def _next(self, tried: Collection[int], view: Members, chance: Random) -> int | None:
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

    __slots__ = ("_turn",)

    def __init__(self, weights: Sequence[int], names: Sequence[str] = ()) -> None:
        super().__init__(weights, names)
        self._turn = 0

    def _next(self, tried: Collection[int], view: Members, chance: Random) -> int | None:
        size = len(self._weights)
        for step in range(size):
            index = (self._turn + step) % size
            if self._weights[index] and index not in tried:
                self._turn = (index + 1) % size
                return index
        return None


class ByChance(_Weighing):
    """A member by chance, each in proportion to its weight."""

    __slots__ = ()

    def _next(self, tried: Collection[int], view: Members, chance: Random) -> int | None:
        left = self._left(tried)
        point = chance.random() * sum(self._weights[index] for index in left)
        for index in left:
            point -= self._weights[index]
            if point < 0:
                return index
        return left[-1] if left else None


class LeastConnections(_Weighing):
    """The member with the fewest sends under way; between equal ones, by chance."""

    __slots__ = ()

    def _next(self, tried: Collection[int], view: Members, chance: Random) -> int | None:
        return _least(self._left(tried), view.load, chance)


class LowestLatency(_Weighing):
    """The faster of two members drawn by chance, by latency and sends under way.

    Two choices are nearly as good as the best of all and never a stampede to one (Mitzenmacher,
    "The Power of Two Choices in Randomized Load Balancing", 2001); with the peak moving average
    as Finagle and linkerd2 have it.
    """

    __slots__ = ()

    def _next(self, tried: Collection[int], view: Members, chance: Random) -> int | None:
        left = self._left(tried)
        if len(left) < 2:
            return left[0] if left else None
        one = left.pop(int(chance.random() * len(left)))
        other = left[int(chance.random() * len(left))]
        cost = peak_cost(view.latency(one), view.load(one))
        return one if cost <= peak_cost(view.latency(other), view.load(other)) else other


class LowestCost(_Weighing):
    """The member where this request is cheapest; between equal ones, by chance."""

    __slots__ = ()

    def _next(self, tried: Collection[int], view: Members, chance: Random) -> int | None:
        return _least(self._left(tried), view.cost, chance)


class Sticky(ByChance):
    """The same key goes to the same member, and only the keys of a member that is gone move.

    Rendezvous hashing (Thaler and Ravishankar, 1998): every member draws a number from its name
    and the key, and the best wins; with weights as -ln(number)/weight (Schindelhauer and
    Schomaker, 2005). The numbers are products modulo 2^61 - 1. Without a key, by chance.
    """

    __slots__ = ("_factors",)

    def __init__(self, weights: Sequence[int], names: Sequence[str] = ()) -> None:
        super().__init__(weights, names)
        seen: dict[str, int] = {}
        self._factors: list[int] = []
        for name in self._names:
            seen[name] = nth = seen.get(name, 0) + 1
            self._factors.append(_hash(f"{nth} {name}"))

    def _next(self, tried: Collection[int], view: Members, chance: Random) -> int | None:
        if not view.key:
            return super()._next(tried, view, chance)
        key = _hash(view.key)
        best, least = None, 0.0
        for index in self._left(tried):
            drawn = -log(key * self._factors[index] % _PRIME / _PRIME) / self._weights[index]
            if best is None or drawn < least:
                best, least = index, drawn
        return best


STRATEGIES: Final[dict[str, Callable[[Sequence[int], Sequence[str]], Strategy]]] = {
    "weighted": Weighted,
    "round_robin": RoundRobin,
    "random": ByChance,
    "least_connections": LeastConnections,
    "lowest_latency": LowestLatency,
    "lowest_cost": LowestCost,
    "sticky": Sticky,
}
"""Strategies by the word that a route file uses after `by:`."""


def strategy(by: str, weights: Sequence[int], names: Sequence[str] = ()) -> Strategy:
    """A fresh strategy for members of these weights (1 each where weights are ignored).

    `names` are what a member keeps when others come and go, such as leaf ids; `sticky` needs
    them. Raises `KeyError` for a word that is not in `STRATEGIES`.
    """
    return STRATEGIES[by](weights, names)


def _least(left: Sequence[int], value: Callable[[int], float], chance: Random) -> int | None:
    values = [value(index) for index in left]
    least = min(values, default=0)
    ties = [index for index, n in zip(left, values, strict=True) if n == least]
    return ties[int(chance.random() * len(ties))] if ties else None


def _hash(text: str) -> int:
    """A number from 1 to 2^61 - 2."""
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return int.from_bytes(digest, "big") % (_PRIME - 1) + 1
