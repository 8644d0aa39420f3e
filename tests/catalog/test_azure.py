"""Azure OpenAI where nobody has recorded it: tool calls, asynchronous filters, refusals (after
https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-streaming)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.catalog.making import HELLO, events, exchange
from trunkline.transport import Canned

pytestmark = pytest.mark.anyio

ENTRY = "{type: azure-openai, api_key: k, resource: acme, models: {gpt-4o: prod}}"
SAFE = {
    name: {"filtered": False, "severity": "safe"}
    for name in ("hate", "self_harm", "sexual", "violence")
}
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
PROMPT = {
    "choices": [],
    "created": 0,
    "id": "",
    "model": "",
    "object": "",
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SAFE}],
}


def chunk(delta: Any, finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-2024-11-20",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish, **more}],
    }


async def test_a_call_by_a_deployment() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    answer = Canned.of_json(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-4o-2024-11-20",
            "prompt_filter_results": PROMPT["prompt_filter_results"],
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "tool_calls",
                    "logprobs": None,
                    "content_filter_results": {},
                    "message": {"role": "assistant", "content": None, "tool_calls": [call]},
                }
            ],
            "usage": USAGE,
        }
    )
    done = await exchange(ENTRY, answer, model="gpt-4o", tools=TOOLS, tool_choice="required")
    assert done.request.url == (
        "https://acme.openai.azure.com/openai/deployments/prod/chat/completions"
        "?api-version=2024-10-21"
    )
    assert done.headers == {"content-type": "application/json", "api-key": "k"}
    assert done.body == {
        "model": "prod",
        "messages": HELLO,
        "tools": TOOLS,
        "tool_choice": "required",
    }
    reply = done.reply
    assert reply is not None
    assert reply.tool_calls == [call]
    assert (reply.finish, reply.text) == ("tool_calls", "")
    assert reply.usage["input"] + reply.usage["output"] == 10


async def test_calls_in_a_stream_that_begins_with_filter_results() -> None:
    begin = {
        "index": 0,
        "id": "call_1",
        "type": "function",
        "function": {"name": "look", "arguments": ""},
    }
    answer = events(
        PROMPT,
        chunk({"role": "assistant", "content": None, "tool_calls": [begin]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}),
        chunk({}, "tool_calls", content_filter_results={}),
        {**chunk({}), "choices": [], "usage": USAGE},
    )
    done = await exchange(ENTRY, answer, model="gpt-4o", tools=TOOLS, stream=True)
    reply = done.reply
    assert reply is not None
    assert (reply.id, reply.model) == ("chatcmpl-1", "gpt-4o-2024-11-20")
    assert reply.tool_calls[0]["function"] == {"name": "look", "arguments": '{"a":1}'}
    assert reply.finish == "tool_calls"
    assert reply.usage["input"] == 7


@pytest.mark.parametrize("empty", [None, {}, ...])
async def test_asynchronous_filters_send_chunks_that_only_say_offsets(empty: Any) -> None:
    offsets = {"check_offset": 44, "start_offset": 44, "end_offset": 198}
    filtered = chunk(empty, None, content_filter_results=SAFE, content_filter_offsets=offsets)
    filtered |= {"id": "", "model": "", "object": "", "created": 0}
    if empty is ...:
        del filtered["choices"][0]["delta"]
    answer = events(
        PROMPT,
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "It "}),
        filtered,
        chunk({"content": "rains"}),
        chunk({}, "stop"),
        filtered,
        {**chunk({}), "choices": [], "usage": USAGE},
    )
    done = await exchange(ENTRY, answer, model="gpt-4o", stream=True)
    reply = done.reply
    assert reply is not None
    assert (reply.text, reply.finish) == ("It rains", "stop")
    assert (reply.id, reply.model) == ("chatcmpl-1", "gpt-4o-2024-11-20")
    assert reply.usage["output"] == 3


async def test_a_stream_that_a_filter_ends() -> None:
    hate = {**SAFE, "hate": {"filtered": True, "severity": "high"}}
    answer = events(
        PROMPT,
        chunk({"role": "assistant", "content": "Well, "}),
        chunk({}, "content_filter", content_filter_results=hate),
    )
    done = await exchange(ENTRY, answer, model="gpt-4o", stream=True)
    assert done.reply is not None
    assert (done.reply.text, done.reply.finish) == ("Well, ", "content_filter")


@pytest.mark.parametrize("key", ["content_filter_result", "content_filter_results"])
async def test_a_filtered_prompt_is_an_error_of_its_kind(key: str) -> None:
    body = {
        "error": {
            "message": "The response was filtered due to the prompt triggering Azure OpenAI's "
            "content management policy.",
            "type": None,
            "param": "prompt",
            "code": "content_filter",
            "status": 400,
            "innererror": {"code": "ResponsibleAIPolicyViolation", key: SAFE},
        }
    }
    done = await exchange(ENTRY, Canned.of_json(body, 400), model="gpt-4o")
    assert done.error is not None
    assert done.error.kind == "content_filter"
    del body["error"]["code"]
    done = await exchange(ENTRY, Canned.of_json(body, 400), model="gpt-4o")
    assert done.error is not None
    assert done.error.kind == "content_filter"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "DeploymentNotFound", "not_found"),
        (401, "401", "auth"),
        (403, "403", "auth"),
        (429, "429", "rate_limited"),
        (408, "Timeout", "timeout"),
        (500, "InternalServerError", "server_error"),
        (503, "ServiceUnavailable", "overloaded"),
    ],
)
async def test_errors_whose_code_is_a_name_or_a_number(status: int, code: str, kind: str) -> None:
    body = {"error": {"code": code, "message": f"said {code}"}}
    done = await exchange(ENTRY, Canned.of_json(body, status, retry_after_ms="1500"), model="m")
    error = done.error
    assert error is not None
    assert (error.kind, f"said {code}" in str(error)) == (kind, True)


async def test_responses_at_the_v1_surface() -> None:
    body = {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "model": "gpt-5.4",
        "content_filters": [{"blocked": False, "source_type": "prompt"}],
        "output": [
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "hi", "annotations": []}],
            }
        ],
        "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    }
    entry = "{type: azure-openai, api_key: k, resource: acme, dialect: openai-responses}"
    done = await exchange(entry, Canned.of_json(body), to="it/prod")
    assert done.request.url == "https://acme.openai.azure.com/openai/v1/responses"
    assert done.headers["api-key"] == "k"
    assert done.body["model"] == "prod"
    assert done.reply is not None
    assert done.reply.text == "hi"
