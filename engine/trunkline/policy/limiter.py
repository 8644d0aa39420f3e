"""Counters in memory: buckets, leases and windows, taken together or not at all.

This is the reference for every store: the file store runs it, and the script that runs in Redis
is held to it by a test. Time is an argument. It never steps back: what lies before the last time
that a counter saw counts as that time.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import inf
from typing import TYPE_CHECKING, Any, Final

from trunkline.store import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trunkline.store import Change, Claim

__all__ = ["HOLD", "SLACK", "Limiter", "State"]

SLACK: Final = 1e-6
"""A bucket that lacks less than this has enough: whoever waits exactly as long as it was told
must not be refused for a rounding. What was lacking stays owed, so it never adds up."""

HOLD: Final = 3600.0
"""For at least this many seconds a reservation can be settled; within twice that it is
forgotten, because whoever made it is gone."""

State = list[Any]
"""A counter as JSON."""

_SWEPT: Final = 16
"""At most so many counters are looked at by one reservation, to drop those that are idle."""


class _Bucket:
    """`level` of it was there `at` that time."""

    __slots__ = ("at", "claim", "level")
    start = 0.0

    def __init__(self, claim: Claim, now: float) -> None:
        self.claim = claim
        self.level: float = claim.capacity
        self.at = now

    def fill(self, claim: Claim, now: float) -> float:
        if now > self.at:
            self.level += (now - self.at) * claim.rate
            self.at = now
        self.claim = claim
        if self.level > claim.capacity:
            self.level = claim.capacity
        return self.level

    def take(self, claim: Claim, _reservation: str, now: float, _epoch: float) -> float | None:
        """None, or the seconds to wait."""
        level = self.fill(claim, now)
        amount = claim.amount
        if amount > level + SLACK:
            if amount > claim.capacity or claim.rate <= 0:
                return inf
            return self.at - now + (amount - level) / claim.rate
        self.level = level - amount
        return None

    def undo(self, claim: Claim, _reservation: str) -> None:
        self.level += claim.amount

    def settle(self, change: Change, _reservation: str, now: float) -> None:
        back = change.claim.amount - change.used
        if back:
            self.fill(change.claim, now)
            self.level = min(self.level + back, change.claim.capacity)

    def charge(self, change: Change, now: float) -> None:
        self.fill(change.claim, now)
        self.level -= change.used

    def dump(self) -> State:
        return [self.level, self.at]

    def load(self, state: State) -> None:
        self.level, self.at = state

    def idle_at(self, now: float, _epoch: float) -> float:
        """The time from which it is as good as new."""
        lacking = self.claim.capacity - self.level
        if lacking <= 0:
            return now
        return self.at + lacking / self.claim.rate if self.claim.rate > 0 else inf

    def left(self, claim: Claim, now: float) -> float:
        return self.fill(claim, now)


class _Lease:
    """`held` is when each reservation's lease runs out; `soonest` is no later than the first of
    them, so that only a time past it is worth a look at all."""

    __slots__ = ("at", "held", "soonest")
    start = 0.0

    def __init__(self, _claim: Claim, now: float) -> None:
        self.held: dict[str, float] = {}
        self.soonest = inf
        self.at = now

    def free(self, now: float) -> None:
        self.at = max(self.at, now)
        if self.soonest <= self.at:
            self.held = {who: until for who, until in self.held.items() if until > self.at}
            self.soonest = min(self.held.values(), default=inf)

    def take(self, claim: Claim, reservation: str, now: float, _epoch: float) -> float | None:
        self.free(now)
        if len(self.held) + claim.amount > claim.capacity:
            if claim.amount > claim.capacity or not self.held:
                return inf
            return max(0.0, self.soonest - now)
        until = self.held[reservation] = self.at + claim.ttl
        if until < self.soonest:
            self.soonest = until
        return None

    def undo(self, _claim: Claim, reservation: str) -> None:
        self.give(reservation)

    def settle(self, _change: Change, reservation: str, _now: float) -> None:
        self.give(reservation)

    def give(self, reservation: str) -> None:
        if self.held.pop(reservation, inf) == self.soonest:
            self.soonest = min(self.held.values(), default=inf)

    def charge(self, _change: Change, _now: float) -> None:
        """A lease that was held elsewhere is over."""

    def dump(self) -> State:
        return [self.at, self.held]

    def load(self, state: State) -> None:
        self.at, self.held = state
        self.soonest = min(self.held.values(), default=inf)

    def idle_at(self, now: float, _epoch: float) -> float:
        return max(self.held.values(), default=now)

    def left(self, claim: Claim, now: float) -> float:
        self.free(now)
        return claim.capacity - len(self.held)


class _Window:
    """`used` of it since `start`. A later start empties it, an earlier one changes nothing."""

    __slots__ = ("before", "end", "start", "used")

    def __init__(self, _claim: Claim, _now: float) -> None:
        self.start = self.end = -inf
        self.used = 0
        self.before = (self.start, self.end, 0)

    def take(self, claim: Claim, _reservation: str, _now: float, epoch: float) -> float | None:
        later = claim.start > self.start
        used = claim.amount if later else self.used + claim.amount
        if used > claim.capacity:
            end = claim.end if later else self.end
            return inf if claim.amount > claim.capacity else max(0.0, end - epoch)
        self.before = (self.start, self.end, self.used)
        if later:
            self.start, self.end = claim.start, claim.end
        self.used = used
        return None

    def undo(self, _claim: Claim, _reservation: str) -> None:
        self.start, self.end, self.used = self.before

    def settle(self, change: Change, _reservation: str, _now: float) -> None:
        self.used = max(0, self.used + change.used - change.claim.amount)

    def charge(self, change: Change, _now: float) -> None:
        claim = change.claim
        if claim.start > self.start:
            self.start, self.end, self.used = claim.start, claim.end, 0
        if claim.start == self.start:
            self.used += change.used

    def dump(self) -> State:
        return [self.start, self.end, self.used]

    def load(self, state: State) -> None:
        self.start, self.end, self.used = state

    def idle_at(self, now: float, epoch: float) -> float:
        if self.start == -inf:
            return now
        # Kept for as long again, so that a clock which steps back finds it.
        return now + max(0.0, 2 * self.end - self.start - epoch)

    def left(self, claim: Claim, _now: float) -> float:
        return claim.capacity - (0 if claim.start > self.start else self.used)


_Counter = _Bucket | _Lease | _Window
_KINDS: Final[dict[str, type[_Bucket] | type[_Lease] | type[_Window]]] = {
    "bucket": _Bucket,
    "lease": _Lease,
    "window": _Window,
}


class Limiter:
    """Counters of this process. `now` is in seconds of a clock that never steps back, `epoch` in
    seconds since the epoch; windows alone go by that one.

    A counter that is as good as new is dropped; each reservation looks at a few that may be.
    """

    __slots__ = ("_counters", "_due", "_older", "_open", "_turned")

    def __init__(self) -> None:
        self._counters: dict[str, _Counter] = {}
        self._due: list[tuple[float, str]] = []
        # Two generations: a reservation that nobody settles goes with its generation.
        self._open: dict[str, dict[str, float]] = {}
        self._older: dict[str, dict[str, float]] = {}
        self._turned = -inf

    def __len__(self) -> int:
        """How many counters are kept."""
        return len(self._counters)

    @property
    def open(self) -> int:
        """How many reservations are not settled."""
        return len(self._open) + len(self._older)

    def reserve(
        self, reservation: str, claims: Sequence[Claim], now: float, epoch: float
    ) -> Refused | None:
        """Take all of the claims or none; see `trunkline.store.Store.reserve`. One that is
        already open takes nothing more.

        Raises ValueError if a key stands in the claims twice.
        """
        if self._due and self._due[0][0] <= now:
            self._sweep(now, epoch)
        if now - self._turned >= HOLD:
            self._older, self._open, self._turned = self._open, {}, now
        if reservation in self._open or reservation in self._older:
            return None
        taken: dict[str, float] = {}
        counters = self._counters
        for index, claim in enumerate(claims):
            key = claim.key
            if key in taken:
                self._undo(reservation, claims[:index])
                raise ValueError("a counter is claimed twice in one reservation")
            counter = counters.get(key)
            if counter is None:
                counter = self._counter(claim, now, epoch)
            wait = counter.take(claim, reservation, now, epoch)
            if wait is not None:
                self._undo(reservation, claims[:index])
                return Refused(index, None if wait == inf else wait)
            taken[key] = counter.start
        self._open[reservation] = taken
        return None

    def settle(self, reservation: str, changes: Sequence[Change], now: float, epoch: float) -> None:
        """Correct what an open reservation took. What is not open, or was settled, is left."""
        for opened in (self._open, self._older):
            taken = opened.get(reservation)
            if taken is not None:
                break
        else:
            return
        for change in changes:
            claim, used = change
            start = taken.pop(claim.key, None)
            if start is None or (used == claim.amount and claim.kind != "lease"):
                continue
            counter = self._counters.get(claim.key)
            if counter is None:
                counter = self._counter(claim, now, epoch)
            if counter.start == start:
                counter.settle(change, reservation, now)
        if not taken:
            del opened[reservation]

    def charge(self, name: str, changes: Sequence[Change], now: float, epoch: float) -> None:
        """Count what was used without asking for it first; what has this name is counted once."""
        if name in self._open or name in self._older:
            return
        self._open[name] = {}
        for change in changes:
            counter = self._counters.get(change.claim.key)
            if counter is None:
                counter = self._counter(change.claim, now, epoch)
            counter.charge(change, now)

    def load(
        self,
        reservation: str,
        taken: dict[str, float] | None,
        counters: Mapping[str, State],
        claims: Sequence[Claim],
        now: float,
        epoch: float,
    ) -> None:
        """Begin with counters and a reservation as they were dumped; `taken` is None if there is
        no such reservation."""
        if taken is not None:
            self._open[reservation] = taken
        for claim in claims:
            if claim.key in counters:
                self._counter(claim, now, epoch).load(counters[claim.key])

    def dump(self, claim: Claim, now: float, epoch: float) -> tuple[State, float] | None:
        """A claim's counter as JSON, and when it is as good as new; None if it is already."""
        counter = self._counters.get(claim.key)
        return None if counter is None else (counter.dump(), counter.idle_at(now, epoch))

    def taken(self, reservation: str) -> dict[str, float] | None:
        """An open reservation as JSON."""
        return self._open.get(reservation)

    def left(self, claim: Claim, now: float) -> float:
        """What a claim's counter holds at this time; below zero if it is owed."""
        counter = self._counters.get(claim.key)
        return claim.capacity if counter is None else counter.left(claim, now)

    def _counter(self, claim: Claim, now: float, epoch: float) -> _Counter:
        counter = self._counters[claim.key] = _KINDS[claim.kind](claim, now)
        if claim.kind == "bucket":
            due = now + (claim.capacity / claim.rate if claim.rate > 0 else HOLD)
        else:
            due = now + max(claim.ttl, claim.end - epoch)
        heappush(self._due, (due, claim.key))
        return counter

    def _undo(self, reservation: str, claims: Sequence[Claim]) -> None:
        for claim in claims:
            self._counters[claim.key].undo(claim, reservation)

    def _sweep(self, now: float, epoch: float) -> None:
        due = self._due
        for _ in range(_SWEPT):
            if not due or due[0][0] > now:
                return
            _, key = heappop(due)
            idle = self._counters[key].idle_at(now, epoch)
            if idle <= now:
                del self._counters[key]
            else:
                heappush(due, (max(idle, now + 1.0), key))
