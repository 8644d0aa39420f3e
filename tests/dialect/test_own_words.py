"""What clients say in the words of Google's and Amazon's wires comes back from them unchanged.

The recordings show the common requests; these are the rest of what the wires describe.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialect import strict
from tests.dialect.normal import normal
from trunkline.catalog import dialect
from trunkline.errors import RequestError

JSONMap = dict[str, Any]

TEXT = {"text": "hi"}
POINT = {"cachePoint": {"type": "default"}}
DECLARED = [{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}]
SPEC = {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}
CHOICES = {"type": "STRING", "enum": ["a", "b"]}


def google(*parts: JSONMap, **fields: Any) -> JSONMap:
    """A request whose model has called a tool, which answers with these parts."""
    called = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}
    heard = [{"role": "user", "parts": [TEXT]}]
    answered = [called, {"role": "user", "parts": list(parts)}] if parts else []
    return {"contents": heard + answered, **fields}


def answer(**fields: Any) -> JSONMap:
    return {"functionResponse": {"name": "f", "response": {"a": 1}, **fields}}


def amazon(*blocks: JSONMap, **fields: Any) -> JSONMap:
    """A request whose model has said these blocks."""
    said = [{"role": "assistant", "content": list(blocks)}] if blocks else []
    heard = {"role": "user", "content": [TEXT]}
    return {"messages": [heard, *said, *([heard] if said else [])], **fields}


def again(wire: str, body: JSONMap, model: str) -> JSONMap:
    """A body read at its own door and written again, both in their normal form."""
    door = dialect(wire).door
    assert door is not None
    request = door.read_request(body, {}, {"model": model, "method": "generateContent"}, {})
    assert dialect(wire).loss(request, {"model": model}, {}) == ([], [])
    written = dialect(wire).write(request, {"model": model}, {})
    found: JSONMap = normal(wire, json.loads(written.body))
    return found


@pytest.mark.parametrize(
    "body",
    [
        google(generationConfig={"responseMimeType": "text/x.enum", "responseSchema": CHOICES}),
        google(generationConfig={"responseJsonSchema": {"type": "object"}}),
        google(tools=DECLARED, toolConfig={"functionCallingConfig": {"mode": "TOMORROW"}}),
        google(serviceTier="tomorrow"),
        google(answer(scheduling="SILENT", willContinue=True), tools=DECLARED),
        google({"inlineData": {"mimeType": "audio/mp3", "data": "AAAA"}}),
        google({"inlineData": {"mimeType": "audio/L16;rate=24000", "data": "AAAA"}}),
    ],
)
def test_googles_own_words_come_back(body: JSONMap) -> None:
    assert again("gemini-generate", body, "gemini-2.5-flash") == normal("gemini-generate", body)


def test_a_choice_among_some_functions_is_kept_where_the_mode_is_not_said() -> None:
    for mode in ({}, {"mode": "AUTO"}, {"mode": "VALIDATED"}):
        calling = {"functionCallingConfig": {**mode, "allowedFunctionNames": ["f"]}}
        body = again("gemini-generate", google(tools=DECLARED, toolConfig=calling), "gemini-3-pro")
        wanted = {"mode": "VALIDATED", "allowedFunctionNames": ["f"]}
        assert body["toolConfig"]["functionCallingConfig"] == wanted


@pytest.mark.parametrize("said", ["Be brief.", {"text": "Be brief."}])
def test_an_instruction_without_parts_is_refused_and_not_lost(said: Any) -> None:
    door = dialect("gemini-generate").door
    assert door is not None
    with pytest.raises(RequestError, match="has parts"):
        door.read_request(google(systemInstruction=said), {}, {"model": "m"}, {})


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (
            "anthropic.claude-x",
            amazon({"citationsContent": {"content": [TEXT], "citations": [{"title": "t"}]}}, POINT),
        ),
        (
            "amazon.nova-2-lite",
            amazon(
                {
                    "toolUse": {
                        "toolUseId": "s",
                        "name": "n",
                        "input": {"a": 1},
                        "type": "server_tool_use",
                    }
                },
                POINT,
                TEXT,
            ),
        ),
        ("anthropic.claude-x", amazon({"reasoningContent": {"redactedContent": "/w=="}}, TEXT)),
        (
            "anthropic.claude-x",
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            TEXT,
                            {"audio": {"format": "mkv", "source": {"bytes": "AAAA"}}},
                        ],
                    }
                ]
            },
        ),
        (
            "qwen.qwen3-32b",
            amazon(
                additionalModelRequestFields={
                    "reasoning_config": {"type": "enabled", "budget_tokens": 1024}
                }
            ),
        ),
        (
            "anthropic.claude-opus-4-8",
            {
                "messages": [
                    {"role": "user", "content": [TEXT]},
                    {"role": "system", "content": [TEXT]},
                ]
            },
        ),
    ],
)
def test_amazons_own_words_come_back(model: str, body: JSONMap) -> None:
    written = again("bedrock-converse", body, model)
    assert written == normal("bedrock-converse", body)
    strict.bedrock_converse()(written)


@pytest.mark.parametrize(
    "body",
    [
        amazon(serviceTier={"type": "tomorrow"}),
        amazon(toolConfig={"tools": [{"toolSpec": {**SPEC["toolSpec"], "tomorrow": True}}]}),
        {"messages": [{"role": "user", "content": [{"text": "a", "tomorrow": {}}]}]},
    ],
)
def test_what_amazon_may_add_is_kept(body: JSONMap) -> None:
    written = again("bedrock-converse", body, "anthropic.claude-x")
    assert written == normal("bedrock-converse", body)


def test_a_tier_that_amazon_does_not_sell_is_recorded() -> None:
    request = {"model": "m", "messages": [], "service_tier": "scale"}
    assert dialect("bedrock-converse").loss(request) == (["service_tier"], [])
