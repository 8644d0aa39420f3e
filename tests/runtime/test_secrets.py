"""Keys stay with us: they are not shown when repeated, and no text sends them elsewhere."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.graph.making import HELLO, chunk, failing, streamed
from trunkline import CallError, ConfigError, Engine, InternalError, load_plan
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


@pytest.mark.parametrize("name", ["host", "Host", "content-length", "connection", "upgrade"])
async def test_an_overlay_cannot_say_where_a_request_goes_or_where_it_ends(name: str) -> None:
    transport = ScriptedTransport(lambda _request: failing(500))
    overlay = f'{{match: m, to: a/m, wire: {{headers: {{{name}: "{{{{ request.user }}}}"}}}}}}'
    with pytest.raises((ConfigError, InternalError), match=f"(?i){name}"):
        engine = await Engine.open(
            ROUTES.replace("{match: m, to: a/m}", overlay),
            transport=lambda: transport,
            environ={"KEY": KEY, "TEAM": HEADER},
        )
        await engine.chat(model="m", messages=HELLO, user="evil.test")
    assert not transport.requests


HOSTILE = [
    "..",
    ".",
    "%2e%2e",
    "a/../b",
    "a/./b",
    "a//b",
    "/a",
    "a/",
    "a\\b",
    "a#b",
    "a?b",
    "@evil.test/",
    "user@evil.test/..",
    "//evil.test",
    "http://evil.test",
    "a\x00b",
    "a\r\nhost: evil.test",
    " a",
    "a\n",
    "\uff0e\uff0e/a",
    "\u2024\u2024",
    "a\ud800",
    "",
]
PLACES = """
version: 1
providers:
  plain: {type: openai-compatible, base_url: "http://a.test/v1", api_key: "${env:KEY}"}
  azure: {type: azure-openai, base_url: "http://a.test", api_key: "${env:KEY}"}
routes:
  - {match: "azure-*", to: "azure/*"}
  - {match: "*", to: plain}
"""
PLAN = load_plan(PLACES)


@given(
    st.sampled_from(HOSTILE)
    | st.text(max_size=12)
    | st.text(alphabet="ab./%2e@:#?\\-+_ ", max_size=12)
)
def test_no_model_name_moves_a_request(model: str) -> None:
    async def ask(name: str) -> list[str]:
        transport = ScriptedTransport(lambda _request: failing(400))
        engine = await Engine.open(
            PLAN, transport=lambda: transport, environ={"KEY": KEY}, chance=random.Random(7)
        )
        with pytest.raises(CallError) as raised:
            await engine.chat(model=name, messages=HELLO)
        assert raised.value.status in (400, 404)
        return [request.url for request in transport.requests]

    for url in asyncio.run(ask(model)):
        assert url == "http://a.test/v1/chat/completions"
    for url in asyncio.run(ask(f"azure-{model}")):
        scheme, rest = url.split("://")
        host, *segments = rest.partition("?")[0].split("/")
        assert (scheme, host, len(segments)) == ("http", "a.test", 5)
        assert segments[:2] + segments[3:] == ["openai", "deployments", "chat", "completions"]
        assert segments[2].strip(".") not in ("", "%2e", "%2e%2e")
