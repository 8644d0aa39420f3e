"""A small HTTP/1.1 server for the loopback: whole requests in, answers with every freedom out.

llhttp, through `httptools`, reads; what a well-behaved server would never do (close in the middle
of a body, reset) is a method here. Requests of one connection are answered in turn (RFC 9112,
9.3). When the client goes away, whoever is answering is cancelled.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, cast

import httptools

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

__all__ = ["Exchange", "Listener", "listen"]

MAX_BODY: Final = 20 * 1024 * 1024
"""Bytes of a request's body."""

MAX_HEAD: Final = 32 * 1024
"""Bytes of a request's target and headers."""

Headers = tuple[tuple[str, str], ...]


class TooLargeError(Exception):
    """A request beyond the limits."""


@dataclass(slots=True)
class Exchange:
    """One request and the answer to it. Header names are lower case."""

    method: str
    target: str
    headers: Headers
    body: bytes
    keep_alive: bool
    _connection: _Connection
    _chunked: bool = field(default=False, init=False)

    async def respond(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        """The whole answer."""
        await self.head(status, headers, len(body))
        await self.write(body)
        await self.finish()

    async def head(
        self, status: int, headers: Iterable[tuple[str, str]], length: int | None = None
    ) -> None:
        """The status line and headers; without a length the body is chunked."""
        self._chunked = length is None
        framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
        lines = [f"HTTP/1.1 {status} {_phrase(status)}"]
        lines.extend(f"{name}: {value}" for name, value in headers)
        lines.append(framing)
        if not self.keep_alive:
            lines.append("connection: close")
        await self._connection.write("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def write(self, data: bytes) -> None:
        """A piece of the body, in a chunk of its own where it is chunked."""
        if data and self._chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        await self._connection.write(data)

    async def finish(self) -> None:
        """The end of the body, as HTTP wants it."""
        if self._chunked:
            await self._connection.write(b"0\r\n\r\n")

    def cut(self) -> None:
        """Close the connection (FIN), whatever was promised."""
        self._connection.close()

    def reset(self) -> None:
        """Reset the connection (RST)."""
        self._connection.reset()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


class _Connection(asyncio.Protocol):
    """One connection: bytes to exchanges, answered one after another."""

    def __init__(
        self, handle: Callable[[Exchange], Awaitable[None]], siblings: set[_Connection]
    ) -> None:
        self._handle = handle
        self._siblings = siblings
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Exchange] = deque()
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport
        self.on_message_begin()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)
        self._siblings.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._siblings.discard(self)
        self._waiting.clear()
        self._writable.set()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._refuse(413 if isinstance(error.__context__, TooLargeError) else 400)

    def _refuse(self, status: int) -> None:
        """There is no telling where the next request would begin."""
        if self._task is None:
            head = f"HTTP/1.1 {status} {_phrase(status)}\r\ncontent-length: 0\r\nconnection: close"
            self._transport.write(f"{head}\r\n\r\n".encode())
        self._transport.close()

    def on_message_begin(self) -> None:
        self._target = b""
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []
        self._size = 0
        self._limit = MAX_HEAD

    def _grow(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:
            raise TooLargeError

    def on_url(self, url: bytes) -> None:
        self._grow(url)
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._grow(name + value)
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self._size = 0
        self._limit = MAX_BODY
        if ("expect", "100-continue") in self._headers:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._grow(body)
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._parser.should_upgrade():
            return
        exchange = Exchange(
            self._parser.get_method().decode("latin-1"),
            self._target.decode("latin-1"),
            tuple(self._headers),
            b"".join(self._body),
            self._parser.should_keep_alive(),
            self,
        )
        self._waiting.append(exchange)
        self._next()

    def _next(self) -> None:
        if self._task is None and self._waiting:
            self._task = asyncio.ensure_future(self._run(self._waiting.popleft()))

    async def _run(self, exchange: Exchange) -> None:
        try:
            await self._handle(exchange)
        except asyncio.CancelledError:
            return
        except BaseException:
            self._transport.abort()
            raise
        finally:
            self._task = None
        if not exchange.keep_alive:
            self._transport.close()
        elif not self._transport.is_closing():
            self._next()

    async def write(self, data: bytes) -> None:
        """Send, and wait until the kernel has taken it."""
        if self._transport.is_closing():
            raise asyncio.CancelledError
        self._transport.write(data)
        await self._writable.wait()

    def close(self) -> None:
        self._transport.close()

    def reset(self) -> None:
        """Closing a socket whose linger time is 0 sends RST (POSIX, SO_LINGER)."""
        own: socket.socket = self._transport.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    async def over(self) -> None:
        """Give up at once, and wait for whoever was answering."""
        self._transport.abort()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])


class Listener:
    """A server socket on the loopback. `port` was free when it was opened."""

    def __init__(self, server: asyncio.Server, connections: set[_Connection]) -> None:
        self._server = server
        self._connections = connections
        self.port: int = server.sockets[0].getsockname()[1]

    async def aclose(self) -> None:
        """Close the socket and every connection."""
        self._server.close()
        for connection in list(self._connections):
            await connection.over()
        await self._server.wait_closed()


async def listen(handle: Callable[[Exchange], Awaitable[None]]) -> Listener:
    """Answer what comes to a free port of 127.0.0.1 by `handle`."""
    connections: set[_Connection] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Connection(handle, connections), "127.0.0.1", 0, start_serving=False
    )
    try:
        await server.start_serving()
    except BaseException:
        server.close()
        raise
    return Listener(server, connections)
