"""X6: URLs of images and files fetch nothing by default; where a route file lists their host, one
file at most so large, in so much time, without redirects, from a public address."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest

from tests.graph.making import said
from tests.transport.canary import Canary, answer, canary
from trunkline.catalog import dialects
from trunkline.compile import load_plan
from trunkline.errors import CallError, RequestError
from trunkline.explain import explain
from trunkline.runtime import Engine
from trunkline.transport import HttpsFetcher, ScriptedTransport

pytestmark = pytest.mark.anyio

ROUTES = """version: 1
providers: {a: {type: openai-compatible, dialect: bytes-only, base_url: "http://a.test/v1"}}
dialects: {bytes-only: {extends: openai-chat, inlines: "part.type in ['image_url', 'file']"}}
routes: [{match: "*", to: a}]
"""
ALLOW = "media: {fetch: {hosts: [cdn.example.com], timeout: 1s}}\n"
URL = "https://cdn.example.com/a.png"


def asking(*urls: str) -> dict[str, Any]:
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {"model": "m", "messages": [{"role": "user", "content": parts}]}


async def asked(server: Canary, request: Any, settings: str = ALLOW, **options: Any) -> Any:
    """What was sent to the provider; `RequestError` where nothing was."""
    transport = ScriptedTransport([said()])
    options = {"fetcher": server.fetcher, **options}
    plan = load_plan(ROUTES + settings)
    async with Engine.open(plan, transport=lambda: transport, **options) as engine:
        await engine.chat(request)
    return json.loads(transport.requests[0].body)["messages"][0]["content"]


async def test_by_default_nothing_is_fetched() -> None:
    async with canary(answer()) as server:
        with pytest.raises(RequestError, match=r"`media\.fetch` is off"):
            await asked(server, asking(URL), settings="")
        assert server.connections == 0


@pytest.mark.parametrize("name", dialects())
async def test_no_dialect_fetches_what_it_is_sent(name: str) -> None:
    """Writing is pure: whatever a dialect says of a URL, it only says it."""
    async with canary(answer()) as server:
        url = f"https://127.0.0.1:{server.port}/a.png"
        transport = ScriptedTransport(lambda _: said())
        plan = load_plan(
            f"version: 1\nproviders: {{p: {{type: openai-compatible, dialect: {name}, "
            'base_url: "http://p.test/v1"}}\nroutes: [{match: "*", to: p}]\n'
        )
        async with Engine.open(plan, transport=lambda: transport) as engine:
            with suppress(CallError):
                await engine.chat(asking(url, "http://169.254.169.254/latest"))
        assert server.connections == 0


async def test_a_listed_host_is_asked_once() -> None:
    async with canary(answer(b"\x89PNG")) as server:
        [one, two] = await asked(server, asking(URL, URL))
        assert one == two
        assert one["image_url"]["url"] == "data:image/png;base64,iVBORw=="
        assert server.connections == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example.com/a.png",
        "https://cdn.example.com.evil.example/a.png",
        "https://cdn.example.com@evil.example/a.png",
        "https://169.254.169.254/latest/meta-data",
        "http://cdn.example.com/a.png",
        "https://cdn.example.com:444/a.png",
    ],
)
async def test_no_other_host_is_asked(url: str) -> None:
    async with canary(answer()) as server:
        with pytest.raises(RequestError) as caught:
            await asked(server, asking(url))
        assert caught.value.kind == "unsupported"
        assert server.connections == 0


async def test_a_redirect_is_not_followed() -> None:
    said = answer(status="307 Temporary Redirect", location="https://cdn.example.com/b.png")
    async with canary(said) as server:
        with pytest.raises(RequestError, match="redirects"):
            await asked(server, asking(URL))
        assert server.connections == 1


async def test_twenty_megabytes_and_not_a_byte_more() -> None:
    async with canary(answer(b"x" * 20_000_001)) as server:
        with pytest.raises(RequestError, match="20000000 bytes"):
            await asked(server, asking(URL))
        server.answer = answer(b"x" * 20_000_000)
        [part] = await asked(server, asking(URL))
        assert len(part["image_url"]["url"]) > 26_000_000


async def test_a_host_that_is_silent_is_left() -> None:
    async with canary(b"") as server:
        server.holds = True
        settings = ALLOW.replace("1s", "100ms")
        with pytest.raises(RequestError, match=r"no answer within 0\.1 s"):
            await asked(server, asking(URL), settings)


async def test_a_listed_name_that_leads_inside_is_not_connected_to() -> None:
    async with canary(answer()) as server:

        async def inside(_host: str, _port: int) -> list[tuple[str, int]]:
            return [("127.0.0.1", server.port)]

        with pytest.raises(RequestError, match="not at a public address"):
            await asked(server, asking(URL), fetcher=lambda: HttpsFetcher(resolve=inside))
        assert server.connections == 0


async def test_explain_fetches_nothing_and_shows_where_the_bytes_would_be() -> None:
    explanation = await explain(load_plan(ROUTES + ALLOW), asking(URL), environ={})
    [sending] = explanation.sendings
    [part] = json.loads(sending.request.body)["messages"][0]["content"]
    assert part["image_url"]["url"] == "data:image/png;base64,ZmV0Y2hlZA=="
