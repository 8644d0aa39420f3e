"""One connection: HTTP/1.1 requests in (RFC 9112), and answers with every freedom out."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["GoneError", "Peer", "Request", "head"]


class GoneError(Exception):
    """The client has closed or reset the connection."""


@dataclass(frozen=True)
class Request:
    """A request. Header names are lower case; `at` is when its head had come."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    at: float


def head(status: int, headers: Iterable[tuple[str, str]]) -> bytes:
    """A status line and headers."""
    phrases = {one.value: one.phrase for one in HTTPStatus}
    lines = [f"HTTP/1.1 {status} {phrases.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class Peer(asyncio.Protocol):
    """The server's end of a connection. `gone` says how the client left, and `gone_at` when."""

    def __init__(self, opened: Callable[[Peer], None], idle: float | None) -> None:
        self.gone: str | None = None
        self.gone_at: float | None = None
        self.on_gone: Callable[[str, float], None] | None = None
        self._opened = opened
        self._idle = idle
        self._timer: asyncio.TimerHandle | None = None
        self._buffer = bytearray()
        self._more = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)
        sock: socket.socket = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._opened(self)

    def data_received(self, data: bytes) -> None:
        self.rest(busy=True)
        self._buffer += data
        self._more.set()

    def eof_received(self) -> bool:
        self._leave("fin")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave("rst" if exc is not None else "closed")

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _leave(self, how: str) -> None:
        self.rest(busy=True)
        if self.gone is None:
            self.gone, self.gone_at = how, time.monotonic()
            if self.on_gone is not None and how != "closed":
                self.on_gone(how, self.gone_at)
        self._writable.set()
        self._more.set()

    def rest(self, *, busy: bool = False) -> None:
        """From now on the connection is idle, and closed when it stays so for too long."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._idle is not None and not busy:
            self._timer = asyncio.get_running_loop().call_later(self._idle, self.fin)

    async def _fill(self) -> None:
        if self.gone is not None:
            raise GoneError
        self._more.clear()
        await self._more.wait()
        if self.gone is not None:
            raise GoneError

    async def _line(self) -> bytes:
        while (at := self._buffer.find(b"\r\n")) < 0:
            await self._fill()
        line = bytes(self._buffer[:at])
        del self._buffer[: at + 2]
        return line

    async def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            await self._fill()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    async def request(self) -> Request:
        """The next request, whole. Raises `GoneError` when there is none any more."""
        method, target, _ = (await self._line()).decode("latin-1").split(" ", 2)
        headers = []
        while line := await self._line():
            name, _, value = line.decode("latin-1").partition(":")
            headers.append((name.strip().lower(), value.strip()))
        at = time.monotonic()
        named = dict(headers)
        if named.get("expect", "").lower() == "100-continue":
            await self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in named.get("transfer-encoding", "").lower():
            body = await self._chunks()
        else:
            body = await self._exactly(int(named.get("content-length", "0")))
        return Request(method, target, headers, body, at)

    async def _chunks(self) -> bytes:
        body = b""
        while size := int((await self._line()).partition(b";")[0], 16):
            body += await self._exactly(size)
            await self._exactly(2)
        while await self._line():
            pass
        return body

    async def write(self, data: bytes) -> None:
        """Give bytes to the socket, and wait until it has taken them. Raises `GoneError`."""
        if self.gone is None:
            self._transport.write(data)
            await self._writable.wait()
        if self._transport.is_closing():
            await self.left()
        if self.gone is not None:
            raise GoneError

    def fin(self) -> None:
        """Close."""
        self._transport.close()

    def rst(self) -> None:
        """Reset."""
        sock: socket.socket = self._transport.get_extra_info("socket")
        if sock.fileno() >= 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    async def left(self) -> None:
        """Wait for the client to go."""
        while self.gone is None:
            self._more.clear()
            await self._more.wait()
