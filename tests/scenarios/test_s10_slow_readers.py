"""S10: clients that read slowly, or not at all. They slow the upstream down instead of filling the
gateway, and one that takes nothing for too long is left."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.faultd import Play, faultd
from tests.scenarios.harness import KEY, routes, until
from tests.scenarios.harness_doors import served
from tests.scenarios.harness_processes import gateway
from tests.server.doors import Line, asked
from trunkline.server import Pace

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from tests.faultd import Faultd
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

MIB = 2**20
AHEAD = 6 * MIB
AHEAD_OF_READERS = 8 * MIB
"""After a burst of reading: Linux widens a connection's window for those who read fast."""

BLAST = Play(text="x" * (20 * MIB), piece=16 * 1024, usage=False)
"""More than all buffers between the two ends hold."""


ESTABLISHED = "01"
"""A state of Linux's `/proc/net/tcp`."""

WINDOW = 64 * 1024
"""Bytes that a client's system takes while the client does not read."""


async def still(upstream: Faultd, number: int = 0) -> int:
    """How many bytes an upstream has sent when it gets no further."""
    last = -1
    while True:
        await asyncio.sleep(0.3)
        sent = upstream.seen[number].sent if len(upstream.seen) > number else 0
        if sent and sent == last:
            return sent
        last = sent


@pytest.mark.parametrize("door", ["openai-chat", "anthropic-messages", "bedrock-converse"])
async def test_s10_the_upstream_waits_for_a_client_that_does_not_read(door: str) -> None:
    async with (
        served("openai-chat", usual=BLAST) as found,
        Line.to(found.port, asked(door), WINDOW) as line,
    ):
        assert await line.head() == 200
        upstream = found.bench.servers[0]
        assert await still(upstream) <= AHEAD
        read = 0
        while read < 2 * MIB:
            read += len(await line.reader.read(64 * 1024))
        assert await still(upstream) - read <= AHEAD_OF_READERS


async def test_s10_a_client_that_takes_nothing_for_too_long_is_left(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pace = Pace(heartbeat=0.2, stalled=1.0)
    async with (
        served("openai-chat", usual=BLAST, pace=pace) as found,
        Line.to(found.port, asked("openai-chat"), WINDOW) as line,
    ):
        assert await line.head() == 200
        assert await found.bench.servers[0].gone(0, seconds=(1.0 + 1.0) * 4) in ("fin", "rst")
        assert found.bench.servers[0].seen[0].sent < 20 * MIB
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR and one.exc_info]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux resets such connections")
async def test_s10_nor_is_what_is_left_of_a_whole_answer_kept_for_it() -> None:
    whole = Play(text="x" * (20 * MIB), piece=MIB)
    request = asked("openai-chat", stream=False)
    async with (
        served("openai-chat", usual=whole, pace=Pace(stalled=1.0)) as found,
        Line.to(found.port, request, WINDOW) as line,
    ):
        assert await line.head() == 200
        assert connections(found.port) == 1
        await until(lambda: connections(found.port) == 0, seconds=(1.0 + 1.0) * 8)


def connections(port: int) -> int:
    """How many the server at a port of this machine has."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text("utf-8").splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == ESTABLISHED for row in rows)


async def test_s10_who_does_not_read_gathers_no_signs_of_life() -> None:
    """An ASGI server that takes nothing any more: one ping waits, and no other behind it."""
    from trunkline.server import create_app

    silent = Play(before_content=2.0)
    sent: list[MutableMapping[str, Any]] = []
    body = asked("openai-chat").partition(b"\r\n\r\n")[2]
    async with served("openai-chat", usual=silent) as found:
        app = create_app(found.bench.engine, pace=Pace(heartbeat=0.05, stalled=60))
        events = [{"type": "http.request", "body": body}]

        async def receive() -> MutableMapping[str, Any]:
            return events.pop() if events else await asyncio.Future()

        async def send(event: MutableMapping[str, Any]) -> None:
            sent.append(event)
            if event["type"] == "http.response.body":
                await asyncio.Future()

        scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": []}
        running = asyncio.create_task(app(scope, receive, send))
        await until(lambda: len(sent) == 2)
        begun = time.monotonic()
        await until(lambda: time.monotonic() - begun > 0.5)
        running.cancel()
        await asyncio.wait([running])
    assert [event["type"] for event in sent] == ["http.response.start", "http.response.body"]


@pytest.mark.nightly
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_s10_fifty_slow_readers_cost_little_each(tmp_path: Path, figure: Figure) -> None:
    """256 KiB and 6 MiB are asked for, and not met: a reply keeps what it has said until its end,
    and the system's own buffers, on both sides of the gateway, hold 8 MiB of what it is sent."""
    clients, each = 50, 20 * MIB
    blast = Play(text="x" * each, piece=16 * 1024, usage=False)
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(faultd(blast))
        document = routes(["openai-chat"], [upstream.url])
        found = await stack.enter_async_context(gateway(document, tmp_path, {"KEY": KEY}))
        async with Line.to(found.port, asked("openai-chat", max_tokens=1)) as warm:
            assert await warm.head() == 200
        before = resident(found.process.pid)
        lines = [
            await stack.enter_async_context(Line.to(found.port, asked("openai-chat"), WINDOW))
            for _ in range(clients)
        ]
        for line in lines:
            assert await line.head() == 200
        until_then = time.monotonic() + 15
        while time.monotonic() < until_then:
            await asyncio.gather(*(line.reader.read(1024) for line in lines))
            await asyncio.sleep(1)
        used = resident(found.process.pid) - before
        ahead = max(one.sent for one in upstream.seen[1:])
    print(f"S10: {used / clients / 1024:.0f} KiB a stream, {ahead / MIB:.1f} MiB ahead")
    figure("memory a stream", used / clients, "B", most=256 * 1024)
    figure("sent ahead of a reader", ahead, "B", most=6 * MIB)
    assert used / clients <= 4 * MIB
    assert ahead <= 2 * AHEAD


def resident(pid: int) -> int:
    """Bytes of memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text("utf-8").split()[1]) * 4096
