"""S4 at the doors: a stream that falls silent is an error event when its time is over, and the
upstream is left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.faultd import Break, Play
from tests.scenarios.harness_doors import served
from tests.server.doors import Line, asked, events

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

IDLE = 1.0
WITHIN = 0.2 * 4
"""Seconds after that; four times what is asked for, because the machine is shared."""


@pytest.mark.parametrize("door", ["openai-chat", "anthropic-messages", "gemini-generate"])
async def test_s4_silence_in_mid_stream_is_an_error_event_in_time(
    door: str, figure: Figure
) -> None:
    stalled = Play(chunks=60, breaks=Break("stall", 5))
    route = {"timeouts": {"idle": f"{IDLE:g}s", "idle_content": f"{IDLE:g}s"}}
    async with (
        served("openai-chat", "anthropic-messages", usual=stalled, route=route) as found,
        Line.to(found.port, asked(door)) as line,
    ):
        upstream = found.bench.servers[0]
        assert await line.head() == 200
        body = await line.body()
        ended = time.monotonic()
        assert upstream.seen[0].content_at is not None
        silent = ended - upstream.seen[0].content_at
        figure("error event after an idle second and", silent - IDLE, "s", most=0.2)
        assert IDLE * 0.9 < ended - upstream.seen[0].content_at < IDLE + WITHIN
        assert "error" in events(door, body)[-1][1]
        assert b"004 " in body
        assert await upstream.gone(0, seconds=0.25 * 4) in ("fin", "rst")
        assert len(found.bench.servers[1].seen) == 0
