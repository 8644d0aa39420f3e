"""The vendors' own SDKs as clients of the gateway, before providers of either wire."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import jsonschema
import openai
import pytest

from tests.server.conftest import KEY
from trunkline.simulator import Fault

if TYPE_CHECKING:
    from tests.server.conftest import Begin

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("wire", ["openai-chat", "anthropic-messages"]),
]

HELLO: Any = [{"role": "user", "content": "hello there"}]
PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
OPENAI_TOOLS: Any = [
    {"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}
]
ANTHROPIC_TOOLS: Any = [{"name": "weather", "input_schema": PARAMETERS}]


async def test_openai_reads_a_whole_answer(gateway: Begin, wire: str) -> None:
    served = await gateway((wire,))
    async with served.openai() as client:
        answer = await client.chat.completions.create(model="m-1", messages=HELLO)
    text = answer.choices[0].message.content or ""
    assert text.startswith("Simulated answer of acme for m-1: you said “hello there”.")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == -(-len(text.encode()) // 4)
    assert answer._request_id is not None
    assert answer._request_id.startswith("req_")


async def test_openai_reads_a_stream(gateway: Begin, wire: str) -> None:
    served = await gateway((wire,), chunk=7)
    async with served.openai() as client:
        whole = await client.chat.completions.create(model="m-1", messages=HELLO)
        async with client.chat.completions.stream(
            model="m-1", messages=HELLO, stream_options={"include_usage": True}
        ) as stream:
            events = [event async for event in stream if event.type == "content.delta"]
            final = await stream.get_final_completion()
    assert final.choices[0].message.content == whole.choices[0].message.content
    assert sum(1 for event in events if event.delta) == -(-len(events[-1].snapshot) // 7)
    assert final.choices[0].finish_reason == "stop"
    assert final.usage == whole.usage


async def test_openai_gets_usage_in_a_stream_only_if_it_asks(gateway: Begin, wire: str) -> None:
    served = await gateway((wire,))
    async with served.openai() as client:
        stream = await client.chat.completions.create(model="m-1", messages=HELLO, stream=True)
        chunks = [chunk async for chunk in stream]
    assert all(chunk.usage is None for chunk in chunks)
    assert [c.choices[0].finish_reason for c in chunks if c.choices[0].finish_reason] == ["stop"]


async def test_openai_makes_a_tool_round_trip(gateway: Begin, wire: str) -> None:
    served = await gateway((wire,), chunk=5)
    messages = list(HELLO)
    async with served.openai() as client:
        async with client.chat.completions.stream(
            model="m-1", messages=messages, tools=OPENAI_TOOLS
        ) as stream:
            asked = (await stream.get_final_completion()).choices[0]
        assert asked.finish_reason == "tool_calls"
        calls = asked.message.tool_calls
        assert calls is not None
        jsonschema.validate(json.loads(calls[0].function.arguments), PARAMETERS)
        call: Any = {
            "id": calls[0].id,
            "type": "function",
            "function": {"name": "weather", "arguments": calls[0].function.arguments},
        }
        messages.append({"role": "assistant", "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": call["id"], "content": "sunny"})
        answer = await client.chat.completions.create(
            model="m-1", messages=messages, tools=OPENAI_TOOLS
        )
    assert "the tool answered “sunny”" in (answer.choices[0].message.content or "")


async def test_anthropic_reads_a_whole_answer(gateway: Begin, wire: str) -> None:
    served = await gateway((wire,))
    async with served.anthropic() as client:
        answer = await client.messages.create(model="m-1", max_tokens=500, messages=HELLO)
    block = answer.content[0]
    assert block.type == "text"
    assert block.text.startswith("Simulated answer of acme for m-1: you said “hello there”.")
    assert answer.stop_reason == "end_turn"
    assert answer.usage.output_tokens == -(-len(block.text.encode()) // 4)
    assert answer._request_id is not None
    assert answer._request_id.startswith("req_")


async def test_anthropic_reads_a_stream(gateway: Begin, wire: str) -> None:
    served = await gateway((wire,), chunk=7)
    async with served.anthropic() as client:
        whole = await client.messages.create(model="m-1", max_tokens=500, messages=HELLO)
        async with client.messages.stream(model="m-1", max_tokens=500, messages=HELLO) as stream:
            pieces = [text async for text in stream.text_stream]
            final = await stream.get_final_message()
    text = whole.content[0].text  # type: ignore[union-attr]
    assert "".join(pieces) == final.content[0].text == text  # type: ignore[union-attr]
    assert len(pieces) == -(-len(text) // 7)
    assert final.stop_reason == "end_turn"
    assert final.usage.input_tokens == whole.usage.input_tokens
    assert final.usage.output_tokens == whole.usage.output_tokens


async def test_anthropic_makes_a_tool_round_trip(gateway: Begin, wire: str) -> None:
    served = await gateway((wire,), chunk=5)
    messages = list(HELLO)
    async with served.anthropic() as client:
        async with client.messages.stream(
            model="m-1", max_tokens=500, messages=messages, tools=ANTHROPIC_TOOLS
        ) as stream:
            asked = await stream.get_final_message()
        assert asked.stop_reason == "tool_use"
        call = asked.content[0]
        assert call.type == "tool_use"
        jsonschema.validate(call.input, PARAMETERS)
        result: Any = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
        messages.append({"role": "assistant", "content": asked.content})
        messages.append({"role": "user", "content": [result]})
        answer = await client.messages.create(
            model="m-1", max_tokens=500, messages=messages, tools=ANTHROPIC_TOOLS
        )
    assert "the tool answered “sunny”" in answer.content[0].text  # type: ignore[union-attr]


ERRORS: list[tuple[int, int, str, str]] = [
    (400, 400, "BadRequestError", "invalid_request_error"),
    (401, 502, "InternalServerError", "api_error"),
    (429, 429, "RateLimitError", "rate_limit_error"),
    (500, 502, "InternalServerError", "api_error"),
    (503, 503, "InternalServerError", "overloaded_error"),
    (529, 503, "InternalServerError", "overloaded_error"),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("upstream", "status", "kind", "named"), ERRORS)
async def test_an_error_of_the_provider_is_typed_by_both_sdks(
    gateway: Begin, wire: str, upstream: int, status: int, kind: str, named: str, stream: bool
) -> None:
    fault = Fault(status=upstream, message="as scripted")
    served, fresh = await gateway((wire, fault)), await gateway((wire, fault))
    async with served.openai() as client:
        with pytest.raises(getattr(openai, kind)) as caught:
            await client.chat.completions.create(model="m-1", messages=HELLO, stream=stream)
    assert caught.value.status_code == status
    async with fresh.anthropic() as other:
        with pytest.raises(getattr(anthropic, kind)) as seen:
            await other.messages.create(model="m-1", max_tokens=9, messages=HELLO, stream=stream)
    assert (seen.value.status_code, seen.value.type) == (status, named)
    assert seen.value.request_id == seen.value.body["request_id"]


async def test_the_next_provider_answers_when_the_first_cannot(gateway: Begin, wire: str) -> None:
    served = await gateway((wire, Fault(status=429)), ("openai-chat",), ("anthropic-messages",))
    async with served.openai() as client:
        answer = await client.chat.completions.create(model="m-1", messages=HELLO)
    assert answer.choices[0].message.content
    assert [upstream.count for upstream in served.upstreams] == [1, 1, 0]


async def test_clients_do_not_retry_what_the_gateway_has_tried(gateway: Begin, wire: str) -> None:
    served = await gateway((wire, Fault(status=429, retry_after=120)))
    async with served.openai(max_retries=3) as client:
        with pytest.raises(openai.RateLimitError) as caught:
            await client.chat.completions.create(model="m-1", messages=HELLO)
    async with served.anthropic(max_retries=3) as other:
        with pytest.raises(anthropic.RateLimitError):
            await other.messages.create(model="m-1", max_tokens=9, messages=HELLO)
    assert caught.value.response.headers["retry-after"] == "120"
    assert served.upstream.count == 1, "nobody is asked while the provider's wait lasts"


async def test_what_a_client_proves_itself_with_goes_no_further(gateway: Begin, wire: str) -> None:
    served = await gateway((wire,))
    async with served.openai(default_headers={"cookie": "key-of-the-client"}) as client:
        await client.chat.completions.create(model="m-1", messages=HELLO)
    async with served.anthropic(default_headers={"x-api-key": "key-of-the-client"}) as other:
        await other.messages.create(model="m-1", max_tokens=9, messages=HELLO)
    for seen in served.upstream.seen:
        values = [value for _, value in seen.headers]
        assert not any("key-of-the-client" in value for value in values)
        assert any(KEY in value for value in values)
        assert not any(name.startswith("x-stainless") for name, _ in seen.headers)
