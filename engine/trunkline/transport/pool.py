"""The connections to one origin: a limit, those that are kept, and those who wait for one."""

from __future__ import annotations

import asyncio
import select
from collections import deque
from typing import TYPE_CHECKING, Final

from trunkline.errors import EngineClosed, UpstreamError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trunkline.ports import Timeouts
    from trunkline.transport.connection import Connection

    Dial = Callable[[float | None], Awaitable[Connection]]

__all__ = ["Pool"]

_LOOKED: Final = 0.05
"""Seconds after which a kept connection is looked at before it is used: by then the loop may not
have seen yet that it was closed."""


class Pool:
    """The last one kept is the first one used (LIFO), so that a burst's surplus expires.

    `open` counts connections and those being opened; it never exceeds `limit`. Whoever waits is
    handed a connection, or None for the right to open one, and hands it on if cancelled.
    """

    __slots__ = ("_all", "_closed", "_dial", "_keep", "_sweep", "idle", "limit", "open", "waiting")

    def __init__(self, dial: Dial, limit: int, keep: float) -> None:
        self._dial = dial
        self.limit = limit
        self._keep = keep
        self.open = 0
        self.idle: list[Connection] = []
        self.waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._all: set[Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    async def take(self, timeouts: Timeouts, *, fresh: bool = False) -> Connection:
        """A kept connection, or a new one; a new one in any case if `fresh`.

        Raises `UpstreamError`: of kind `timeout` when none becomes free, `connect` when none
        can be opened.
        """
        if not fresh and (kept := self._kept()) is not None:
            return kept
        if self.open >= self.limit and fresh and self.idle:
            self.idle.pop(0).close()
        if self.open < self.limit:
            self.open += 1
        elif (handed := await self._queue(timeouts.pool, fresh=fresh)) is not None:
            return handed
        return await self._new(timeouts.connect)

    def used(self) -> bool:
        """Whether it holds anything, or anyone waits."""
        return bool(self.open or self.waiting)

    def close(self) -> None:
        """Close every connection and send away whoever waits."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        while self.waiting:
            waiter = self.waiting.popleft()
            if not waiter.done():
                waiter.set_exception(EngineClosed("the transport was closed; open a new engine"))
        for connection in list(self._all):
            if connection.exchange is not None:
                connection.exchange.closed()
            connection.close()

    def _kept(self) -> Connection | None:
        idle = self.idle
        while idle:
            connection = idle.pop()
            now = connection.loop.time()
            if connection.expires > now and not _spoke(connection, now):
                return connection
            connection.close()
        return None

    async def _new(self, seconds: float | None) -> Connection:
        """Open a connection in a place that is counted already."""
        try:
            connection = await self._dial(seconds)
        except BaseException:
            self._free()
            raise
        if connection.closed:
            self._free()
            raise UpstreamError("connect", "cannot connect: it was closed at once", stage="connect")
        connection.left, connection.kept = self._left, self._release
        self._all.add(connection)
        return connection

    async def _queue(self, seconds: float | None, *, fresh: bool) -> Connection | None:
        """Wait for a connection, or for the right to open one."""
        loop = asyncio.get_running_loop()
        until = None if seconds is None else loop.time() + seconds
        while True:
            waiter: asyncio.Future[Connection | None] = loop.create_future()
            self.waiting.append(waiter)
            timer = None if until is None else loop.call_at(until, _late, waiter, seconds)
            try:
                handed = await waiter
            except BaseException:
                self._hand_on(waiter)
                raise
            finally:
                if timer is not None:
                    timer.cancel()
            if handed is None or not (fresh or handed.closed):
                return handed
            if not handed.closed:
                handed.left = None
                handed.close()
                self._all.discard(handed)
                return None

    def _hand_on(self, waiter: asyncio.Future[Connection | None]) -> None:
        """A waiter has left: what it was handed in the meantime is another's."""
        if waiter in self.waiting:
            self.waiting.remove(waiter)
        if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
            handed = waiter.result()
            if handed is None:
                self._free()
            elif not handed.closed:
                self._release(handed)

    def _next(self) -> asyncio.Future[Connection | None] | None:
        while self.waiting:
            waiter = self.waiting.popleft()
            if not waiter.done():
                return waiter
        return None

    def _free(self) -> None:
        """A place has become free."""
        self.open -= 1
        if self.open < self.limit and (waiter := self._next()) is not None:
            self.open += 1
            waiter.set_result(None)

    def _left(self, connection: Connection) -> None:
        self._all.discard(connection)
        if connection in self.idle:
            self.idle.remove(connection)
        self._free()

    def _release(self, connection: Connection) -> None:
        """A connection can be used again."""
        now = connection.loop.time()
        seconds = _kept_for(connection, self._keep)
        if self._closed or not seconds:
            connection.close()
            return
        connection.idle_since, connection.expires = now, now + seconds
        if (waiter := self._next()) is not None:
            waiter.set_result(connection)
            return
        self.idle.append(connection)
        if self._sweep is None:
            self._sweep = connection.loop.call_later(self._keep, self._expire)

    def _expire(self) -> None:
        """Close what was kept for long enough, and look again while anything is kept."""
        self._sweep = None
        if not self.idle:
            return
        loop = self.idle[0].loop
        for connection in [one for one in self.idle if one.expires <= loop.time()]:
            connection.close()
        if self.idle:
            soonest = min(one.expires for one in self.idle)
            self._sweep = loop.call_at(soonest, self._expire)


def _kept_for(connection: Connection, seconds: float) -> float:
    """Seconds to keep it: a second less than the server says, or half of what is so short."""
    said = connection.kept_for
    return seconds if said is None else min(seconds, max(said - 1.0, said / 2))


def _late(waiter: asyncio.Future[Connection | None], seconds: float | None) -> None:
    if not waiter.done():
        waiter.set_exception(
            UpstreamError("timeout", f"no free connection in {seconds:g} s", stage="pool")
        )


def _spoke(connection: Connection, now: float) -> bool:
    """Whether something came over a kept connection: its end, or what nobody asked for."""
    assert connection.transport is not None
    if connection.transport.is_closing():
        return True
    if now - connection.idle_since < _LOOKED or not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(connection.transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(poll.poll(0))
