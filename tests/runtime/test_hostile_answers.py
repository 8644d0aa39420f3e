"""What providers send that is no answer, or not all of one: nobody takes it for an answer."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from tests.graph.making import HELLO, said, streamed
from trunkline import Engine
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
