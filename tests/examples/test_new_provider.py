"""A provider and a wire that Trunkline does not ship, in a route file only: what the example
declares is held against a server that speaks Ollama's own API, and against the vendors' SDKs."""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anthropic
import httpx
import openai
import pytest

from tests.dialect.losing import SAMPLES, with_field, written
from tests.examples.ollama import PNG, Ollama, ollama
from tests.server.conftest import serving
from trunkline import CallError, Engine, InterruptedAnswer
from trunkline.compile import load_plan
from trunkline.config.source import parse
from trunkline.dialect.losses import NESTED
from trunkline.dialect.own_tests import run_own_test

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.dialect import Dialect

pytestmark = pytest.mark.anyio

FOLDER = Path(__file__).parents[2] / "examples" / "new-provider"
TEXT = (FOLDER / "trunkline.yaml").read_text("utf-8")
HELLO: Any = [{"role": "user", "content": "hello there"}]
WEATHER = {"name": "weather", "parameters": {"type": "object", "properties": {"city": {}}}}
TOOLS: Any = [{"type": "function", "function": WEATHER}]
PICTURE = "data:image/png;base64," + base64.b64encode(PNG).decode()
LOOK: Any = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": PICTURE}},
        ],
    }
]


@pytest.fixture
def server() -> Iterator[Ollama]:
    with ollama() as running:
        yield running


def routes(server: Ollama) -> str:
    """The example's file, with the server's address for that of a real Ollama."""
    assert "http://127.0.0.1:11434" in TEXT
    return TEXT.replace("http://127.0.0.1:11434", server.origin)


@cache
def wire(file: str = "trunkline.yaml", name: str = "ollama-chat") -> Dialect:
    return load_plan(FOLDER / file).dialects[name]


def own_tests() -> list[Any]:
    document, _ = parse(TEXT, "trunkline.yaml")
    assert document is not None
    tests: list[Any] = document.value["dialects"]["ollama-chat"]["tests"]
    return tests


@pytest.mark.parametrize("test", own_tests(), ids=lambda test: test["name"])
def test_the_dialect_keeps_its_own_word(test: dict[str, Any]) -> None:
    assert run_own_test(wire(), test) == ""


def outcome(one: Any, *without: Any) -> str:
    target = {"model": "m"}
    said, *others = [written(wire(), request, target, {}) for request in (one, *without)]
    if said is None or None in others:
        return "refused"
    return "dropped" if said in others else "carried"


@pytest.mark.parametrize("thing", NESTED)
def test_nothing_inside_a_request_is_lost_without_a_word(thing: str) -> None:
    pairs = [sample("ollama-chat") for sample in SAMPLES[thing]]
    gone = {outcome(*pair) for pair in pairs} - {"refused"} == {"dropped"}
    for one, *_ in pairs:
        dropped, lost = wire().loss(one, {"model": "m"}, {})
        if gone:
            assert {*dropped, *lost} & {*NESTED[thing].within, thing}
        else:
            assert thing not in dropped


@pytest.mark.parametrize(
    "field", ["n", "logit_bias", "parallel_tool_calls", "seed", "store", "stop", "user"]
)
def test_no_field_of_a_request_is_lost_without_a_word(field: str) -> None:
    one, without = with_field(field)
    told = field in {name for names in wire().loss(one, {"model": "m"}, {}) for name in names}
    assert told == (outcome(one, without) == "dropped")


async def test_a_whole_answer_is_read(server: Ollama) -> None:
    async with Engine.open(routes(server)) as engine:
        reply = await engine.chat(
            model="llama3.2",
            messages=[{"role": "developer", "content": "be brief"}, *HELLO],
            temperature=0.5,
            max_tokens=1,
            stop="END",
            reasoning_effort="medium",
            extra={"ollama-chat": {"keep_alive": "5m", "options": {"num_ctx": 8192}}},
        )
    assert (reply.text, reply.reasoning) == ("you said hello there", "let me see")
    assert reply.finish == "length"
    assert reply.usage is not None
    assert {key: value for key, value in reply.usage.items() if value} == {"input": 26, "output": 7}
    assert server.seen == [
        {
            "model": "llama3.2",
            "stream": False,
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": "hello there"},
            ],
            "think": "medium",
            "options": {"num_ctx": 8192, "num_predict": 1, "temperature": 0.5, "stop": ["END"]},
            "keep_alive": "5m",
        }
    ]


async def test_a_stream_brings_what_a_whole_answer_does(server: Ollama) -> None:
    asked: Any = {"model": "llama3.2", "messages": HELLO, "reasoning_effort": "low"}
    async with Engine.open(routes(server)) as engine:
        whole = await engine.chat(asked)
        async with engine.stream(asked) as stream:
            pieces = [delta.text async for delta in stream]
    assert [piece for piece in pieces if piece] == ["you", " said", " hello", " there"]
    assert stream.reply.parts == whole.parts
    assert (stream.reply.finish, stream.reply.usage) == (whole.finish, whole.usage)
    assert [body["stream"] for body in server.seen] == [False, True]


@pytest.mark.parametrize("streamed", [False, True])
async def test_calls_of_tools_go_around(server: Ollama, streamed: bool) -> None:
    messages = list(HELLO)
    async with Engine.open(routes(server)) as engine:
        if streamed:
            async with engine.stream(model="m", messages=messages, tools=TOOLS) as stream:
                async for _ in stream:
                    pass
            reply: Any = stream.reply
        else:
            reply = await engine.chat(model="m", messages=messages, tools=TOOLS)
        assert reply.finish == "tool_calls"
        cities = [json.loads(call["function"]["arguments"]) for call in reply.tool_calls]
        assert cities == [{"city": "Oslo"}, {"city": "Rome"}]
        assert len({call["id"] for call in reply.tool_calls}) == 2
        messages.append(reply.message)
        messages.extend(
            {"role": "tool", "tool_call_id": call["id"], "content": "rain"}
            for call in reply.tool_calls
        )
        answer = await engine.chat(model="m", messages=messages, tools=TOOLS)
    assert answer.text == "weather says rain"
    assert server.seen[0]["tools"] == TOOLS
    assert server.seen[-1]["messages"][1]["tool_calls"][1] == {
        "function": {"name": "weather", "arguments": {"city": "Rome"}}
    }


async def test_an_image_goes_as_its_bytes_and_not_by_its_address(server: Ollama) -> None:
    async with Engine.open(routes(server)) as engine:
        reply = await engine.chat(model="llava", messages=LOOK)
        assert reply.text == "you said look over 1 image"
        there = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}
        with pytest.raises(CallError) as caught:
            await engine.chat(model="llava", messages=[{"role": "user", "content": [there]}])
    assert caught.value.kind == "unsupported"
    assert len(server.seen) == 1


async def test_json_and_schemas_are_asked_for(server: Ollama) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    wanted: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    async with Engine.open(routes(server)) as engine:
        fitted = await engine.chat(model="m", messages=HELLO, response_format=wanted)
        loose = await engine.chat(
            model="m", messages=HELLO, response_format={"type": "json_object"}
        )
    assert json.loads(fitted.text) == {"format": schema}
    assert json.loads(loose.text) == {"format": "json"}
    assert fitted.decision.dropped == ["local/m: response_format.name"]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("model", "kind", "message"),
    [
        ("missing", "not_found", "model 'missing' not found"),
        ("long", "context_length", "the input length exceeds the context length"),
        ("busy", "overloaded", "server busy"),
        ("broken", "server_error", "model runner has unexpectedly stopped"),
        ("deaf", "unsupported", "does not support tools"),
    ],
)
async def test_a_failure_has_its_kind_and_its_words(
    server: Ollama, model: str, kind: str, message: str, streamed: bool
) -> None:
    async with Engine.open(routes(server)) as engine:
        with pytest.raises(CallError, match=message) as caught:
            if streamed:
                async with engine.stream(model=model, messages=HELLO, tools=TOOLS):
                    pass
            else:
                await engine.chat(model=model, messages=HELLO, tools=TOOLS)
    assert caught.value.kind == kind


@pytest.mark.parametrize("model", ["cut", "late"])
async def test_a_stream_that_breaks_off_never_passes_for_whole(server: Ollama, model: str) -> None:
    heard = ""
    async with Engine.open(routes(server)) as engine:
        with pytest.raises(CallError) as caught:
            async with engine.stream(model=model, messages=HELLO) as stream:
                async for delta in stream:
                    heard += delta.text
    # What comes in one piece with the error is not shown, because another target may still answer.
    shown = isinstance(caught.value, InterruptedAnswer)
    assert heard == ("you said hello" if shown else "")
    assert ("while running the model" in str(caught.value)) == (model == "late")


async def test_openais_sdk_reaches_it_through_the_gateway(server: Ollama) -> None:
    messages = list(LOOK)
    async with (
        Engine.open(routes(server)) as engine,
        serving(engine) as address,
        openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="x", max_retries=0) as client,
    ):
        whole = await client.chat.completions.create(model="llava", messages=messages)
        async with client.chat.completions.stream(model="llava", messages=messages) as stream:
            final = await stream.get_final_completion()
        async with client.chat.completions.stream(model="m", messages=HELLO, tools=TOOLS) as asking:
            asked = (await asking.get_final_completion()).choices[0].message
        assert asked.tool_calls is not None
        messages = [*HELLO, asked.model_dump(include={"role", "content", "tool_calls"})]
        for call in asked.tool_calls:
            messages.append({"role": "tool", "tool_call_id": call.id, "content": "rain"})
        told = await client.chat.completions.create(model="m", messages=messages, tools=TOOLS)
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model="long", messages=HELLO)
    assert whole.choices[0].message.content == "you said look over 1 image"
    assert final.choices[0].message.content == whole.choices[0].message.content
    assert whole.usage is not None
    assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (26, 7)
    assert [json.loads(call.function.arguments)["city"] for call in asked.tool_calls] == [
        "Oslo",
        "Rome",
    ]
    assert told.choices[0].message.content == "weather says rain"
    assert caught.value.code == "context_length_exceeded"


async def test_anthropics_sdk_reaches_it_through_the_gateway(server: Ollama) -> None:
    tools: Any = [{"name": "weather", "input_schema": WEATHER["parameters"]}]
    picture = {"type": "base64", "media_type": "image/png", "data": PICTURE.partition(",")[2]}
    parts = [{"type": "text", "text": "look"}, {"type": "image", "source": picture}]
    messages: Any = [{"role": "user", "content": parts}]
    async with (
        Engine.open(routes(server)) as engine,
        serving(engine) as address,
        anthropic.AsyncAnthropic(base_url=address, api_key="x", max_retries=0) as client,
    ):
        whole = await client.messages.create(model="llava", max_tokens=99, messages=messages)
        async with client.messages.stream(
            model="llava", max_tokens=99, messages=messages
        ) as stream:
            final = await stream.get_final_message()
        asked = await client.messages.create(model="m", max_tokens=99, messages=HELLO, tools=tools)
        calls: Any = [block for block in asked.content if block.type == "tool_use"]
        results = [
            {"type": "tool_result", "tool_use_id": call.id, "content": "rain"} for call in calls
        ]
        messages = [
            *HELLO,
            {"role": "assistant", "content": asked.content},
            {"role": "user", "content": results},
        ]
        told = await client.messages.create(
            model="m", max_tokens=99, messages=messages, tools=tools
        )
    assert whole.content[0].text == "you said look over 1 image"  # type: ignore[union-attr]
    assert final.content[0].text == whole.content[0].text  # type: ignore[union-attr]
    assert (final.usage.output_tokens, final.stop_reason) == (7, "end_turn")
    assert asked.stop_reason == "tool_use"
    assert [call.input["city"] for call in calls] == ["Oslo", "Rome"]
    assert told.content[0].text == "weather says rain"  # type: ignore[union-attr]


async def test_clients_of_ollama_are_served_at_its_own_door(server: Ollama) -> None:
    """What passes through our door comes as if the server had been asked itself."""
    asked = {
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]},
            {"role": "tool", "tool_name": "f", "content": "2"},
            {"role": "user", "content": "look", "images": [PICTURE.partition(",")[2]]},
        ],
        "think": "high",
        "keep_alive": 0,
        "options": {"num_ctx": 99, "seed": 4},
    }
    async with (
        Engine.open(routes(server)) as engine,
        serving(engine) as address,
        httpx.AsyncClient() as client,
    ):
        url = f"{address}/api/chat"
        whole = await client.post(url, json={**asked, "model": "llava", "stream": False})
        said = await client.post(url, json={**asked, "model": "llava"})
        failed = await client.post(url, json={**asked, "model": "missing"})
        calls = await client.post(url, json={"model": "m", "messages": HELLO, "tools": TOOLS})
    answer = whole.json()
    assert answer["message"]["content"] == "you said look over 1 image"
    assert answer["message"]["thinking"] == "let me see"
    ending = {"done": True, "done_reason": "stop", "prompt_eval_count": 26, "eval_count": 7}
    assert {key: answer[key] for key in ending} == ending
    lines = [json.loads(line) for line in said.text.splitlines()]
    assert said.headers["content-type"].startswith("application/x-ndjson")
    texts = [line["message"]["content"] for line in lines]
    assert "".join(texts) == answer["message"]["content"]
    assert {key: lines[-1][key] for key in ending} == ending
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert "model 'missing' not found" in failed.json()["error"]
    called = [json.loads(line)["message"].get("tool_calls") for line in calls.text.splitlines()]
    assert [call[0]["function"]["arguments"] for call in called if call] == [
        {"city": "Oslo"},
        {"city": "Rome"},
    ]
    first = dict(server.seen[0])
    assert first.pop("messages")[1] == {"content": "", **asked["messages"][1]}  # type: ignore[dict-item, index]
    assert first == {
        "model": "llava",
        "stream": False,
        **{key: value for key, value in asked.items() if key != "messages"},
    }


async def test_it_can_be_simulated() -> None:
    async with Engine.open(TEXT) as engine:
        whole = await engine.chat(model="pretend", messages=HELLO)
        async with engine.stream(model="pretend", messages=HELLO, tools=TOOLS) as stream:
            async for _ in stream:
                pass
    assert "you said “hello there”" in whole.text
    assert stream.reply.tool_calls[0]["function"]["name"] == "weather"


def test_a_compatible_server_differs_by_a_few_lines() -> None:
    acme = wire("compatible.yaml", "acme-chat")
    long = acme.classify(400, {}, {"code": "E_TOO_LONG", "reason": "too much"})
    assert (long.kind, long.message) == ("context_length", "too much")
    calm = acme.classify(420, {"x-acme-wait": "1m2s"}, {"reason": "calm down"})
    assert (calm.kind, calm.retry_after) == ("rate_limited", 62.0)
    assert acme.classify(400, {}, {"error": {"code": "model_not_found"}}).kind == "not_found"
