"""S7, the transport's half: a 64 MiB line and an event without end are refused while they come.

The reader gives up at 1 MiB of a line and 4 MiB of an event; what the transport holds meanwhile
is bounded, and giving up closes the socket, so that the upstream stops too.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from trunkline.errors import UpstreamError
from trunkline.ports import HttpRequest, Timeouts
from trunkline.transport import NativeTransport
from trunkline.wire.frames import MAX_EVENT, MAX_LINE, WireError
from trunkline.wire.sse import SseDecoder

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

MEBIBYTE = 1024 * 1024
PIECE = 64 * 1024


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096


class Upstream:
    """Sends pieces of a stream until 64 MiB or until nobody reads."""

    def __init__(self, piece: bytes) -> None:
        self.piece = b"%x\r\n%b\r\n" % (len(piece), piece)
        self.sent = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\ndata: \r\n")
        try:
            while self.sent < 64 * MEBIBYTE:
                writer.write(self.piece)
                await writer.drain()
                self.sent += len(self.piece)
        except ConnectionError:
            pass
        finally:
            writer.close()


@pytest.mark.parametrize(
    ("piece", "limit"),
    [
        pytest.param(b"x" * PIECE, MAX_LINE, id="a line"),
        pytest.param(b"x" * (PIECE - 7) + b"\ndata: ", MAX_EVENT, id="an event"),
    ],
)
async def test_s7_what_does_not_end_is_refused_while_it_comes(
    piece: bytes, limit: int, figure: Figure
) -> None:
    upstream = Upstream(piece)
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    transport = NativeTransport()
    response = await transport.send(HttpRequest("GET", url, (), b""), Timeouts())
    decoder = SseDecoder()
    before, most, read = resident(), 0, 0
    with pytest.raises(WireError):
        async for chunk in response.chunks():
            read += len(chunk)
            most = max(most, resident())
            decoder.feed(chunk)
    await response.aclose()
    assert limit <= read <= limit + MEBIBYTE
    figure("memory for a line or an event", most - before, "B", most=8 * MEBIBYTE)
    assert most - before <= 8 * MEBIBYTE
    assert transport.sockets == (0, 0, 0)
    server.close()
    await server.wait_closed()
    await transport.aclose()
    assert upstream.sent < 32 * MEBIBYTE


async def test_s7_a_body_without_end_is_refused_at_64_mebibytes(figure: Figure) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * MEBIBYTE)
                await writer.drain()
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    transport = NativeTransport()
    response = await transport.send(HttpRequest("GET", url, (), b""), Timeouts())
    before, most = resident(), 0
    with pytest.raises(UpstreamError) as caught:
        async for _ in response.chunks():
            most = max(most, resident())
    assert caught.value.kind == "malformed"
    figure("memory for a body", most - before, "B", most=8 * MEBIBYTE)
    assert most - before <= 8 * MEBIBYTE
    server.close()
    await server.wait_closed()
    await transport.aclose()
