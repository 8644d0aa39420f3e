"""A provider that repeats our key in what it says does not get it shown."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from tests.graph.making import HELLO, chunk, failing, streamed
from trunkline import CallError, Engine
from trunkline.transport import Canned, ScriptedTransport

pytestmark = pytest.mark.anyio

KEY = "sk-canary-0123456789abcdef"
HEADER = "header-canary-0123456789"
ECHO = {"error": {"message": f"bad key {KEY} with {HEADER}", "type": "invalid_request_error"}}
ROUTES = """
version: 1
providers:
  a:
    type: openai-compatible
    base_url: "http://a.test/v1"
    api_key: "${env:KEY}"
    headers: {x-team: "${env:TEAM}"}
routes:
  - {match: m, to: a/m}
"""
FAILURES: dict[str, tuple[bool, Canned]] = {
    "status 401": (False, Canned.of_json(ECHO, 401)),
    "status 400 of a stream": (True, Canned.of_json(ECHO, 400)),
    "an error with status 200": (False, Canned.of_json(ECHO)),
    "an error before content": (True, streamed(b"data: " + json.dumps(ECHO).encode() + b"\n\n")),
    "an error after content": (
        True,
        streamed("hi", b"data: " + json.dumps(ECHO).encode() + b"\n\n"),
    ),
}


def sinks(error: CallError) -> str:
    """All that a caller may print of an error."""
    chain: list[Any] = []
    one: BaseException | None = error
    while one is not None:
        chain.append((str(one), repr(one), one.args, vars(one)))
        one = one.__cause__ or one.__context__
    assert error.decision is not None
    return repr(chain) + json.dumps(error.decision.to_json()) + repr(error.decision)


@pytest.mark.parametrize("name", FAILURES)
async def test_a_key_that_is_repeated_is_masked(name: str) -> None:
    stream, canned = FAILURES[name]
    transport = ScriptedTransport([canned, failing(503)])
    engine = await Engine.open(
        ROUTES,
        transport=lambda: transport,
        environ={"KEY": KEY, "TEAM": HEADER},
        chance=random.Random(7),
    )
    with pytest.raises(CallError) as raised:
        if stream:
            async with engine.stream(model="m", messages=HELLO) as reading:
                await reading.reply.read()
        else:
            await engine.chat(model="m", messages=HELLO)
    shown = sinks(raised.value)
    assert "***" in shown
    assert "canary" not in shown
    assert ("authorization", f"Bearer {KEY}") in transport.requests[0].headers
    assert KEY not in repr(transport.requests[0])


async def test_what_an_engine_is_made_of_shows_no_key() -> None:
    transport = ScriptedTransport([streamed(chunk("x"))])
    engine = await Engine.open(
        ROUTES, transport=lambda: transport, environ={"KEY": KEY, "TEAM": HEADER}
    )
    assert engine._generation is not None
    for upstream in engine._generation.upstreams.values():
        assert KEY not in repr(upstream)
        assert HEADER not in repr(upstream)
