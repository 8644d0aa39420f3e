"""R15: an upstream that closes a kept connection just when the next request comes.

500 requests, each a hair before or after the server's idle limit. No caller may see an error, no
request may be answered twice, and what was sent once more is counted.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest

from trunkline.ports import HttpRequest, Timeouts
from trunkline.transport import NativeTransport

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

LANES = 25
REQUESTS = 20


class Upstream:
    """Answers with the number it was asked, and closes what is idle for `limit` seconds."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.connections = 0
        self.answered: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), self.limit)
                size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
                asked = await reader.readexactly(size)
                self.answered.append(asked)
                head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(asked)
                writer.write(head + asked)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def lane(number: int, url: str, limit: float) -> int:
    """Requests on one connection at a time, paced to the server's limit: how many replays."""
    chance = random.Random(number)
    transport = NativeTransport()
    for turn in range(REQUESTS):
        asked = b"%d/%d" % (number, turn)
        before = transport.replays
        response = await transport.send(HttpRequest("POST", url, (), asked), Timeouts())
        assert b"".join([chunk async for chunk in response.chunks()]) == asked
        assert transport.replays - before <= 1
        await asyncio.sleep(limit * (1 + chance.uniform(-0.02, 0.02)))
    replays = transport.replays
    await transport.aclose()
    return replays


async def perform(limit: float, figure: Figure) -> None:
    upstream = Upstream(limit)
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    replays = await asyncio.gather(*(lane(number, url, limit) for number in range(LANES)))
    server.close()
    await server.wait_closed()
    figure(
        "requests not answered exactly once", LANES * REQUESTS - len(set(upstream.answered)), most=0
    )
    figure("replays in 500 requests", sum(replays))
    assert len(upstream.answered) == len(set(upstream.answered)) == LANES * REQUESTS
    assert upstream.connections > LANES, "no connection was closed idle, so nothing was shown"
    assert upstream.connections >= LANES + sum(replays)


async def test_r15_a_connection_closed_idle_costs_no_caller_anything(figure: Figure) -> None:
    await perform(0.1, figure)


@pytest.mark.nightly
async def test_r15_a_connection_closed_idle_costs_no_caller_anything_in_full(
    figure: Figure,
) -> None:
    await perform(1.0, figure)


async def test_r15_every_request_to_a_server_that_drops_kept_connections_is_replayed_once() -> None:
    """The worst case of the race: the connection dies each time after the request went out."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for turn in range(2):
                head = await reader.readuntil(b"\r\n\r\n")
                seen.append(head)
                if turn == 0:
                    writer.write(b"HTTP/1.1 204 None\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    transport = NativeTransport()
    for _ in range(500):
        response = await transport.send(HttpRequest("GET", url, (), b""), Timeouts())
        assert response.status == 204
    assert transport.replays == 499
    assert len(seen) == 500 + transport.replays
    await transport.aclose()
    server.close()
    await server.wait_closed()
