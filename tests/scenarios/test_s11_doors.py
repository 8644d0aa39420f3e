"""S11 at the doors: a model that thinks in silence for two and a half heartbeats. The client sees
that the stream is alive, the engine may still ask another, and what fails then is an event."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import pytest

from tests.faultd import Play
from tests.scenarios.harness_doors import served
from tests.sdks.asking import Ask
from tests.sdks.wires import WIRES
from tests.server.doors import Line, asked, events
from trunkline.server import Pace

pytestmark = pytest.mark.anyio

BEAT = 0.2
PACE = Pace(heartbeat=BEAT)
"""Ten seconds, fifty times as fast."""

PINGS = {
    "openai-chat": b": ping\n\n",
    "openai-responses": b": ping\n\n",
    "anthropic-messages": b": ping\n\n",
    "gemini-generate": b"\n",
    "gemini-array": b"\n",
    "cohere-chat": b": ping\n\n",
}
MUTE = ["bedrock-converse", "bedrock-invoke-claude"]
EACH = pytest.mark.parametrize("door", PINGS)


async def pieces(line: Line) -> list[tuple[float, bytes]]:
    """Each piece of the body, and when it came."""
    return [(time.monotonic(), piece) async for piece in line.pieces()]


def failed(told: list[tuple[str, Any]]) -> bool:
    """Whether an event says so."""
    return any(
        name == "error" or (type(value) is dict and value.get("error")) for name, value in told
    )


@EACH
async def test_s11_a_silent_stream_says_that_it_is_alive(door: str) -> None:
    thinks = Play(before_content=2.5 * BEAT)
    async with served("openai-chat", usual=thinks, pace=PACE) as found:
        began = time.monotonic()
        async with Line.to(found.port, asked(door)) as line:
            assert await line.head() == 200
            head_at = time.monotonic() - began
            came = await pieces(line)
    assert head_at >= BEAT * 0.9
    pings = [at for at, piece in came if piece == PINGS[door]]
    assert pings
    assert all(later - at >= BEAT * 0.5 for at, later in pairwise(pings))
    whole = b"".join(piece for _, piece in came)
    assert whole.startswith(PINGS[door])
    assert b"002 " in whole
    assert not failed(events(door, whole))
    assert "request-id" in line.headers


@EACH
async def test_s11_after_the_first_sign_of_life_another_may_still_answer(door: str) -> None:
    async with served("openai-chat", "anthropic-messages", pace=PACE) as found:
        found.bench.servers[0].script(Play(before_head=1.5 * BEAT, status=503))
        async with Line.to(found.port, asked(door)) as line:
            assert await line.head() == 200
            body = await line.body()
        asked_for = [len(upstream.seen) for upstream in found.bench.servers]
    assert body.startswith(PINGS[door])
    assert not failed(events(door, body))
    assert b"002 " in body
    assert asked_for[1] == 1


@EACH
async def test_s11_when_all_fail_after_it_there_is_one_error_event(door: str) -> None:
    fails = Play(before_head=1.5 * BEAT, status=500, message="as scripted")
    async with (
        served("openai-chat", usual=fails, pace=PACE) as found,
        Line.to(found.port, asked(door)) as line,
    ):
        assert await line.head() == 200
        body = await line.body()
    told = events(door, body)
    failures = {"openai-responses": ["response.failed", "error"]}
    if door in failures:
        assert [name for name, _ in told] == failures[door]
    else:
        assert len(told) == 1
    assert "as scripted" in str(told[-1][1])
    assert b"[DONE]" not in body


@EACH
async def test_s11_before_it_an_error_is_an_ordinary_one(door: str) -> None:
    fails = Play(status=500, message="as scripted")
    async with (
        served("openai-chat", usual=fails, pace=PACE) as found,
        Line.to(found.port, asked(door)) as line,
    ):
        assert await line.head() == 502
        assert line.headers["content-type"] == "application/json"
        assert b"as scripted" in await line.body()


@pytest.mark.parametrize("door", MUTE)
async def test_s11_framings_without_a_comment_stay_silent_and_keep_their_status(door: str) -> None:
    fails = Play(before_head=1.5 * BEAT, status=500)
    async with (
        served("openai-chat", usual=fails, pace=PACE) as found,
        Line.to(found.port, asked(door)) as line,
    ):
        assert await line.head() == 502


@EACH
async def test_s11_a_pause_between_words_is_no_silence_either(door: str) -> None:
    slow = Play(chunks=2, between=2.5 * BEAT)
    async with (
        served("openai-chat", usual=slow, pace=PACE) as found,
        Line.to(found.port, asked(door)) as line,
    ):
        assert await line.head() == 200
        came = [piece for _, piece in await pieces(line)]
    at = came.index(PINGS[door])
    assert b"000 " in b"".join(came[:at])
    assert b"001 " in b"".join(came[at:])
    assert not failed(events(door, b"".join(came)))


@pytest.mark.parametrize(
    "client",
    ["openai-chat", "openai-responses", "anthropic-messages", "gemini", "gemini-array", "cohere"],
)
async def test_s11_the_sdks_read_over_it(client: str) -> None:
    slow = Play(chunks=2, before_content=2.5 * BEAT, between=2.5 * BEAT)
    ask = Ask(model=WIRES[client].model)
    async with served("openai-chat", usual=slow, pace=PACE) as found:
        sdk = WIRES[client].client(found.url)
        try:
            said = await sdk.send(sdk.user(ask), ask, stream=True)
        finally:
            await sdk.aclose()
    assert said.text == "000 001 "
