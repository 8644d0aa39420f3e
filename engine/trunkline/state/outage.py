"""What holds while a shared store cannot be reached, and what it is told once it can be again."""

from __future__ import annotations

from collections import OrderedDict, deque
from itertools import count
from typing import TYPE_CHECKING, Final

from trunkline.policy.limiter import Limiter
from trunkline.policy.limits import share
from trunkline.store import Change, Refused, StoreDownError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trunkline.policy.state_settings import StateSettings
    from trunkline.ports import Clock
    from trunkline.store import Claim

__all__ = ["BACKLOG", "Outage"]

BACKLOG: Final = 10_000
"""At most so many settlements wait for the store to come back; older ones are given up."""

_KNOWN: Final = 10_000


class Outage:
    """This process's part of every counter, for as long as the store is away.

    A limit is divided by the number of processes. A budget's part is that of what was left of it
    when the store was last heard of. What was really used goes to the store when it is back.
    """

    def __init__(self, settings: StateSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._limiter = Limiter()
        self._known: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._held: dict[str, dict[str, Claim | None]] = {}
        self._owed: deque[tuple[str, float, list[Change]]] = deque()
        self._names = count()
        self._number = 0
        self.lost = 0

    def begin(self) -> None:
        """The store went away: what is left of budgets is divided anew."""
        self._number += 1

    def learn(self, key: str, start: float, used: int) -> None:
        """The store told how much of a budget is used."""
        self._known[key] = (start, used)
        self._known.move_to_end(key)
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)

    def left(self, claim: Claim) -> float | None:
        """What the store said was left of a budget, None if it did not."""
        known = self._known.get(claim.key)
        if known is None:
            return None
        return claim.capacity - known[1] if known[0] >= claim.start else claim.capacity

    def reserve(self, reservation: str, claims: Sequence[Claim], again: float) -> Refused | None:
        """As `Store.reserve`; `again` is in how many seconds the store is asked again."""
        places: list[int] = []
        parts: list[Claim] = []
        held: dict[str, Claim | None] = {}
        for place, claim in enumerate(claims):
            budget = claim.kind == "window"
            rule = self._settings.on_down_budgets if budget else self._settings.on_down_limits
            if rule == "closed":
                what = "budgets" if budget else "limits"
                raise StoreDownError(f"the store of {what} does not answer", budget=budget)
            held[claim.key] = None
            if rule == "local":
                part = held[claim.key] = self._part(claim)
                places.append(place)
                parts.append(part)
        now, epoch = self._clock.monotonic(), self._clock.time()
        refused = self._limiter.reserve(reservation, parts, now, epoch)
        if refused is None:
            self._held[reservation] = held
            return None
        place, wait = places[refused.index], refused.retry_after
        if wait is None and claims[place].amount <= claims[place].capacity:
            wait = again
        return Refused(place, wait)

    def settle(self, reservation: str, changes: Sequence[Change]) -> bool:
        """Settle a reservation that was made here; False if it was not."""
        held = self._held.get(reservation)
        if held is None:
            return False
        now = self._clock.monotonic()
        owed: list[Change] = []
        for claim, used in changes:
            if claim.key not in held:
                continue
            part = held.pop(claim.key)
            if part is not None:
                change = Change(part, used)
                self._limiter.settle(reservation, [change], now, self._clock.time())
            if used and claim.kind != "lease":
                owed.append(Change(claim, used))
                self._add(claim, used)
        if not held:
            del self._held[reservation]
        if owed:
            self._owed.append((f"{reservation}#{next(self._names)}", now, owed))
            if len(self._owed) > BACKLOG:
                self._owed.popleft()
                self.lost += 1
        return True

    def owed(self) -> list[tuple[str, list[Change]]]:
        """What was used meanwhile, each under a name of its own, to be told once. A bucket that
        has filled since is not told of it."""
        now = self._clock.monotonic()
        told = []
        for name, at, changes in self._owed:
            kept = [
                change
                for change in changes
                if change.claim.kind == "window"
                or (now - at) * change.claim.rate < change.claim.capacity
            ]
            if kept:
                told.append((name, kept))
        self._owed.clear()
        return told

    def _part(self, claim: Claim) -> Claim:
        if claim.kind != "window":
            return share(claim, self._settings.replicas)
        left = self.left(claim)
        remaining = claim.capacity if left is None else max(0, int(left))
        part = remaining // self._settings.replicas
        return claim._replace(key=f"{claim.key}@{self._number}", capacity=part)

    def _add(self, claim: Claim, used: int) -> None:
        """Money that the store has not heard of is spent all the same, if it goes away again."""
        if claim.kind == "window":
            start, before = self._known.get(claim.key, (claim.start, 0))
            if claim.start >= start:
                self.learn(claim.key, claim.start, used + (before if claim.start == start else 0))
