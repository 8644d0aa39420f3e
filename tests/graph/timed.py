"""Time that passes only when everybody waits for it: sleeps end in their order, at their times."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Timed", "timed"]

TURNS = 30
"""Turns of the loop after which whoever could go on has gone on."""


class Timed:
    """A clock whose sleepers wake one another's time after time."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._count = 0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_800_000_000.0 + self.now

    async def sleep(self, seconds: float) -> None:
        self._count += 1
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, self._count, woken))
        await woken

    async def pass_by(self) -> None:
        """Let time pass, for ever."""
        while True:
            for _ in range(TURNS):
                await asyncio.sleep(0)
            if self._sleepers:
                first = self._sleepers[0][0]
                while self._sleepers and self._sleepers[0][0] == first:
                    woken = heapq.heappop(self._sleepers)[2]
                    if not woken.done():
                        self.now = max(self.now, first)
                        woken.set_result(None)


@asynccontextmanager
async def timed() -> AsyncIterator[Timed]:
    """A clock that runs while the block does."""
    clock = Timed()
    running = asyncio.create_task(clock.pass_by())
    try:
        yield clock
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
