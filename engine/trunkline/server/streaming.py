"""One streamed answer on its way out: its head once, its pieces, and signs of life between them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from trunkline.patience import Patience
from trunkline.server.incoming import ClientGoneError
from trunkline.server.outgoing import allowed, send_head

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping

    from trunkline.dialect import StreamWriter
    from trunkline.server.incoming import ASGISend, Incoming

__all__ = ["Outlet", "Pace"]

_log = logging.getLogger("trunkline.server")

_HEADERS = (("cache-control", "no-cache"), ("x-accel-buffering", "no"))
"""Nothing between us and the client may hold a stream back."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. `heartbeat`: the silence after which a stream says that it is alive. `stalled`:
    how long a client may leave a piece unread before its request is given up."""

    heartbeat: float = 10.0
    stalled: float = 60.0


class Outlet:
    """Sends one streamed answer.

    Where nothing has been sent for a heartbeat, a ping goes out, and before it the head if that
    is still to come: proxies and clients give up on silence, and a model may think for long.
    From then on the status is 200, whatever becomes of the answer (`begun`). One piece is under
    way at a time and a ping waits for no other, so a client that does not read gathers none.

    Use it as a context. Framings that have no ping get none, and their head waits.
    """

    __slots__ = (
        "_beat",
        "_busy",
        "_incoming",
        "_last",
        "_loop",
        "_pace",
        "_patience",
        "_send",
        "_timer",
        "_writer",
        "begun",
    )

    def __init__(
        self, send: ASGISend, incoming: Incoming, writer: StreamWriter, pace: Pace
    ) -> None:
        self.begun = False
        self._send = send
        self._incoming = incoming
        self._writer = writer
        self._pace = pace
        self._patience = Patience()
        self._busy = False
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._beat: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        if self._writer.ping:
            self._timer = self._loop.call_later(self._pace.heartbeat, self._due)
        return self

    def __exit__(self, *_: object) -> None:
        self._patience.close()
        if self._timer is not None:
            self._timer.cancel()
        if self._beat is not None:
            self._beat.cancel()

    async def begin(self, headers: Mapping[str, str]) -> None:
        """Send the head, with these headers of the route's, if it has not been sent. Raises what
        `write` raises."""
        if not self.begun:
            await self._in_time(self._head(allowed(headers)))

    async def write(self, data: bytes, *, more: bool = True) -> None:
        """Send a piece; the last one with `more=False`. Raises `ClientGoneError` when it is not
        taken in time, or there is nobody to take it."""
        await self._in_time(self._piece(data, more))

    async def _in_time(self, sending: Awaitable[None]) -> None:
        self._busy = True
        try:
            with self._patience.within(self._pace.stalled):
                await sending
        except TimeoutError:
            _log.warning(
                "request %s: its client has not read on for %g s",
                self._incoming.request_id,
                self._pace.stalled,
            )
            raise ClientGoneError from None
        except OSError:
            raise ClientGoneError from None
        self._busy = False
        self._last = self._loop.time()

    async def _head(self, more: Iterable[tuple[str, str]] = ()) -> None:
        self.begun = True
        lines = (*_HEADERS, *more)
        await send_head(self._send, self._incoming, 200, self._writer.content_type, lines)

    async def _piece(self, data: bytes, more: bool) -> None:
        if self._beat is not None:
            await self._beat
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    def _due(self) -> None:
        """The timer has gone off: for the last piece, or for one before it."""
        now = self._loop.time()
        due = self._last + self._pace.heartbeat
        if now >= due:
            due = now + self._pace.heartbeat
            if not self._busy:
                self._busy = True
                self._beat = self._loop.create_task(self._ping())
        self._timer = self._loop.call_at(due, self._due)

    async def _ping(self) -> None:
        with contextlib.suppress(OSError):  # whoever writes next meets it, too
            if not self.begun:
                await self._head()
            ping = {"type": "http.response.body", "body": self._writer.ping, "more_body": True}
            await self._send(ping)
        self._beat = None
        self._busy = False
        self._last = self._loop.time()
