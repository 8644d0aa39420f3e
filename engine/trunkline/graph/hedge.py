"""`hedge`: a second request to another target when the first content is late.

::

    to:
      hedge:
        of: [openai/gpt-4o, azure/gpt-4o]
        after: 2s
        share: 0.05

`of` is walked once, and where nothing has come after `after`, once more beside that, past the
targets that are being asked: whoever has content first answers. The other walk is cancelled at
once and paid for as far as it went. When one of them fails the other goes on; when all fail, the
first real failure is raised.

Refuses to hedge what must not happen twice (tools that the provider runs, `store: true`), a
request whose caller wants no other target, one whose sends or time are used up, and more requests
than `share` of those of the last minute. Hedges count in the request's `max_sends`.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from trunkline.graph.asking import LEAST_TIME, acts
from trunkline.graph.node import SkippedError, Through
from trunkline.policy.hedging import HedgeBudget, hedge_delay

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trunkline.graph.node import Call, Node
    from trunkline.graph.reply import Reply

    _Task = asyncio.Task[Reply]

__all__ = ["Hedge"]

LATE: Final = 0.95
"""The share of answers that have begun before one is late."""

_MEASURED: Final = 1.0
"""Seconds after which that is measured again."""


class _Memory:
    """What a hedge remembers: its budget, and how late is late."""

    __slots__ = ("budget", "delay", "until")

    def __init__(self, share: float) -> None:
        self.budget = HedgeBudget(share)
        self.delay: float | None = None
        self.until = -math.inf


@dataclass(frozen=True, slots=True)
class Hedge(Through):
    """`after` is in seconds, None for `auto`; `extra` is how many further requests there may be,
    `share` for what share of requests, `leaves` who is below. It needs the sends of one walk:
    there is no hedge where none are left for it."""

    id: str
    of: Node
    leaves: tuple[str, ...]
    after: float | None = None
    extra: int = 1
    share: float = 0.05
    sends: int | None = None
    name: str = ""

    async def call(self, request: Mapping[str, Any], call: Call) -> Reply:
        """The reply of the walk that has content first."""
        if acts(request) or not call.options.fallback:
            return await self.of.call(request, call)
        now = call.clock.monotonic()
        memory = call.state.keep(self.id, self.share, lambda: _Memory(self.share))
        memory.budget.deposit(now)
        delay = self._delay(memory, call, now)
        if delay is None:
            return await self.of.call(request, call)
        return await _Race(self, request, call, memory.budget, delay).reply()

    def _delay(self, memory: _Memory, call: Call, now: float) -> float | None:
        """Seconds until an answer is late; None where nobody knows."""
        if self.after is not None:
            return self.after
        if now >= memory.until:
            firsts = (call.state.timing(leaf).quantiles.at(LATE, now) for leaf in self.leaves)
            known = [one for one in firsts if one is not None]
            memory.delay = hedge_delay(max(known, default=None))
            memory.until = now + _MEASURED
        return memory.delay


class _Race:
    """Walks of one request beside one another, in the order in which they began."""

    __slots__ = ("_budget", "_call", "_delay", "_hedge", "_most", "_request", "_walks")

    def __init__(
        self,
        hedge: Hedge,
        request: Mapping[str, Any],
        call: Call,
        budget: HedgeBudget,
        delay: float,
    ) -> None:
        self._hedge = hedge
        self._request = request
        self._call = call
        self._budget = budget
        self._delay = delay
        self._walks: dict[_Task, Call] = {}
        most = call.cap if hedge.sends is None else min(call.cap, call.sent + hedge.sends)
        self._most = min(most, call.most)

    async def reply(self) -> Reply:
        """The first reply; no other walk is left when it is given."""
        try:
            self._begin(self._apart())
            winner = await self._won()
            self._call.pin = self._walks[winner].pin
            await _end([walk for walk in self._walks if walk is not winner])
        except BaseException:
            await _end(self._walks)
            raise
        return winner.result()

    async def _won(self) -> _Task:
        """The walk that has a reply. Raises the first real failure when all have failed."""
        left = self._hedge.extra
        timer: asyncio.Task[None] | None = None
        try:
            while True:
                if timer is None and left:
                    timer = asyncio.create_task(self._call.clock.sleep(self._delay))
                running = [walk for walk in self._walks if not walk.done()]
                if not running:
                    raise _failure(self._walks)
                first = asyncio.FIRST_COMPLETED
                await asyncio.wait([*running, timer] if timer else running, return_when=first)
                for walk in self._walks:
                    if walk.done() and walk.exception() is None:
                        return walk
                if timer is not None and timer.done():
                    timer = None
                    left = left - 1 if self._hedged() else 0
        finally:
            if timer is not None:
                timer.cancel()

    def _hedged(self) -> bool:
        """Begin another walk, if there is somebody to ask, and room for it."""
        call = self._call
        now = call.clock.monotonic()
        if call.deadline is not None and call.deadline - now < LEAST_TIME:
            return False
        if call.sent >= self._most:
            return False
        walk = self._apart()
        walk.more = True
        walk.most = self._most
        walk.pin = next(iter(self._walks.values())).pin
        if not self._hedge.of.exits(self._request, walk) or not self._budget.withdraw(now):
            return False
        for other in self._walks.values():
            other.most = self._most
        self._begin(walk)
        said = f"asks beside, after {self._delay:.3g} s"
        call.decision.picks.append((self._hedge.name or self._hedge.id, said))
        return True

    def _apart(self) -> Call:
        """The call of a walk of its own."""
        walks = self._call.walks
        walks.begun += 1
        return replace(self._call, walk=(*self._call.walk, walks.begun))

    def _begin(self, walk: Call) -> None:
        self._walks[asyncio.create_task(self._hedge.of.call(self._request, walk))] = walk


def _failure(walks: Iterable[_Task]) -> BaseException:
    """The error to raise when all walks have failed: a real one rather than that somebody was
    passed over."""
    errors = [error for error in (walk.exception() for walk in walks) if error is not None]
    real = (error for error in errors if not isinstance(error, SkippedError))
    return next(real, errors[0])


async def _end(walks: Iterable[_Task]) -> None:
    """Cancel walks and wait until they are over. What one of them got all the same is closed,
    not drained, and who waits here may be cancelled without leaving anything behind."""
    waiting = {walk for walk in walks if not walk.done()}
    cancelled: asyncio.CancelledError | None = None
    for walk in waiting:
        walk.cancel()
    while waiting:
        try:
            await asyncio.wait(waiting)
        except asyncio.CancelledError as error:
            cancelled = error
        waiting = {walk for walk in waiting if not walk.done()}
    for walk in walks:
        if walk.cancelled() or walk.exception() is not None:
            continue
        reply = walk.result()
        reply.give_way()
        try:
            await reply.aclose()
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
