"""What callers ask for, beyond what the recordings hold: and that the judges can say no."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialect import strict
from tests.dialect.asking import PLAIN as TEXT_ONLY
from tests.dialect.corpus import PLACES, TARGETS, WIRES
from tests.dialect.reasons import is_true
from trunkline.catalog import dialect

GEMINI = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
CONVERSE = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
PLAIN = {"messages": [{"role": "user", "content": "hi"}]}
GOOD: dict[str, dict[str, Any]] = {
    "openai-chat": {"model": "m", **PLAIN},
    "cohere-chat": {"model": "m", **PLAIN},
    "openai-responses": {"model": "m", "input": [{"role": "user", "content": "hi"}]},
    "anthropic-messages": {"model": "m", "max_tokens": 1, **PLAIN},
    "vertex-anthropic": {"anthropic_version": "vertex-2023-10-16", "max_tokens": 1, **PLAIN},
    "bedrock-invoke-claude": {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 1, **PLAIN},
    "bedrock-invoke-nova": {"schemaVersion": "messages-v1", **CONVERSE},
    "bedrock-invoke-titan": {"inputText": "hi"},
    "bedrock-invoke-llama": {"prompt": "hi"},
    "gemini-generate": GEMINI,
    "bedrock-converse": CONVERSE,
}
"""The least that each vendor's oracle takes."""


@pytest.mark.parametrize("wire", WIRES)
def test_the_oracles_refuse_what_they_should(wire: str) -> None:
    check = getattr(strict, wire.replace("-", "_"))()
    good = GOOD[wire]
    check(good)
    with pytest.raises((ValueError, AssertionError, TypeError)):
        check({**good, "max_tokenz": 1})
    for key in good:
        with pytest.raises((ValueError, AssertionError, TypeError)):
            check({**good, key: [7]})


def test_a_reason_that_nobody_reviewed_is_not_true() -> None:
    assert is_true("openai-responses", "no field for stop")
    assert not is_true("openai-chat", "no field for stop")
    assert not is_true("openai-chat", "the moon is full")


NULLS: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "user", "content": "hi", "name": None, "tool_calls": None},
        {
            "role": "assistant",
            "content": None,
            "refusal": None,
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "x"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {"name": "f", "description": None, "strict": None, "parameters": None},
        }
    ],
    **dict.fromkeys(
        ("temperature", "top_p", "max_tokens", "max_completion_tokens", "stop", "seed", "n")
    ),
    **dict.fromkeys(("response_format", "tool_choice", "reasoning_effort", "user", "metadata")),
    **dict.fromkeys(("parallel_tool_calls", "service_tier", "store", "stream", "logprobs")),
}


@pytest.mark.parametrize("wire", WIRES)
def test_null_says_nothing_on_any_wire(wire: str) -> None:
    """Compatible clients send nulls for what they leave out; other wires refuse them."""
    if wire in TEXT_ONLY:
        return
    door = dialect("openai-chat").door
    assert door is not None
    request = door.read_request(NULLS, {})
    assert dialect(wire).loss(request)[1] == []
    rendered = dialect(wire).write(request, {"model": TARGETS[wire]}, PLACES.get(wire, {}))
    getattr(strict, wire.replace("-", "_"))()(json.loads(rendered.body))
    assert b"null" not in rendered.body or wire == "openai-chat"


@pytest.mark.parametrize("name", ["openai-chat", "anthropic-messages"])
def test_what_a_caller_adds_for_one_wire_replaces_nothing_that_was_written(name: str) -> None:
    wire, added = dialect(name), {"model": "another", "stream": False, "store": False}
    extra = {name: {**added, "body": added}}
    request = {"model": "m", "stream": True, "messages": [], "max_tokens": 5, "extra": extra}
    body = wire.write(request, {"model": "target"}, {}).value
    assert (body["model"], body["stream"], body["store"]) == ("target", True, False)
