"""What `explain` shows is what a provider would receive, byte for byte, but for the credentials."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from trunkline import Engine, TrunklineError, load_plan
from trunkline.explain import explain, render_text

pytestmark = pytest.mark.anyio

KEY = "sk-canary-0123456789"
ROUTES = """
version: 1
providers:
  one: {type: openai-compatible, base_url: "ORIGIN/v1", api_key: "${env:KEY}"}
  two: {type: anthropic, base_url: ORIGIN, api_key: "${env:KEY}", headers: {anthropic-beta: b1}}
  three: {type: azure-openai, base_url: ORIGIN, api_key: "${env:KEY}", models: {m: "my deployment"}}
routes:
  - name: chain
    match: m
    to: [one, {target: two, capabilities: [vision]}, three]
    request:
      temperature: 0.5
      messages: {prepend: [{role: system, content: "Für {{ caller.name }}"}]}
    wire: {headers: {x-team: "{{ headers['x-team'] }}"}, query: {trace: "a b"}}
  - match: only-*
    to: {target: two, capabilities: [], unsupported: refuse}
"""
ENVIRON = {"KEY": KEY}
REQUEST: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": "grüß dich 🙂"}],
    "seed": 4,
}
SCOPE: dict[str, Any] = {"caller": {"name": "bob"}, "headers": {"x-team": "search"}}


class Recorder:
    """A server that keeps every byte of every request and answers each with 529."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.origin = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
                body = await reader.readexactly(int(fields[b"content-length"]))
                self.received.append(head + body)
                writer.write(b"HTTP/1.1 529 Busy\r\ncontent-length: 2\r\n\r\n{}")
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def recording() -> Any:
    recorder = Recorder()
    server = await asyncio.start_server(recorder.answer, "127.0.0.1", 0)
    async with server:
        recorder.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield recorder


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("tools", [False, True])
async def test_the_requests_shown_are_the_requests_sent(stream: bool, tools: bool) -> None:
    request = {**REQUEST, "stream": True} if stream else dict(REQUEST)
    if tools:
        request["tools"] = [{"type": "function", "function": {"name": "f"}}]
    async with recording() as recorder:
        plan = load_plan(ROUTES.replace("ORIGIN", recorder.origin))
        async with Engine.open(plan, environ=ENVIRON) as engine:
            with pytest.raises(TrunklineError):
                if stream:
                    async with engine.stream(request, **SCOPE):
                        pass
                else:
                    await engine.chat(request, **SCOPE)
        shown = await explain(plan, request, environ=ENVIRON, **SCOPE)
    assert len(shown.sendings) == len(recorder.received) == (2 if tools else 3)
    for sending, received in zip(shown.sendings, recorder.received, strict=True):
        sent = sending.request
        path = sent.url.removeprefix(recorder.origin)
        lines = [f"{sent.method} {path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in sent.headers]
        head = "\r\n".join([*lines, "", ""]).encode()
        head_received, body_received = received.replace(KEY.encode(), b"***").split(b"\r\n\r\n", 1)
        assert _lower_names(head_received) == _lower_names(head.removesuffix(b"\r\n\r\n"))
        assert body_received == sent.body


def _lower_names(head: bytes) -> list[bytes]:
    """Header names count without case (RFC 9110, 5.1); all else is compared as it is."""
    first, *fields = head.split(b"\r\n")
    pairs = [field.split(b": ", 1) for field in fields]
    return [first, *(name.lower() + b": " + value for name, value in pairs)]


async def test_it_needs_no_key_and_shows_none() -> None:
    plan = load_plan(ROUTES.replace("ORIGIN", "https://example.test"))
    without = await explain(plan, REQUEST, environ={}, **SCOPE)
    with_key = await explain(plan, REQUEST, environ=ENVIRON, **SCOPE)
    assert without.to_json() == with_key.to_json()
    shown = render_text(with_key) + repr(with_key.to_json()) + repr(with_key)
    assert "canary" not in shown
    assert "authorization: Bearer ***" in shown
    assert "x-api-key: ***" in shown


async def test_it_says_which_route_and_why_and_what_is_left_out() -> None:
    plan = load_plan(ROUTES.replace("ORIGIN", "https://example.test"))
    tools = [{"type": "function", "function": {"name": "f"}}]
    shown = (await explain(plan, {**REQUEST, "tools": tools}, environ={}, **SCOPE)).to_json()
    assert (shown["route"], shown["why"]) == ("chain", "the name `m`")
    assert shown["targets"] == ["one/m", "two/m", "three/my deployment"]
    [skipped] = shown["skipped"]
    assert skipped["target"] == "two/m"
    assert "tools" in skipped["reason"]
    assert [send["target"] for send in shown["sends"]] == ["one/m", "three/my deployment"]
    assert shown["sends"][1]["url"] == (
        "https://example.test/openai/deployments/my%20deployment/chat/completions"
        "?api-version=2024-10-21&trace=a%20b"
    )
    assert shown["sends"][0]["body"]["messages"][0] == {"role": "system", "content": "Für bob"}
    assert "error" not in shown


async def test_a_refusal_is_shown_as_the_caller_would_get_it() -> None:
    plan = load_plan(ROUTES.replace("ORIGIN", "https://example.test"))
    image = {"type": "image_url", "image_url": {"url": "https://example.test/a.png"}}
    request = {"model": "only-x", "messages": [{"role": "user", "content": [image]}]}
    shown = (await explain(plan, request, environ={})).to_json()
    assert shown["error"]["kind"] == "unsupported"
    assert shown["sends"] == []
    nothing = await explain(plan, {**REQUEST, "model": "nobody"}, environ={})
    assert nothing.to_json()["error"]["status"] == 404
    assert "no route" in render_text(nothing)


async def test_an_address_that_is_not_known_yet_is_shown_by_its_variable() -> None:
    plan = load_plan(
        ROUTES.replace("ORIGIN/v1", "${env:HOUSE}").replace("ORIGIN", "https://x.test")
    )
    shown = await explain(plan, REQUEST, environ={}, **SCOPE)
    assert "HOUSE" in shown.sendings[0].request.url


async def test_simulated_providers_are_not_started_to_explain_them() -> None:
    providers = "providers: {sim: {type: simulated, as: openai}}"
    plan = load_plan(f"version: 1\n{providers}\nroutes: [{{match: m, to: sim}}]\n")
    shown = await explain(plan, REQUEST, environ={})
    assert shown.sendings[0].target == "sim/m"
    assert shown.decision.simulated


async def test_every_target_is_shown_whatever_moves_on() -> None:
    text = """
version: 1
providers: {a: {dialect: openai-chat, base_url: "http://a.test"}}
routes:
  - match: m
    to:
      fallback:
        of:
          - balance: {by: round_robin, of: [a/1, a/2, a/3]}
          - fallback: {of: [a/4, a/5], on: [429]}
        on: [content_filter]
"""
    shown = await explain(load_plan(text), REQUEST, environ={})
    assert [sending.target for sending in shown.sendings] == ["a/1", "a/2", "a/3", "a/4", "a/5"]
    assert shown.refusal is None
