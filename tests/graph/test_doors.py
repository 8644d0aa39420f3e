"""A provider that speaks several wires is spoken to in the one that the request came in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trunkline.compile import load_plan
from trunkline.runtime import Engine
from trunkline.transport import Canned, ScriptedTransport

pytestmark = pytest.mark.anyio

ROUTES = """
version: 1
providers:
  openai: {type: openai, api_key: k}
  chats: {type: openai, dialect: openai-chat, api_key: k}
  azure: {type: azure-openai, resource: acme, api_key: k}
routes:
  - {match: any, to: openai/gpt-4o}
  - {match: asked-*, to: openai/*}
  - {match: only, to: openai/o1-pro}
  - {match: said, to: {target: openai/gpt-4o, dialect: openai-chat}}
  - {match: chats, to: chats/gpt-4o}
  - {match: azure, to: azure/gpt-4o}
"""
CHAT = {
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}
    ]
}
RESPONSE = {
    "id": "resp_1",
    "status": "completed",
    "output": [{"type": "message", "content": [{"type": "output_text", "text": "x"}]}],
}


@pytest.mark.parametrize(
    ("model", "door", "path"),
    [
        ("any", "", "/v1/chat/completions"),
        ("any", "openai-chat", "/v1/chat/completions"),
        ("any", "openai-responses", "/v1/responses"),
        ("any", "anthropic-messages", "/v1/chat/completions"),
        ("asked-gpt-4o", "openai-responses", "/v1/responses"),
        ("asked-gpt-4o", "", "/v1/chat/completions"),
        ("only", "openai-chat", "/v1/responses"),
        ("said", "openai-responses", "/v1/chat/completions"),
        ("chats", "openai-responses", "/v1/chat/completions"),
        ("azure", "openai-responses", "/openai/v1/responses"),
    ],
)
async def test_the_wire_of_the_request_is_kept_where_the_choice_is_free(
    model: str, door: str, path: str
) -> None:
    body: Any = RESPONSE if path.endswith("responses") else CHAT
    transport = ScriptedTransport([Canned(body=[json.dumps(body).encode()])])
    async with Engine.open(load_plan(ROUTES), transport=lambda: transport) as engine:
        reply = await engine.chat(
            model=model, messages=[{"role": "user", "content": "hi"}], door=door
        )
    assert reply.text == "x"
    assert transport.requests[0].url.partition("?")[0].endswith(path)
