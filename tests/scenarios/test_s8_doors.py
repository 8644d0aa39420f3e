"""S8: a client that goes away takes its upstream request with it, wherever the answer was: in mid
stream, before its first byte, and in a call that wants it whole."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.faultd import Break, Play
from tests.scenarios.harness import until
from tests.scenarios.harness_doors import served
from tests.server.doors import Line, asked

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

WITHIN = 0.25 * 4
"""Seconds; four times what is asked for, because the machine is shared."""

INBOUND = pytest.mark.parametrize("door", ["openai-chat", "anthropic-messages", "gemini-generate"])
WHOLE = "gemini-generate"


def whole(door: str) -> bytes:
    """The same request for a whole answer."""
    data = asked(door) if door == WHOLE else asked(door, stream=False)
    return data.replace(b":streamGenerateContent?alt=sse", b":generateContent")


@INBOUND
@pytest.mark.parametrize("abort", [False, True], ids=["fin", "rst"])
@pytest.mark.parametrize("where", ["mid-stream", "before-first-byte", "whole"])
async def test_s8_the_upstream_sees_the_client_go(
    door: str, where: str, abort: bool, figure: Figure
) -> None:
    at = 3 if where == "mid-stream" else "request"
    silent = Play(chunks=60, breaks=Break("stall", at))  # type: ignore[arg-type]
    async with (
        served("openai-chat", "anthropic-messages", usual=silent) as found,
        Line.to(found.port, whole(door) if where == "whole" else asked(door)) as line,
    ):
        upstream = found.bench.servers[0]
        if where == "mid-stream":
            assert await line.head() == 200
            await line.reader.readuntil(b"002 ")
        await until(lambda: len(upstream.seen) == 1)
        left = time.monotonic()
        if abort:
            line.writer.transport.abort()
        else:
            line.writer.close()
        assert await upstream.gone(0, seconds=5) in ("fin", "rst")
        gone_at = upstream.seen[0].gone_at
        assert gone_at is not None
        figure("upstream closed after", gone_at - left, "s", most=0.25)
        assert gone_at - left < WITHIN
        assert len(found.bench.servers[1].seen) == 0
        upstream.usual = Play()
        async with Line.to(found.port, asked(door)) as other:
            assert await other.head() == 200
            assert b"002 " in await other.body()


@INBOUND
async def test_s8_who_leaves_with_the_answer_in_hand_is_no_error(
    door: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with served("openai-chat") as found:
        for data in (asked(door), whole(door)):
            async with Line.to(found.port, data) as line:
                assert await line.head() == 200
                await line.body()
        seen = found.bench.servers[0].seen
        await until(lambda: [one.outcome for one in seen] == ["complete"] * 2)
        assert [one.client_gone for one in seen] == [None, None]
    assert [
        record.message for record in caplog.records if record.name.startswith("trunkline")
    ] == []
