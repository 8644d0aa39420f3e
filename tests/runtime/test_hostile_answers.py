"""What providers send that is no answer, or not all of one: nobody takes it for an answer."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from tests.graph.making import HELLO, Crank, chunk, plan, said, streamed
from trunkline import Engine, InterruptedAnswer, UpstreamError
from trunkline.transport import Canned, ScriptedTransport

pytestmark = pytest.mark.anyio

DONE = b"data: [DONE]\n\n"
ROUTES = """
version: 1
providers:
  first: {type: %s, base_url: "http://first.test", api_key: "${env:KEY}"}
  second: {type: openai-compatible, base_url: "http://second.test/v1"}
routes:
  - {match: m, to: [first/m, second/m]}
"""
KEY = "sk-canary-0123456789"


async def engine_on(kind: str, *script: Canned) -> Engine:
    """An engine that asks a provider of this kind first, then an OpenAI-compatible one."""
    transport = ScriptedTransport(script)
    return await Engine.open(
        ROUTES % kind, transport=lambda: transport, environ={"KEY": KEY}, chance=random.Random(7)
    )


def body(value: Any) -> Canned:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Canned(200, {"content-type": "text/html"}, (text,))


NO_ANSWERS: list[Any] = [
    b"",
    b"<html>busy</html>",
    b"null",
    b"[]",
    b'"text"',
    b"{",
    b"\xff\xfe",
    {},
    {"error": {"message": "busy"}},
    {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}},
    {"choices": [{}]},
    {"choices": [None]},
    {"content": []},
    {"content": [None], "type": "message"},
    {"id": "x", "usage": {"input_tokens": 1, "output_tokens": 1}},
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["openai-compatible", "anthropic"])
@pytest.mark.parametrize("value", NO_ANSWERS, ids=str)
async def test_a_success_that_holds_no_answer_moves_on(kind: str, value: Any, stream: bool) -> None:
    second = streamed("rescued", DONE) if stream else said("rescued")
    engine = await engine_on(kind, body(value), second)
    if stream:
        async with engine.stream(model="m", messages=HELLO) as reading:
            reply = await reading.reply.read()
    else:
        reply = await engine.chat(model="m", messages=HELLO)
    assert reply.text == "rescued"
    assert [attempt.target for attempt in reply.decision.attempts] == ["first/m", "second/m"]


async def test_an_end_without_a_reason_is_no_end() -> None:
    events = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
        {"type": "message_delta", "delta": {"stop_reason": None}, "usage": {"output_tokens": 1}},
        {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}},
        {"type": "message_stop"},
    ]
    frames = (b"data: %b\n\n" % json.dumps(event).encode() for event in events)
    engine = await engine_on("anthropic", Canned(200, {}, tuple(frames)))
    async with engine.stream(model="m", messages=HELLO) as reading:
        finishes = [delta.finish async for delta in reading if delta.finish]
    assert finishes == ["length"]


@pytest.mark.parametrize("status", [400, 401, 429, 503])
@pytest.mark.parametrize("ending", ["huge", "cut", "html"])
async def test_a_status_stands_however_the_body_of_the_failure_ends(
    status: int, ending: str
) -> None:
    steps: dict[str, tuple[Any, ...]] = {
        "huge": (b"x" * 3_000_000,),
        "cut": (b'{"err', UpstreamError("server_error", "cut")),
        "html": (b"<html>",),
    }
    kinds = {400: "bad_request", 401: "auth", 429: "rate_limited", 503: "overloaded"}
    failed = Canned(status, {"retry-after": "120"}, steps[ending])
    engine = await engine_on("openai-compatible", failed, said("rescued"))
    if status == 400:
        with pytest.raises(UpstreamError) as raised:
            await engine.chat(model="m", messages=HELLO)
        assert (raised.value.kind, raised.value.status) == ("bad_request", 400)
    else:
        reply = await engine.chat(model="m", messages=HELLO)
        assert reply.decision.attempts[0].outcome == kinds[status]


FAILED = b'data: {"error": {"message": "busy"}}\n\n'


@pytest.mark.parametrize("fault", [FAILED, b"data: {bad\n\n"])
async def test_what_came_in_one_piece_with_a_fault_is_handed_out_before_it(fault: bytes) -> None:
    together = chunk("b") + chunk("c") + fault + chunk("never")
    engine = await engine_on("openai-compatible", streamed("a", together), streamed("no", DONE))
    heard = ""
    async with engine.stream(model="m", messages=HELLO) as reading:
        with pytest.raises(InterruptedAnswer):
            async for delta in reading:
                heard += delta.text
    assert heard == reading.reply.text == "abc"


@pytest.mark.parametrize("fault", [FAILED, b"data: {bad\n\n"])
async def test_a_fault_in_the_piece_that_brings_the_first_content_moves_on(fault: bytes) -> None:
    engine = await engine_on(
        "openai-compatible", streamed(chunk("never") + fault), streamed("rescued", DONE)
    )
    async with engine.stream(model="m", messages=HELLO) as reading:
        assert "".join([delta.text async for delta in reading]) == "rescued"


@pytest.mark.parametrize("after", [FAILED, b"data: {bad\n\n", chunk("more"), b"data: x"])
@pytest.mark.parametrize("together", [True, False])
async def test_what_follows_the_end_is_no_part_of_the_answer(after: bytes, together: bool) -> None:
    ending = [DONE + after] if together else [DONE, after]
    engine = await engine_on("openai-compatible", streamed("a", chunk(finish="stop"), *ending))
    async with engine.stream(model="m", messages=HELLO) as reading:
        assert "".join([delta.text async for delta in reading]) == "a"
    assert reading.reply.complete


class Yielding(Crank):
    """Lets the event loop look at its timers in every wait."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        for _ in range(3):
            await asyncio.sleep(0)


async def test_a_reader_who_takes_long_does_not_use_up_the_providers_time() -> None:
    clock = Yielding()
    transport = ScriptedTransport(
        [streamed("a", 1.0, b": here\n\n", 1.0, "b", 1.0, "c", 1.0, DONE)], clock
    )
    routes = "  - {match: m, to: a, timeouts: {idle_content: 5s, total: 2h}}"
    engine = await Engine.open(plan(routes), transport=lambda: transport, clock=clock, environ={})
    heard = ""
    async with engine.stream(model="m", messages=HELLO) as reading:
        async for delta in reading:
            heard += delta.text
            clock.now += 600.0
    assert heard == "abc"
