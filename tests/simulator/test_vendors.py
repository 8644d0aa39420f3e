"""Every wire of the simulated providers, judged by its vendor's own SDK over a real socket."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tests.sdks.asking import PARAMETERS, PICTURE, SUNNY, Ask, Said
from tests.sdks.wires import WIRES, Wire
from trunkline.catalog import dialect, dialects
from trunkline.simulator import Fault, Settings, Simulated, start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.sdks.asking import Client

pytestmark = pytest.mark.anyio

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def wires(*features: str) -> Any:
    """Each SDK whose wire has words for all of these."""
    names = [name for name, wire in WIRES.items() if wire.can(*features)]
    return pytest.mark.parametrize("name", names)


@asynccontextmanager
async def simulated(
    name: str, *faults: Fault, **settings: Any
) -> AsyncIterator[tuple[Wire, Simulated, Client]]:
    """A provider of this wire, and its vendor's SDK in front of it."""
    wire = WIRES[name]
    door = dialect(wire.dialect).door
    assert door is not None
    said = Settings(provider="acme", doors=[door], faults=faults, **{"chunk": 9, **settings})
    async with await start(said) as provider, AsyncExitStack() as stack:
        client = wire.client(provider.origin)
        stack.push_async_callback(client.aclose)
        yield wire, provider, client


async def asked(client: Client, ask: Ask, stream: bool) -> Said:
    return await client.send(client.user(ask), ask, stream=stream)


def call_ids(message: dict[str, Any]) -> list[str]:
    """The calls of an assistant message, which stand beside its content or among its parts."""
    content = message.get("content")
    parts = [part for part in content if part["type"] == "tool_call"] if content else []
    return [call["id"] for call in parts or message["tool_calls"]]


def test_every_wire_has_an_sdk_that_judges_it() -> None:
    served = {
        name
        for name in dialects()
        if (one := dialect(name)).door is not None and one.operation == "chat"
    }
    assert served == {wire.dialect for wire in WIRES.values()}


@BOTH
@wires()
async def test_an_sdk_reads_words_and_what_they_cost(name: str, stream: bool) -> None:
    async with simulated(name) as (wire, provider, client):
        said = await asked(client, Ask(model=wire.model), stream)
    heard = f"Simulated answer of acme for {wire.model}: you said “hello there”."
    assert said.text.startswith(heard)
    assert said.finish == wire.stop
    assert said.usage[0] > 0
    assert said.usage[1] == -(-len(said.text.encode()) // 4)
    assert said.model == (wire.model if wire.named else "")
    if stream:
        assert said.pieces > 5
    (seen,) = provider.seen
    assert seen.outcome == "answered"
    assert seen.request is not None
    assert (seen.request.get("stream") or False) == stream


@BOTH
@wires("image")
async def test_an_sdks_picture_arrives(name: str, stream: bool) -> None:
    async with simulated(name) as (wire, provider, client):
        said = await asked(client, Ask(model=wire.model, image=True), stream)
    assert said.finish == wire.stop
    (seen,) = provider.seen
    assert seen.request is not None
    parts = seen.request["messages"][-1]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url"]
    assert parts[1]["image_url"]["url"] == PICTURE


@BOTH
@wires("tools")
async def test_an_sdk_calls_a_tool_and_hands_in_its_result(name: str, stream: bool) -> None:
    async with simulated(name) as (wire, provider, client):
        ask = Ask(model=wire.model, tools=("weather", "tides"))
        messages = client.user(ask)
        first = await client.send(messages, ask, stream=stream)
        messages += [*first.turn, *client.results(first)]
        second = await client.send(messages, ask, stream=stream)
    ((call, named, arguments),) = first.calls
    assert named == "weather"
    assert first.finish == wire.calls
    jsonschema.validate(arguments, PARAMETERS)
    assert second.calls == []
    assert f"the tool answered “{SUNNY}”" in second.text
    request = provider.seen[-1].request
    assert request is not None
    asking, result = request["messages"][-2:]
    assert result["role"] == "tool"
    assert [result["tool_call_id"]] == call_ids(asking)
    assert not call or call == result["tool_call_id"]


@BOTH
@wires("tools", "choice")
async def test_an_sdk_gets_the_tool_that_it_names(name: str, stream: bool) -> None:
    async with simulated(name) as (wire, _, client):
        ask = Ask(model=wire.model, tools=("weather", "tides"), choice="tides")
        said = await asked(client, ask, stream)
    assert [named for _, named, _ in said.calls] == ["tides"]
    jsonschema.validate(said.calls[0][2], PARAMETERS)


@BOTH
@wires("tools")
async def test_an_sdk_gets_parallel_calls_and_answers_them(name: str, stream: bool) -> None:
    async with simulated(name) as (wire, provider, client):
        ask = Ask(model=wire.model, tools=("weather", "tides", "moon"), choice="required")
        messages = client.user(ask)
        first = await client.send(messages, ask, stream=stream)
        messages += [*first.turn, *client.results(first)]
        second = await client.send(messages, ask, stream=stream)
    assert [named for _, named, _ in first.calls] == ["weather", "tides", "moon"]
    for _, _, arguments in first.calls:
        jsonschema.validate(arguments, PARAMETERS)
    assert SUNNY in second.text
    request = provider.seen[-1].request
    assert request is not None
    ids = call_ids(request["messages"][1])
    assert len(set(ids)) == 3
    assert [message["tool_call_id"] for message in request["messages"][2:]] == ids


@BOTH
@wires("schema")
async def test_an_sdk_gets_json_that_fits(name: str, stream: bool) -> None:
    async with simulated(name) as (wire, _, client):
        said = await asked(client, Ask(model=wire.model, schema=True), stream)
    jsonschema.validate(json.loads(said.text), PARAMETERS)


@BOTH
@wires("thinks", "tools")
async def test_an_sdk_reads_thoughts_and_brings_them_back(name: str, stream: bool) -> None:
    async with simulated(name) as (wire, provider, client):
        ask = Ask(model=wire.model, tools=("weather",), thinks=True)
        messages = client.user(ask)
        first = await client.send(messages, ask, stream=stream)
        messages += [*first.turn, *client.results(first)]
        await client.send(messages, ask, stream=stream)
    thought = "Simulated reasoning of low effort."
    assert first.reasoning == thought
    assert len(first.calls) == 1
    assert first.usage[1] > -(-len(thought) // 4)
    request = provider.seen[-1].request
    assert request is not None
    parts = request["messages"][1]["content"]
    back = [part for part in parts if part["type"] == "reasoning"]
    assert "".join(part.get("text", "") for part in back) in (thought, "")
    if wire.can("seals"):
        assert back[-1]["signature"]
        assert back[-1]["owner"] in dialects()


@BOTH
@wires("n")
async def test_an_sdk_gets_as_many_answers_as_it_asks_for(name: str, stream: bool) -> None:
    async with simulated(name) as (wire, _, client):
        said = await asked(client, Ask(model=wire.model, n=3), stream)
    assert len(said.answers) == 3
    assert len(set(said.answers)) == 1
    assert said.answers[0] == said.text != ""


@BOTH
@wires("logprobs")
async def test_an_sdk_gets_log_probabilities_of_every_token(name: str, stream: bool) -> None:
    async with simulated(name) as (wire, _, client):
        said = await asked(client, Ask(model=wire.model, logprobs=True), stream)
    assert "".join(token for token, _ in said.logprobs) == said.text
    assert {odds for _, odds in said.logprobs} == {-0.25}


@BOTH
@wires("stop")
async def test_an_sdks_stop_ends_the_answer(name: str, stream: bool) -> None:
    async with simulated(name, reply="one, two, three") as (wire, _, client):
        said = await asked(client, Ask(model=wire.model, stop=", two"), stream)
    assert said.text == "one"
