"""The vendors' own SDKs as clients of simulated providers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import jsonschema
import openai
import pytest

from trunkline.simulator import Fault

if TYPE_CHECKING:
    from tests.simulator.conftest import Simulate

pytestmark = pytest.mark.anyio

HELLO: Any = [{"role": "user", "content": "hello there"}]
PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 2},
    },
    "required": ["city", "unit", "days"],
    "additionalProperties": False,
}
OPENAI_TOOLS: Any = [
    {"type": "function", "function": {"name": name, "parameters": PARAMETERS}}
    for name in ("weather", "tides")
]
ANTHROPIC_TOOLS: Any = [{"name": name, "input_schema": PARAMETERS} for name in ("weather", "tides")]


def openai_client(origin: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key="sk-none", base_url=f"{origin}/v1", max_retries=0)


def anthropic_client(origin: str) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(api_key="sk-none", base_url=origin, max_retries=0)


async def test_openai_sdk_reads_a_whole_answer(simulate: Simulate) -> None:
    simulated = await simulate("openai-chat")
    async with openai_client(simulated.origin) as client:
        answer = await client.chat.completions.create(model="gpt-x", messages=HELLO)
    text = answer.choices[0].message.content or ""
    assert text.startswith("Simulated answer of acme for gpt-x: you said “hello there”.")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "gpt-x"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.completion_tokens == -(-len(text.encode()) // 4)
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_openai_sdk_reads_a_stream_of_the_same_answer(simulate: Simulate) -> None:
    simulated = await simulate("openai-chat", chunk=7)
    async with openai_client(simulated.origin) as client:
        whole = await client.chat.completions.create(model="gpt-x", messages=HELLO)
        async with client.chat.completions.stream(
            model="gpt-x", messages=HELLO, stream_options={"include_usage": True}
        ) as stream:
            events = [event async for event in stream if event.type == "content.delta"]
            final = await stream.get_final_completion()
    assert final.choices[0].message.content == whole.choices[0].message.content
    pieces = [event.delta for event in events if event.delta]
    assert {len(piece) for piece in pieces[:-1]} == {7}
    assert final.choices[0].finish_reason == "stop"
    assert final.usage == whole.usage
    assert final.id == whole.id


async def test_openai_sdk_makes_a_tool_round_trip(simulate: Simulate) -> None:
    simulated = await simulate("openai-chat")
    messages = list(HELLO)
    async with openai_client(simulated.origin) as client:
        asked = await client.chat.completions.create(
            model="gpt-x", messages=messages, tools=OPENAI_TOOLS
        )
        message = asked.choices[0].message
        assert asked.choices[0].finish_reason == "tool_calls"
        assert message.tool_calls is not None
        call = message.tool_calls[0]
        assert call.type == "function"
        assert call.function.name == "weather"
        jsonschema.validate(json.loads(call.function.arguments), PARAMETERS)
        messages.append(message.model_dump(exclude_none=True))
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "sunny, 21 degrees"})
        answer = await client.chat.completions.create(
            model="gpt-x", messages=messages, tools=OPENAI_TOOLS
        )
    assert "the tool answered “sunny, 21 degrees”" in (answer.choices[0].message.content or "")


async def test_openai_sdk_streams_the_tool_that_it_names(simulate: Simulate) -> None:
    simulated = await simulate("openai-chat", chunk=5)
    async with (
        openai_client(simulated.origin) as client,
        client.chat.completions.stream(
            model="gpt-x",
            messages=HELLO,
            tools=OPENAI_TOOLS,
            tool_choice={"type": "function", "function": {"name": "tides"}},
        ) as stream,
    ):
        final = await stream.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert calls is not None
    assert [call.function.name for call in calls] == ["tides"]
    jsonschema.validate(json.loads(calls[0].function.arguments), PARAMETERS)


async def test_openai_sdk_gets_json_that_fits_its_schema(simulate: Simulate) -> None:
    simulated = await simulate("openai-chat")
    async with openai_client(simulated.origin) as client:
        answer = await client.chat.completions.create(
            model="gpt-x",
            messages=HELLO,
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "weather", "strict": True, "schema": PARAMETERS},
            },
        )
    jsonschema.validate(json.loads(answer.choices[0].message.content or ""), PARAMETERS)


async def test_openai_sdk_gets_as_many_answers_as_it_asks_for(simulate: Simulate) -> None:
    simulated = await simulate("openai-chat")
    async with openai_client(simulated.origin) as client:
        answer = await client.chat.completions.create(model="gpt-x", messages=HELLO, n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert all(choice.message.content for choice in answer.choices)


async def test_a_token_limit_cuts_the_answer_and_says_so(simulate: Simulate) -> None:
    simulated = await simulate("openai-chat")
    async with openai_client(simulated.origin) as client:
        answer = await client.chat.completions.create(
            model="gpt-x", messages=HELLO, max_completion_tokens=3
        )
    assert answer.choices[0].message.content == "Simulated an"
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 3


async def test_a_stop_sequence_ends_the_answer_before_it(simulate: Simulate) -> None:
    simulated = await simulate("openai-chat", reply="one, two, three")
    async with openai_client(simulated.origin) as client:
        answer = await client.chat.completions.create(
            model="gpt-x", messages=HELLO, stop=["three", ", two"]
        )
    assert answer.choices[0].message.content == "one"
    assert answer.choices[0].finish_reason == "stop"


async def test_anthropic_sdk_reads_a_whole_answer(simulate: Simulate) -> None:
    simulated = await simulate("anthropic-messages")
    async with anthropic_client(simulated.origin) as client:
        answer = await client.messages.create(model="claude-x", max_tokens=500, messages=HELLO)
    block = answer.content[0]
    assert block.type == "text"
    assert block.text.startswith("Simulated answer of acme for claude-x: you said “hello there”.")
    assert answer.stop_reason == "end_turn"
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens == -(-len(block.text.encode()) // 4)


async def test_anthropic_sdk_reads_a_stream_of_the_same_answer(simulate: Simulate) -> None:
    simulated = await simulate("anthropic-messages", chunk=7)
    async with anthropic_client(simulated.origin) as client:
        whole = await client.messages.create(model="claude-x", max_tokens=500, messages=HELLO)
        async with client.messages.stream(
            model="claude-x", max_tokens=500, messages=HELLO
        ) as stream:
            pieces = [text async for text in stream.text_stream]
            final = await stream.get_final_message()
    assert "".join(pieces) == whole.content[0].text  # type: ignore[union-attr]
    assert final.content[0].text == whole.content[0].text  # type: ignore[union-attr]
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens == whole.usage.output_tokens


async def test_anthropic_sdk_makes_a_tool_round_trip(simulate: Simulate) -> None:
    simulated = await simulate("anthropic-messages", chunk=5)
    messages = list(HELLO)
    async with anthropic_client(simulated.origin) as client:
        async with client.messages.stream(
            model="claude-x",
            max_tokens=500,
            messages=messages,
            tools=ANTHROPIC_TOOLS,
            tool_choice={"type": "tool", "name": "tides"},
        ) as stream:
            asked = await stream.get_final_message()
        assert asked.stop_reason == "tool_use"
        call = asked.content[0]
        assert call.type == "tool_use"
        assert call.name == "tides"
        jsonschema.validate(call.input, PARAMETERS)
        result: Any = {"type": "tool_result", "tool_use_id": call.id, "content": "high at noon"}
        messages.append({"role": "assistant", "content": asked.content})
        messages.append({"role": "user", "content": [result]})
        answer = await client.messages.create(
            model="claude-x", max_tokens=500, messages=messages, tools=ANTHROPIC_TOOLS
        )
    assert "the tool answered “high at noon”" in answer.content[0].text  # type: ignore[union-attr]


OPENAI_ERRORS: list[tuple[int, type[openai.APIStatusError]]] = [
    (400, openai.BadRequestError),
    (401, openai.AuthenticationError),
    (403, openai.PermissionDeniedError),
    (404, openai.NotFoundError),
    (422, openai.UnprocessableEntityError),
    (429, openai.RateLimitError),
    (500, openai.InternalServerError),
    (503, openai.InternalServerError),
]


@pytest.mark.parametrize(("status", "kind"), OPENAI_ERRORS)
async def test_openai_sdk_types_a_scripted_status(
    simulate: Simulate, status: int, kind: type[openai.APIStatusError]
) -> None:
    simulated = await simulate("openai-chat", Fault(status=status, message="as scripted"))
    async with openai_client(simulated.origin) as client:
        with pytest.raises(kind, match="as scripted") as caught:
            await client.chat.completions.create(model="gpt-x", messages=HELLO)
    assert caught.value.status_code == status
    assert caught.value.request_id == "req_sim_1"


ANTHROPIC_ERRORS: list[tuple[int, type[anthropic.APIStatusError], str]] = [
    (400, anthropic.BadRequestError, "invalid_request_error"),
    (401, anthropic.AuthenticationError, "authentication_error"),
    (402, anthropic.APIStatusError, "billing_error"),
    (403, anthropic.PermissionDeniedError, "permission_error"),
    (404, anthropic.NotFoundError, "not_found_error"),
    (429, anthropic.RateLimitError, "rate_limit_error"),
    (500, anthropic.InternalServerError, "api_error"),
    (529, anthropic.InternalServerError, "overloaded_error"),
]


@pytest.mark.parametrize(("status", "kind", "named"), ANTHROPIC_ERRORS)
async def test_anthropic_sdk_types_a_scripted_status(
    simulate: Simulate, status: int, kind: type[anthropic.APIStatusError], named: str
) -> None:
    simulated = await simulate("anthropic-messages", Fault(status=status))
    async with anthropic_client(simulated.origin) as client:
        with pytest.raises(kind) as caught:
            await client.messages.create(model="claude-x", max_tokens=9, messages=HELLO)
    assert caught.value.type == named
    assert caught.value.request_id == "req_sim_1"


async def test_openai_sdk_waits_as_told_and_gets_through(simulate: Simulate) -> None:
    simulated = await simulate("openai-chat", Fault(on=(1,), status=429, retry_after=0.02))
    async with openai_client(simulated.origin).with_options(max_retries=1) as client:
        await client.chat.completions.create(model="gpt-x", messages=HELLO)
    assert [seen.outcome for seen in simulated.seen] == ["status", "answered"]


async def test_anthropic_sdk_sees_a_request_at_fault_refused(simulate: Simulate) -> None:
    simulated = await simulate("anthropic-messages")
    async with anthropic_client(simulated.origin) as client:
        with pytest.raises(anthropic.BadRequestError, match=r"stop_sequences\[0\]: text wanted"):
            await client.messages.create(
                model="claude-x",
                max_tokens=9,
                messages=HELLO,
                stop_sequences=[1],  # type: ignore[list-item]
            )
    assert simulated.seen[0].outcome == "refused"
