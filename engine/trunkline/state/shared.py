"""What stores beyond this process have in common: counters that stay here, and outages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from trunkline.policy.limiter import Limiter
from trunkline.policy.limits import refund
from trunkline.state.outage import Outage
from trunkline.store import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trunkline.policy.state_settings import StateSettings
    from trunkline.ports import Clock
    from trunkline.store import Change, Claim

__all__ = ["SharedStore", "Unreachable"]


class Unreachable(Exception):
    """The store did not answer in time, or with an error."""


class SharedStore(ABC):
    """See `trunkline.store.Store`. `degraded` is since when the store cannot be reached, in
    seconds since the epoch; None if it can."""

    def __init__(self, settings: StateSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._near = Limiter()
        self._outage = Outage(settings, clock)
        self.degraded: float | None = None

    @property
    def lost(self) -> int:
        """How many settlements were given up because the store was away for too long."""
        return self._outage.lost

    async def reserve(self, reservation: str, claims: Sequence[Claim]) -> Refused | None:
        if len({claim.key for claim in claims}) != len(claims):
            raise ValueError("a counter is claimed twice in one reservation")
        near = [claim for claim in claims if claim.local]
        if not near:
            return await self._far(reservation, claims)
        now, epoch = self._clock.monotonic(), self._clock.time()
        places = [place for place, claim in enumerate(claims) if claim.local]
        refused = self._near.reserve(reservation, near, now, epoch)
        if refused is None:
            far = [claim for claim in claims if not claim.local]
            places = [place for place, claim in enumerate(claims) if not claim.local]
            try:
                refused = await self._far(reservation, far) if far else None
            except BaseException:
                self._settle_near(reservation, refund(near))
                raise
            if refused is not None:
                self._settle_near(reservation, refund(near))
        return refused and Refused(places[refused.index], refused.retry_after)

    def settle(self, reservation: str, changes: Sequence[Change]) -> None:
        near = [change for change in changes if change.claim.local]
        if near:
            self._settle_near(reservation, near)
            changes = [change for change in changes if not change.claim.local]
        if not changes:
            return
        if not self._outage.settle(reservation, changes):
            self._give(reservation, changes)
        elif self.degraded is None:
            self._tell_owed()

    def left(self, claim: Claim) -> float | None:
        """What the claim's counter holds, as far as this process has heard; None if it has not."""
        if claim.local:
            return self._near.left(claim, self._clock.monotonic())
        return self._outage.left(claim)

    async def _far(self, reservation: str, claims: Sequence[Claim]) -> Refused | None:
        if self.degraded is None:
            try:
                return await self._take(reservation, claims)
            except Unreachable:
                pass
        return self._outage.reserve(reservation, claims, self._again())

    def _settle_near(self, reservation: str, changes: Sequence[Change]) -> None:
        now, epoch = self._clock.monotonic(), self._clock.time()
        self._near.settle(reservation, changes, now, epoch)

    def _tell_owed(self) -> None:
        """Tell the store, which is back, what was used while it was away. What began then may end
        only now."""
        for name, changes in self._outage.owed():
            self._charge(name, changes)

    @abstractmethod
    async def _take(self, reservation: str, claims: Sequence[Claim]) -> Refused | None:
        """Ask the store. Raises `Unreachable`, and then nothing stays taken; nor does it when
        whoever waits is cancelled."""

    @abstractmethod
    def _give(self, reservation: str, changes: Sequence[Change]) -> None:
        """Settle what `_take` took, later if need be."""

    @abstractmethod
    def _charge(self, name: str, changes: Sequence[Change]) -> None:
        """Count what `_take` was not asked for, under a name of its own, later if need be."""

    @abstractmethod
    def _again(self) -> float:
        """In how many seconds the store is asked again."""
