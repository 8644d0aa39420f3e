"""Claude on Vertex AI, made after its documentation, for nobody has recorded it: its paths, its
body, and errors in the shapes of both houses
(https://docs.anthropic.com/en/api/claude-on-vertex-ai)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.catalog.making import events, exchange
from trunkline.transport import Canned

pytestmark = pytest.mark.anyio

ENTRY = "{type: vertex, api_key: k, project: acme, location: us-east5}"
MODEL = "claude-sonnet-4-5@20250929"
BELOW = (
    "https://us-east5-aiplatform.googleapis.com/v1/projects/acme/locations/us-east5"
    "/publishers/anthropic/models/claude-sonnet-4-5%4020250929"
)
MESSAGE: dict[str, Any] = {
    "id": "msg_vrtx_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [
        {"type": "text", "text": "Looking."},
        {"type": "tool_use", "id": "toolu_vrtx_1", "name": "look", "input": {"a": 1}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 10,
        "cache_read_input_tokens": 4,
        "cache_creation_input_tokens": 2,
        "output_tokens": 5,
    },
}


async def test_a_whole_answer() -> None:
    done = await exchange(ENTRY, Canned.of_json(MESSAGE), to=f'"it/{MODEL}"', max_tokens=64)
    assert done.request.url == f"{BELOW}:rawPredict"
    assert done.headers["x-goog-api-key"] == "k"
    assert "anthropic-version" not in done.headers
    assert done.body == {
        "anthropic_version": "vertex-2023-10-16",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
    }
    reply = done.reply
    assert reply is not None
    assert (reply.text, reply.finish) == ("Looking.", "tool_calls")
    assert reply.tool_calls[0]["function"]["arguments"] in ('{"a":1}', '{"a": 1}')
    assert reply.usage["input"] == 10
    assert (reply.usage["cache_read"], reply.usage["cache_write"]) == (4, 2)


async def test_the_version_of_the_body_may_be_another_one() -> None:
    entry = ENTRY.replace("}", ", version: 2026-10-21}")
    done = await exchange(entry, Canned.of_json(MESSAGE), to=f'"it/{MODEL}"')
    assert done.body["anthropic_version"] == "2026-10-21"


async def test_a_stream() -> None:
    start = {**MESSAGE, "content": [], "stop_reason": None}
    answer = events(
        {"type": "message_start", "message": start},
        {"type": "ping"},
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "text", "text": ""},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "hi"},
        },
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 7},
        },
        {"type": "message_stop"},
        done=False,
        named=True,
    )
    done = await exchange(ENTRY, answer, to=f'"it/{MODEL}"', stream=True)
    assert done.request.url == f"{BELOW}:streamRawPredict"
    assert done.body["stream"] is True
    reply = done.reply
    assert reply is not None
    assert (reply.text, reply.finish, reply.usage["output"]) == ("hi", "stop", 7)


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (401, {"code": 401, "message": "no", "status": "UNAUTHENTICATED"}, "auth"),
        (403, {"code": 403, "message": "no", "status": "PERMISSION_DENIED"}, "auth"),
        (404, {"code": 404, "message": "no", "status": "NOT_FOUND"}, "not_found"),
        (429, {"code": 429, "message": "no", "status": "RESOURCE_EXHAUSTED"}, "rate_limited"),
        (503, {"code": 503, "message": "no", "status": "UNAVAILABLE"}, "overloaded"),
        (400, {"type": "invalid_request_error", "message": "no"}, "bad_request"),
        (
            400,
            {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 8 no"},
            "context_length",
        ),
        (529, {"type": "overloaded_error", "message": "no"}, "overloaded"),
    ],
)
async def test_errors_of_both_houses(status: int, error: dict[str, Any], kind: str) -> None:
    body: Any = {"type": "error", "error": error} if "type" in error else {"error": error}
    done = await exchange(ENTRY, Canned.of_json(body, status), to=f'"it/{MODEL}"')
    assert done.error is not None
    assert done.error.kind == kind
    assert "no" in str(done.error)
