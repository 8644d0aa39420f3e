"""xAI over HTTP, made after its documentation, for nobody has recorded it: both wires, its
counters and its errors (https://docs.x.ai/docs/api-reference)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.catalog.making import HELLO, events, exchange
from trunkline.transport import Canned

pytestmark = pytest.mark.anyio

CHAT = "{type: xai, api_key: k}"
RESPONSES = "{type: xai, api_key: k, dialect: openai-responses}"
USAGE = {
    "prompt_tokens": 26,
    "completion_tokens": 168,
    "total_tokens": 498,
    "prompt_tokens_details": {
        "text_tokens": 26,
        "audio_tokens": 0,
        "image_tokens": 0,
        "cached_tokens": 10,
    },
    "completion_tokens_details": {"reasoning_tokens": 304, "audio_tokens": 0},
    "num_sources_used": 0,
    "cost_in_usd_ticks": 1_000_000,
}
DISJOINT = {"input": 16, "cache_read": 10, "cache_write": 0, "output": 168, "reasoning": 304}


def chat(message: dict[str, Any], finish: str = "stop") -> Canned:
    return Canned.of_json(
        {
            "id": "0daf962f-a275-4a3c-839a-047854645532",
            "object": "chat.completion",
            "created": 1_739_301_120,
            "model": "grok-4-0709",
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": USAGE,
            "system_fingerprint": "fp_84ff176447",
        }
    )


def chunk(**delta: Any) -> dict[str, Any]:
    finish = delta.pop("finish", None)
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "grok-4",
        "choices": [choice],
    }


async def test_a_chat_answer_with_reasoning_beside_its_completion() -> None:
    message = {"role": "assistant", "content": "4", "reasoning_content": "2+2", "refusal": None}
    done = await exchange(CHAT, chat(message), to="it/grok-4")
    assert done.request.url == "https://api.x.ai/v1/chat/completions"
    assert done.headers == {"content-type": "application/json", "authorization": "Bearer k"}
    assert done.body == {"model": "grok-4", "messages": HELLO}
    reply = done.reply
    assert reply is not None
    assert (reply.text, reply.reasoning, reply.finish) == ("4", "2+2", "stop")
    assert reply.model == "grok-4-0709"
    assert reply.usage == DISJOINT


async def test_a_streamed_chat_with_calls_and_usage_at_its_end() -> None:
    call = {
        "index": 0,
        "id": "call_1",
        "type": "function",
        "function": {"name": "f", "arguments": '{"a":1}'},
    }
    last = {**chunk(), "choices": [], "usage": USAGE}
    answer = events(
        chunk(role="assistant", reasoning_content="hm"),
        chunk(tool_calls=[call]),
        chunk(finish="tool_calls"),
        last,
    )
    done = await exchange(CHAT, answer, to="it/grok-4", stream=True)
    assert done.body["stream_options"] == {"include_usage": True}
    reply = done.reply
    assert reply is not None
    assert (reply.reasoning, reply.finish) == ("hm", "tool_calls")
    assert reply.tool_calls[0]["function"] == {"name": "f", "arguments": '{"a":1}'}
    assert reply.usage == DISJOINT


async def test_a_responses_answer_counts_reasoning_inside_its_output() -> None:
    body = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "grok-4.5",
        "output": [
            {
                "id": "rs_1",
                "type": "reasoning",
                "summary": [{"type": "summary_text", "text": "hm"}],
                "encrypted_content": "sealed",
            },
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "4", "annotations": []}],
            },
        ],
        "usage": {
            "input_tokens": 22_006,
            "input_tokens_details": {"cached_tokens": 6},
            "output_tokens": 1_274,
            "output_tokens_details": {"reasoning_tokens": 1_080},
            "total_tokens": 23_280,
            "num_sources_used": 0,
            "num_server_side_tools_used": 0,
        },
    }
    done = await exchange(RESPONSES, Canned.of_json(body), to="it/grok-4.5")
    assert done.request.url == "https://api.x.ai/v1/responses"
    assert done.body["model"] == "grok-4.5"
    reply = done.reply
    assert reply is not None
    assert (reply.text, reply.reasoning, reply.finish) == ("4", "hm", "stop")
    usage = reply.usage
    assert usage["input"] + usage["cache_read"] == 22_006
    assert usage["output"] + usage["reasoning"] == 1_274
    assert usage["reasoning"] == 1_080


@pytest.mark.parametrize("entry", [CHAT, RESPONSES])
@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (
            400,
            {"code": "invalid-argument", "error": "Incorrect API key provided: xa***ey."},
            "bad_request",
            "Incorrect API key",
        ),
        (401, {"code": "unauthenticated", "error": "No token"}, "auth", "No token"),
        (403, {"code": "permission-denied", "error": "Team disabled"}, "auth", "Team disabled"),
        (
            400,
            {
                "code": "invalid-argument",
                "error": "This model's maximum prompt length is 131072 but the request contains "
                "537812 tokens.",
            },
            "context_length",
            "537812",
        ),
        (404, {"code": "not-found", "error": "The model does not exist"}, "not_found", "exist"),
        (429, {"code": "resource-exhausted", "error": "Too many requests"}, "rate_limited", "Too"),
        (503, {"code": "unavailable", "error": "Service at capacity"}, "overloaded", "capacity"),
        (500, {"error": {"message": "Internal error", "type": "x"}}, "server_error", "Internal"),
    ],
)
async def test_errors_that_are_text_or_mappings(
    entry: str, status: int, body: Any, kind: str, words: str
) -> None:
    done = await exchange(entry, Canned.of_json(body, status))
    assert done.error is not None
    assert done.error.kind == kind
    assert words in str(done.error)
