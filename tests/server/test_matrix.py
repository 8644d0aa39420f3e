"""The vendors' SDKs as clients of the gateway, before providers of every wire.

One gateway stands before one provider of each wire for the whole file; a request's model says
which provider it goes to.
"""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import jsonschema
import pytest

from tests.sdks.asking import PARAMETERS, PICTURE, SUNNY, Ask, Said
from tests.sdks.boto3_sdk import CLAUDE
from tests.sdks.wires import WIRES
from tests.server.conftest import KEY, serving
from trunkline.catalog import dialect
from trunkline.runtime import Engine
from trunkline.simulator import Settings, Simulated, start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.sdks.asking import Client

pytestmark = pytest.mark.anyio


class Upstream(NamedTuple):
    """A provider of the gateway: the SDK whose wire it speaks, its row, and the model there."""

    wire: str
    row: str
    model: str
    settings: str = ""
    below: str = ""


UPSTREAMS = {
    "chat": Upstream("openai-chat", "openai", "gpt-5.1", "dialect: openai-chat", "/v1"),
    "responses": Upstream(
        "openai-responses", "openai", "gpt-5.1", "dialect: openai-responses", "/v1"
    ),
    "azure": Upstream("azure-chat", "azure-openai", "gpt-5.1", "dialect: openai-chat"),
    "claude": Upstream("anthropic-messages", "anthropic", "claude-haiku-4-5"),
    "vertex-claude": Upstream(
        "vertex-anthropic", "vertex", "claude-haiku-4-5", "project: acme, location: global"
    ),
    "bedrock-claude": Upstream(
        "bedrock-anthropic", "bedrock", CLAUDE, "region: r-1, dialect: bedrock-invoke-claude"
    ),
    "gemini": Upstream("gemini", "gemini", "gemini-2.5-flash"),
    "vertex": Upstream(
        "vertex-gemini", "vertex", "gemini-2.5-flash", "project: acme, location: global"
    ),
    "converse": Upstream("converse", "bedrock", CLAUDE, "region: r-1, dialect: bedrock-converse"),
    "cohere": Upstream("cohere", "cohere", "command-a-reasoning-08-2025"),
    "titan": Upstream(
        "titan",
        "bedrock",
        "amazon.titan-text-express-v1",
        "region: r-1, dialect: bedrock-invoke-titan",
    ),
    "llama": Upstream(
        "llama",
        "bedrock",
        "meta.llama3-1-8b-instruct-v1:0",
        "region: r-1, dialect: bedrock-invoke-llama",
    ),
}
CLIENTS = [
    "openai-chat",
    "openai-responses",
    "anthropic-messages",
    "vertex-anthropic",
    "bedrock-anthropic",
    "gemini",
    "gemini-array",
    "converse",
    "cohere",
]
PREFIX = {"converse": "anthropic.claude-", "bedrock-anthropic": "anthropic.claude-"}
"""Bedrock's clients say by the model's name in whose words the fields beside Converse's are."""
CARRIERS = frozenset(CLIENTS[:5])
"""Clients whose doors carry the seals of any wire's thoughts, and bring them back."""
THOUGHT = "Simulated reasoning of "


class Town:
    """The gateway, its providers, and an SDK of each kind in front of it."""

    def __init__(self, address: str, upstreams: dict[str, Simulated]) -> None:
        self.address = address
        self.upstreams = upstreams
        self.clients: dict[str, Client] = {}

    def client(self, name: str) -> Client:
        if name not in self.clients:
            self.clients[name] = WIRES[name].client(self.address)
        return self.clients[name]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def town() -> AsyncIterator[Town]:
    async with AsyncExitStack() as stack:
        running = {}
        for name, upstream in UPSTREAMS.items():
            door = dialect(WIRES[upstream.wire].dialect).door
            assert door is not None
            settings = Settings(provider=name, doors=[door], chunk=9)
            running[name] = await stack.enter_async_context(await start(settings))
        opening = Engine.open(route_file(running), environ={"KEY": KEY})
        engine = await stack.enter_async_context(opening)
        made = Town(await stack.enter_async_context(serving(engine)), running)
        yield made
        for client in made.clients.values():
            await client.aclose()


def route_file(running: dict[str, Simulated]) -> str:
    lines, routes = ["version: 1", "providers:"], ["routes:"]
    for name, (_, row, model, settings, below) in UPSTREAMS.items():
        said = f'type: {row}, base_url: "{running[name].origin}{below}", api_key: "${{env:KEY}}"'
        lines.append(f"  {name}: {{{said}{', ' if settings else ''}{settings}}}")
        routes.append(f'  - {{match: "*to-{name}", to: "{name}/{model}"}}')
    return "\n".join([*lines, *routes, ""])


def matrix(*features: str) -> Any:
    """Each client with each provider whose wire has words for these, whole and streamed."""
    cases = [
        (client, upstream, stream)
        for client in CLIENTS
        for upstream in UPSTREAMS
        for stream in (False, True)
        if able(upstream, *features) and (stream or client != "gemini-array")
    ]
    return pytest.mark.parametrize(("client", "upstream", "stream"), cases)


def named(client: str, upstream: str) -> str:
    """The model that this client asks for, to be sent to this provider."""
    return f"{PREFIX.get(client, '')}to-{upstream}"


def able(upstream: str, *features: str) -> bool:
    return WIRES[UPSTREAMS[upstream].wire].can(*features)


def tokens(text: str) -> int:
    return -(-len(text.encode()) // 4)


@matrix()
async def test_words_come_through(town: Town, client: str, upstream: str, stream: bool) -> None:
    sdk, provider = town.client(client), town.upstreams[upstream]
    ask = Ask(model=named(client, upstream))
    said = await sdk.send(sdk.user(ask), ask, stream=stream)
    assert said.text.startswith(f"Simulated answer of {upstream} for ")
    assert "you said “hello there”" in said.text
    assert said.finish == WIRES[client].stop
    seen = provider.seen[-1]
    assert seen.outcome == "answered"
    assert seen.request is not None
    assert seen.request["messages"] == [{"role": "user", "content": "hello there"}]
    assert (seen.request.get("stream") or False) == stream
    assert said.usage[0] > 0
    assert said.usage[1] == tokens(said.text)
    assert KEY in " ".join(value for _, value in seen.headers)
    if stream:
        assert said.pieces == -(-len(said.text) // 9)


@matrix("tools", "thinks", "image")
async def test_a_picture_thoughts_and_a_tool_come_through_both_ways(
    town: Town, client: str, upstream: str, stream: bool
) -> None:
    sdk, provider = town.client(client), town.upstreams[upstream]
    ask = Ask(model=named(client, upstream), image=True, tools=("weather", "tides"), thinks=True)
    messages = sdk.user(ask)
    first = await sdk.send(messages, ask, stream=stream)
    asked: Any = provider.seen[-1].request
    parts = asked["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url"]
    assert parts[1]["image_url"]["url"] == PICTURE
    assert [tool["function"]["name"] for tool in asked["tools"]] == ["weather", "tides"]
    ((_, name, arguments),) = first.calls
    assert name == "weather"
    jsonschema.validate(arguments, PARAMETERS)
    assert first.finish == WIRES[client].calls
    assert first.reasoning.startswith(THOUGHT)
    messages += [*first.turn, *sdk.results(first)]
    second = await sdk.send(messages, ask, stream=stream)
    assert f"the tool answered “{SUNNY}”" in second.text
    assert second.usage[1] == tokens(second.text) + tokens(second.reasoning)
    back: Any = provider.seen[-1].request
    assert [message["role"] for message in back["messages"]] == ["user", "assistant", "tool"]
    same = family(client) == family(UPSTREAMS[upstream].wire)
    if able(upstream, "seals") and (same or client in CARRIERS):
        parts = back["messages"][1]["content"]
        thoughts = [part for part in parts if part["type"] == "reasoning"]
        assert "".join(part.get("text", "") for part in thoughts) in (first.reasoning, "")
        assert thoughts[-1]["signature"]
        assert thoughts[-1]["owner"] == family(UPSTREAMS[upstream].wire)
    assert calls_of(back["messages"][1]) == [
        (back["messages"][2]["tool_call_id"], "weather", arguments)
    ]


def family(wire: str) -> str:
    """The owner of what the wire of this SDK seals."""
    return dialect(WIRES[wire].dialect).family


def calls_of(message: dict[str, Any]) -> list[tuple[str, str, Any]]:
    content = message.get("content")
    among = content if isinstance(content, list) else []
    calls = [(p["id"], p["name"], p["arguments"]) for p in among if p["type"] == "tool_call"]
    functions = [(call["id"], call["function"]) for call in message.get("tool_calls", ())]
    calls = calls or [(call, one["name"], one["arguments"]) for call, one in functions]
    return [(call, name, json.loads(arguments)) for call, name, arguments in calls]


@matrix("schema")
async def test_json_that_fits_comes_through(
    town: Town, client: str, upstream: str, stream: bool
) -> None:
    sdk = town.client(client)
    ask = Ask(model=named(client, upstream), schema=True)
    said: Said = await sdk.send(sdk.user(ask), ask, stream=stream)
    jsonschema.validate(json.loads(said.text), PARAMETERS)
