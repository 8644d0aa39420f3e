"""One socket and the exchange on it: a request out, its response in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, cast

from trunkline.errors import UpstreamError
from trunkline.transport.reading import ResponseReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.ports import Timeouts

__all__ = ["Connection", "Exchange"]

_UNREAD: Final = 256 * 1024
"""Bytes of a body that wait for their reader before the socket is no longer read."""

_PIECE: Final = 256 * 1024
"""Bytes of a request that are handed to the loop at a time, which copies what it cannot send."""

_AT_ONCE: Final = 64 * 1024
"""A body up to this size goes out with its head."""


class Connection(asyncio.Protocol):
    """A socket. It carries one `Exchange` at a time; whatever comes in between closes it.

    `left` is called once, when it closes, and `kept` when it can carry another exchange.
    """

    __slots__ = (
        "_alarm",
        "_paused",
        "_rings",
        "_until",
        "closed",
        "exchange",
        "expires",
        "idle_since",
        "kept",
        "kept_for",
        "left",
        "loop",
        "reused",
        "transport",
        "writable",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.transport: asyncio.Transport | None = None
        self.exchange: Exchange | None = None
        self.left: Callable[[Connection], None] | None = None
        self.kept: Callable[[Connection], None] | None = None
        self.closed = False
        self.reused = False
        self.writable = True
        self.kept_for: float | None = None
        self.idle_since = self.expires = 0.0
        self._paused = False
        self._alarm: asyncio.TimerHandle | None = None
        self._rings = 0.0
        self._until: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        if self.closed:
            self.transport.abort()
        else:
            self.transport.set_write_buffer_limits(high=1, low=0)

    def data_received(self, data: bytes) -> None:
        exchange = self.exchange
        if exchange is None:
            self.close()
        else:
            exchange.received(data)

    def eof_received(self) -> None:
        exchange = self.exchange
        if exchange is None:
            self.close()
        else:
            exchange.ended(clean=self._said_goodbye())

    def connection_lost(self, exc: Exception | None) -> None:
        exchange = self.exchange
        if exchange is not None:
            exchange.ended(clean=False)
        self.close()

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        if self.exchange is not None:
            self.exchange.wake()

    @property
    def speaks(self) -> str:
        """What was agreed on in TLS (ALPN, RFC 7301), if anything was."""
        tls = None if self.transport is None else self.transport.get_extra_info("ssl_object")
        return "" if tls is None else tls.selected_alpn_protocol() or ""

    def close(self) -> None:
        """Close the socket at once; what was not sent yet is not sent."""
        if self.closed:
            return
        self.closed = True
        self.exchange = None
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self.transport is not None:
            self.transport.abort()
        if self.left is not None:
            self.left(self)

    def done(self, exchange: Exchange, *, again: bool) -> None:
        """An exchange is over. `again`: nothing of it is left on the connection."""
        self.exchange = self._until = None
        self.read()
        assert self.transport is not None
        again = again and self.kept is not None and not self.transport.get_write_buffer_size()
        if again and self.kept is not None:
            self.reused = True
            self.kept_for = exchange.reader.kept_for
            self.kept(self)
        else:
            self.close()

    def hold(self) -> None:
        """Do not read on: the body's reader is slower than its writer."""
        if not self._paused and not self.closed and self.transport is not None:
            self._paused = True
            self.transport.pause_reading()

    def read(self) -> None:
        """Read on."""
        if self._paused and not self.closed and self.transport is not None:
            self._paused = False
            self.transport.resume_reading()

    def ring_at(self, until: float | None) -> None:
        """Wake the exchange at this time of the loop, or not at all.

        The timer of one wait is kept for the next and put off when it goes off too early: a
        stream waits for every piece, and a timer for each would cost more than the piece.
        """
        self._until = until
        if until is None or (self._alarm is not None and self._rings <= until):
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._set(until)

    def _set(self, at: float) -> None:
        self._rings = at
        self._alarm = self.loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if self._until is None or self.closed:
            return
        if self.loop.time() < self._until:
            self._set(self._until)
        elif self.exchange is not None:
            self.exchange.wake(late=True)

    def _said_goodbye(self) -> bool:
        """Whether the stream's end is one: over TLS only a close_notify is (RFC 8446, 6.1)."""
        assert self.transport is not None
        tls: Any = self.transport.get_extra_info("ssl_object")
        if tls is None:
            return True
        import ssl

        try:
            return not tls.read(1)
        except ssl.SSLZeroReturnError:
            return True
        except (ssl.SSLError, ValueError):
            return False


class Exchange:
    """A request and its response. Whoever gives it up calls `abandon`.

    `stale`: it failed because a kept connection was dead, with no byte of a response.
    """

    __slots__ = ("_connection", "_sent", "_waiter", "error", "reader", "stale")

    def __init__(self, connection: Connection, method: str) -> None:
        self._connection: Connection | None = connection
        self._waiter: asyncio.Future[bool] | None = None
        self._sent = False
        self.reader = ResponseReader(method)
        self.error: UpstreamError | None = None
        self.stale = False
        connection.exchange = self

    async def run(self, head: bytes, body: bytes, timeouts: Timeouts) -> None:
        """Send the request and wait for the response's head.

        Raises `UpstreamError` of kind `timeout`, `server_error` or `malformed`.
        """
        try:
            await self._write(head, body, timeouts.write)
            await self._await_head(timeouts.first_byte)
        except BaseException:
            self.abandon()
            raise

    async def more(self, idle: float | None) -> bytes:
        """The next bytes of the body, all that are there; none at its end.

        Raises `UpstreamError` of kind `timeout`, `server_error` or `malformed`.
        """
        reader = self.reader
        while not reader.unread:
            if reader.whole:
                return b""
            if self.error is not None:
                raise self.error
            connection = self._connection
            if connection is None:
                raise _cut("the answer was closed", "head")
            until = None if idle is None else connection.loop.time() + idle
            if not await self._wait(connection, until):
                self.abandon()
                raise UpstreamError(
                    "timeout", f"no byte of the answer for {idle:g} s", stage="head"
                )
        data = reader.take()
        if self._connection is not None:
            self._connection.read()
        return data

    def abandon(self) -> None:
        """Close the socket, unless it is another's already, and wake whoever waits for it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
            self.wake()

    def forget(self) -> None:
        """`abandon`, from whichever thread the collector runs in."""
        connection = self._connection
        if connection is not None and not connection.loop.is_closed():
            connection.loop.call_soon_threadsafe(self.abandon)

    def received(self, data: bytes) -> None:
        """Bytes from the socket."""
        reader = self.reader
        try:
            reader.feed(data)
        except UpstreamError as error:
            self._fail(error)
            return
        if reader.whole:
            self._finish()
        elif reader.unread > _UNREAD and self._connection is not None:
            self._connection.hold()
        self.wake()

    def ended(self, *, clean: bool) -> None:
        """No more bytes come from the socket."""
        reader = self.reader
        try:
            reader.end(clean=clean)
        except UpstreamError as error:
            connection = self._connection
            self.stale = connection is not None and connection.reused and not reader.begun
            self._fail(error)
            return
        reader.keep = False
        self._finish()
        self.wake()

    def wake(self, *, late: bool = False) -> None:
        """Something has changed, or it is too `late` for it."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(not late)

    def closed(self) -> None:
        """The transport is being closed."""
        self._fail(_cut("the transport was closed", "head" if self.reader.head else "sent"))

    def _fail(self, error: UpstreamError) -> None:
        if self.error is None:
            self.error = error
        self.abandon()

    def _finish(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.done(self, again=self.reader.keep and self._sent)

    async def _write(self, head: bytes, body: bytes, seconds: float | None) -> None:
        connection = self._connection
        assert connection is not None
        if connection.closed or connection.transport is None:
            raise _cut("it was closed before anything was sent", "sent")
        write = connection.transport.write
        if len(body) <= _AT_ONCE:
            self._sent = True
            write(head + body)
            left = memoryview(b"")
        else:
            write(head)
            left = memoryview(body)
        until = None if seconds is None else connection.loop.time() + seconds
        while self._goes_on():
            if not connection.writable:
                if not await self._wait(connection, until):
                    raise UpstreamError(
                        "timeout", "the request could not be sent in time", stage="sent"
                    )
            elif left:
                self._sent = len(left) <= _PIECE
                write(left[:_PIECE])
                left = left[_PIECE:]
            else:
                break

    def _goes_on(self) -> bool:
        """Whether the rest of the request is still wanted (RFC 9112, 9.3)."""
        refused = self.reader.head and self.reader.status >= 400
        return self.error is None and not refused and not self.reader.whole

    async def _await_head(self, seconds: float | None) -> None:
        reader = self.reader
        connection = self._connection
        until = None
        if connection is not None and seconds is not None:
            until = connection.loop.time() + seconds
        while not reader.head:
            if self.error is not None:
                raise self.error
            if connection is None or self._connection is None:
                raise _cut("the answer was closed", "sent")
            if not await self._wait(connection, until):
                raise UpstreamError("timeout", f"no answer for {seconds:g} s", stage="sent")

    async def _wait(self, connection: Connection, until: float | None) -> bool:
        """Wait to be woken. False when the time is over."""
        waiter: asyncio.Future[bool] = connection.loop.create_future()
        self._waiter = waiter
        connection.ring_at(until)
        try:
            return await waiter
        except asyncio.CancelledError:
            self.abandon()
            raise
        finally:
            self._waiter = None
            if self._connection is connection:
                connection.ring_at(None)


def _cut(words: str, stage: str) -> UpstreamError:
    return UpstreamError("server_error", f"the connection broke: {words}", stage=stage)
