"""A raw server on loopback that does what a test tells it, and the faces to hold against it."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import httpx2
import pytest

from trunkline.transport import HttpxTransport, NativeTransport

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable

    from trunkline.ports import Transport

    Play = Callable[["Peer"], Awaitable[None]]


class Peer:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def request(self) -> bytes:
        """Read one whole request: head and body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                return head + await self.reader.readexactly(int(line.split(b":")[1]))
        return head

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Close with a RST, as a crashing process does."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def gone(self) -> bool:
        """Wait, a second at most, until the other end has closed."""
        try:
            async with asyncio.timeout(1):
                return not await self.reader.read()
        except ConnectionError:
            return True
        except TimeoutError:
            return False


class Server:
    """What a test sees: the address, what arrived, and what the play found out."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connections = 0
        self.gone: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()


@asynccontextmanager
async def _served(
    play: Callable[[Peer, Server], Awaitable[None]],
    tls: ssl.SSLContext | None = None,
    path: str | None = None,
) -> AsyncIterator[Server]:
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        site.connections += 1
        try:
            await play(Peer(reader, writer), site)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            if not closing:
                raise
        finally:
            writer.close()
            tasks.discard(task)

    closing = False
    if path is not None:
        server = await asyncio.start_unix_server(connected, path, ssl=tls)
        site = Server("http://local.test")
    else:
        server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
        scheme = "http" if tls is None else "https"
        site = Server(f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield site
    finally:
        closing = True
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def served() -> Callable[..., object]:
    """`async with served(play) as server`: `play(peer, server)` runs for each connection; with
    `tls`, or at the socket file `path`."""
    return _served


@pytest.fixture(params=["native", "httpx", "a given httpx client", "a given httpx2 client"])
async def transport(request: pytest.FixtureRequest) -> AsyncIterator[Transport]:
    """Every face that really sends."""
    client = None
    if request.param == "a given httpx client":
        client = httpx.AsyncClient(trust_env=False)
    elif request.param == "a given httpx2 client":
        client = httpx2.AsyncClient(trust_env=False)
    face: Transport = NativeTransport() if request.param == "native" else HttpxTransport(client)
    yield face
    await face.aclose()
    if client is not None:
        await client.aclose()
