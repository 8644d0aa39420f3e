"""What a wire cannot carry: hints are left out and recorded, meaning passes the target over."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.graph.making import opened, said
from trunkline.compile import load_plan
from trunkline.errors import RequestError

pytestmark = pytest.mark.anyio

ROUTES = """version: 1
providers:
  chat: {type: openai-compatible, base_url: "http://chat.test/v1"}
  claude: {type: anthropic, api_key: 0123456789abcdef, base_url: "http://claude.test"}
routes:
"""
MARKED = {
    "model": "m",
    "messages": [
        {
            "role": "user",
            "name": "ann",
            "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "reasoning", "text": "hm", "signature": "s", "owner": "another"},
                {"type": "text", "text": "b"},
            ],
            "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "x", "is_error": True},
    ],
}
NESTED = ["content.cache_control", "content.reasoning.foreign", "tool_results.is_error"]
FOREIGN = {"type": "wire", "dialect": "anthropic-messages", "block": {"type": "web_search_1"}}
MEANT: dict[str, dict[str, Any]] = {
    "a tool of anthropic-messages": {"tools": [FOREIGN]},
    "a block of anthropic-messages": {"messages": [{"role": "user", "content": [FOREIGN]}]},
    "`extra.anthropic-messages.body`": {"extra": {"anthropic-messages": {"body": {"x": 1}}}},
}
ANSWER = {
    "id": "m1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


def answering(request: Any) -> Any:
    """Each provider in its own words."""
    canned = said()
    if "claude" in request.url:
        return canned.of_json(ANSWER)
    return canned


async def asked(to: str, request: dict[str, Any]) -> tuple[Any, Any]:
    """The reply or what was raised, and the transport."""
    engine, transport = await opened(load_plan(f'{ROUTES}  - {{match: "*", {to}}}\n'), answering)
    async with engine:
        try:
            return await engine.chat(request), transport
        except RequestError as error:
            return error, transport


@pytest.mark.parametrize("settings", ["", ", unsupported: drop", ", unsupported: refuse"])
async def test_hints_deep_in_a_request_are_recorded_by_name(settings: str) -> None:
    reply, transport = await asked(f"to: chat{settings}", MARKED)
    assert reply.text == "hi"
    assert reply.decision.dropped == [f"chat/m: {name}" for name in NESTED]
    assert b"ephemeral" not in transport.requests[0].body


async def test_what_a_wire_carries_is_not_recorded() -> None:
    reply, transport = await asked("to: claude", MARKED)
    assert reply.decision.dropped == [
        "claude/m: content.reasoning.foreign",
        "claude/m: messages.name",
    ]
    sent = json.loads(transport.requests[0].body)["messages"]
    assert sent[0]["content"][0]["cache_control"] == {"type": "ephemeral"}
    assert sent[2]["content"][0]["is_error"] is True


@pytest.mark.parametrize("what", MEANT)
async def test_meaning_passes_a_target_over_and_the_next_is_asked(what: str) -> None:
    request = {"model": "m", "messages": [{"role": "user", "content": "a"}], **MEANT[what]}
    reply, transport = await asked("to: [chat, claude]", request)
    assert reply.text == "hi"
    [skip] = reply.decision.skipped
    assert skip.target == "chat/m"
    assert skip.reason == f"openai-chat cannot carry {what}"
    assert len(transport.requests) == 1


@pytest.mark.parametrize("what", MEANT)
async def test_the_caller_hears_of_it_only_if_no_target_can(what: str) -> None:
    request = {"model": "m", "messages": [{"role": "user", "content": "a"}], **MEANT[what]}
    error, transport = await asked("to: chat", request)
    assert (error.kind, error.status) == ("unsupported", 400)
    assert f"openai-chat cannot carry {what}" in error.message
    assert transport.requests == []
    error, _ = await asked("to: [chat, claude], unsupported: refuse", request)
    assert (error.kind, error.status) == ("unsupported", 400)
