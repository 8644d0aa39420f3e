"""Tool loops of three turns: what Google and Amazon want back with a call comes back with it,
in its place, whichever wire the client speaks in between."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialect import strict
from tests.dialect.test_sealed import CLIENTS
from trunkline.catalog import dialect

JSONMap = dict[str, Any]

DOORS = ["openai-chat", "anthropic-messages"]
"""Doors whose clients speak neither of the two wires."""

SIGNATURES = ["c2lnMQ==", "c2lnMg=="]


def google(turn: int) -> JSONMap:
    """Two calls, the first of them signed, as Gemini 3 answers."""
    signed = {
        "functionCall": {"name": "f", "args": {"n": turn}},
        "thoughtSignature": SIGNATURES[turn],
    }
    parts = [signed, {"functionCall": {"name": "g"}}]
    return {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}


def amazon(turn: int) -> JSONMap:
    """A signed thought, words, and two calls, as Claude answers through Converse."""
    content = [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": SIGNATURES[turn]}}},
        {"text": f"So {turn}"},
        {"toolUse": {"toolUseId": f"tooluse_{turn}", "name": "f", "input": {"n": turn}}},
        {"toolUse": {"toolUseId": f"functions.g:{turn}", "name": "g", "input": {}}},
    ]
    said = {"role": "assistant", "content": content}
    return {"output": {"message": said}, "stopReason": "tool_use", "usage": {"inputTokens": 1}}


def results(door: str, message: JSONMap) -> list[JSONMap]:
    """What a client of this door answers to the calls of a message, the last call first."""
    if door == "openai-chat":
        calls = [call["id"] for call in message["tool_calls"]]
        return [{"role": "tool", "tool_call_id": call, "content": "ok"} for call in calls[::-1]]
    calls = [block["id"] for block in message["content"] if block["type"] == "tool_use"]
    blocks = [{"type": "tool_result", "tool_use_id": call, "content": "ok"} for call in calls[::-1]]
    return [{"role": "user", "content": blocks}]


def looped(door_name: str, wire_name: str, model: str, answer: Any) -> JSONMap:
    """The third request of a loop, as it is sent to the provider."""
    door, wire = dialect(door_name).door, dialect(wire_name)
    assert door is not None
    messages: list[JSONMap] = [{"role": "user", "content": "go"}]
    for turn in range(3):
        body = json.loads(json.dumps({"model": "m", "max_tokens": 99, "messages": messages}))
        request = door.read_request(body, {})
        sent: JSONMap = wire.write(request, {"model": model}, {}).value
        if turn < 2:
            got = wire.read_reply(answer(turn), {}).reply()
            message = CLIENTS[door_name](door.write_reply(got, request))
            messages += [message, *results(door_name, message)]
    getattr(strict, wire_name.replace("-", "_"))()(sent)
    return sent


@pytest.mark.parametrize("door", DOORS)
def test_gemini_gets_each_signature_with_its_call_and_each_answer_by_name(door: str) -> None:
    contents = looped(door, "gemini-generate", "gemini-3-pro-preview", google)["contents"]
    assert [one["role"] for one in contents] == ["user", "model", "user", "model", "user"]
    for turn, signature in enumerate(SIGNATURES):
        assert contents[1 + 2 * turn]["parts"] == [
            {"functionCall": {"name": "f", "args": {"n": turn}}, "thoughtSignature": signature},
            {"functionCall": {"name": "g", "args": {}}},
        ]
        answered = [one["functionResponse"]["name"] for one in contents[2 + 2 * turn]["parts"]]
        assert sorted(answered) == ["f", "g"]


@pytest.mark.parametrize("door", DOORS)
def test_converse_gets_its_thoughts_first_and_its_calls_answered(door: str) -> None:
    model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    messages = looped(door, "bedrock-converse", model, amazon)["messages"]
    assert [one["role"] for one in messages] == ["user", "assistant", "user", "assistant", "user"]
    for turn in range(2):
        said = amazon(turn)["output"]["message"]["content"]
        *before, first, second = messages[1 + 2 * turn]["content"]
        assert [*before, first] == said[:3]
        assert second["toolUse"]["name"] == "g"
        answers = [one["toolResult"]["toolUseId"] for one in messages[2 + 2 * turn]["content"]]
        calls = [one["toolUse"]["toolUseId"] for one in (first, second)]
        assert sorted(answers) == sorted(calls)
