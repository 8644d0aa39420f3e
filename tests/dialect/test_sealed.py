"""Opaque reasoning across doors: what one provider seals, a client of any wire gives back, and it
reaches its owner as it was, and nobody else."""

from __future__ import annotations

import base64
import json
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from google.genai import types

from tests.dialect import botocore_judge
from trunkline.catalog import dialect
from trunkline.dialect import check_request
from trunkline.wire import FRAMINGS

JSONMap = dict[str, Any]

STARTED = {"id": "an-id", "model": "a-model", "created": 1700000000}

SIGNED = {"type": "reasoning", "text": "hm", "signature": "c2ln+/8=", "owner": "{owner}"}
REDACTED = {"type": "reasoning", "redacted": "cmVk", "owner": "{owner}"}
CALL = {"type": "tool_call", "id": "call_1", "name": "f", "arguments": "{}"}

CASES = {
    "thinking of Claude": ("anthropic-messages", [SIGNED, {"type": "text", "text": "hi"}, CALL]),
    "thinking that Claude hides": ("anthropic-messages", [REDACTED, SIGNED, CALL]),
    "an item of Responses": (
        "openai-responses",
        [{**SIGNED, "id": "rs_1"}, {"type": "text", "text": "hi"}],
    ),
    "a call that Gemini signed": (
        "gemini-generate",
        [{"type": "text", "text": "hi"}, {**CALL, "signature": "c2ln", "owner": "{owner}"}],
    ),
    "Converse's own": ("bedrock-converse", [SIGNED, REDACTED, CALL]),
    "a wire that nobody knows": ("house-wire", [SIGNED, {"type": "text", "text": "hi"}]),
}


def owned(name: str) -> tuple[str, list[JSONMap]]:
    owner, parts = CASES[name]
    return owner, json.loads(json.dumps(parts).replace("{owner}", owner))


def deltas(parts: list[JSONMap]) -> list[JSONMap]:
    """The parts as deltas that come in pieces."""
    found: list[JSONMap] = []
    for at, part in enumerate(parts):
        place = {"at": at, "owner": part.get("owner")}
        if part["type"] == "tool_call":
            call = {key: part[key] for key in ("id", "name", "signature") if key in part}
            found.append({**place, "tool_call": call})
            found.append({**place, "tool_call": {"arguments": part["arguments"]}})
        elif part["type"] == "text":
            found += [{**place, "text": letter} for letter in part["text"]]
        else:
            found += [{**place, "reasoning": letter} for letter in part.get("text", "")]
            facets = {"reasoning_signature": "signature", "reasoning_redacted": "redacted"}
            found += [{**place, facet: part.get(key)} for facet, key in facets.items()]
            found.append({**place, "reasoning_id": part.get("id")})
    return [*found, {"finish": "stop"}, {"usage": {"input_tokens": 1, "output_tokens": 1}}]


def replied(parts: list[JSONMap], owner: str) -> Any:
    fold = dialect("openai-chat").fold({})
    fold.owner = owner
    for delta in deltas(parts):
        fold.add(delta)
    return fold.reply()


def streamed(door_name: str, parts: list[JSONMap], owner: str) -> Any:
    """The stream of such an answer: text, or bytes where the framing is none."""
    door, fold = dialect(door_name).door, dialect("openai-chat").fold({})
    assert door is not None
    fold.owner = owner
    writer = door.stream_writer({"stream_options": {"include_usage": True}})
    written = writer.begin(STARTED)
    for delta in deltas(parts):
        written += writer.write(fold.add(delta))
    written += writer.end(fold.reply())
    return written if writer.framing == "aws-eventstream" else written.decode()


def answering(content: str | JSONMap) -> httpx2.Client:
    """A client of HTTP that gives this answer to anything."""
    if isinstance(content, str):
        answer = httpx2.Response(
            200, headers={"content-type": "text/event-stream"}, content=content.encode()
        )
    else:
        answer = httpx2.Response(200, json=content)
    return httpx2.Client(transport=httpx2.MockTransport(lambda _: answer))


def openai_message(content: str | JSONMap) -> JSONMap:
    """The assistant's message as OpenAI's SDK keeps it, ready to be sent back."""
    sdk = openai.OpenAI(api_key="k", http_client=answering(content), max_retries=0)
    if isinstance(content, str):
        with sdk.chat.completions.stream(model="m", messages=[]) as stream:
            message: Any = stream.get_final_completion().choices[0].message
    else:
        message = sdk.chat.completions.create(model="m", messages=[]).choices[0].message
    kept: JSONMap = message.model_dump(exclude_none=True)
    for call in kept.get("tool_calls", ()):
        call["function"].pop("parsed_arguments", None)
    kept.pop("parsed", None)
    return kept


def anthropic_message(content: str | JSONMap) -> JSONMap:
    sdk = anthropic.Anthropic(api_key="k", http_client=answering(content), max_retries=0)
    if isinstance(content, str):
        with sdk.messages.stream(model="m", max_tokens=1, messages=[]) as stream:
            message: Any = stream.get_final_message()
    else:
        message = sdk.messages.create(model="m", max_tokens=1, messages=[])
    blocks = [block.model_dump(exclude_none=True) for block in message.content]
    known = {"type", "text", "thinking", "signature", "data", "id", "name", "input"}
    kept = [{key: one for key, one in block.items() if key in known} for block in blocks]
    return {"role": "assistant", "content": kept}


def gemini_message(content: Any) -> JSONMap:
    """The model's content as Google's types keep it; of a stream, the parts one after another."""
    if isinstance(content, str):
        decoder = FRAMINGS["json-array"].decoder()
        frames = [*decoder.feed(content.encode()), *decoder.end()]
        answers = [json.loads(frame.data) for frame in frames]
    else:
        answers = [content]
    parts = []
    for answer in answers:
        response = types.GenerateContentResponse.model_validate(answer)
        for candidate in response.candidates or ():
            said = candidate.content.parts if candidate.content is not None else None
            parts += said or []
    kept = types.Content(role="model", parts=parts)
    dumped: JSONMap = kept.model_dump(mode="json", by_alias=True, exclude_none=True)
    dumped["parts"] = [part for part in dumped["parts"] if part != {"text": ""}]
    return dumped


def converse_message(content: Any) -> JSONMap:
    """The message as botocore reads it; of a stream, the blocks with what was added to each."""
    if not isinstance(content, bytes):
        message: JSONMap = botocore_judge.reply("Converse", content)["output"]["message"]
        return json.loads(json.dumps(message, default=lambda raw: base64.b64encode(raw).decode()))
    blocks: dict[int, JSONMap] = {}
    for event in botocore_judge.stream("ConverseStream", content):
        (name, value), *_ = event.items()
        if name == "contentBlockStart":
            blocks[value["contentBlockIndex"]] = {
                "toolUse": {**value["start"]["toolUse"], "input": ""}
            }
        elif name == "contentBlockDelta":
            block, delta = blocks.setdefault(value["contentBlockIndex"], {}), value["delta"]
            if "text" in delta:
                block["text"] = block.get("text", "") + delta["text"]
            elif "toolUse" in delta:
                block["toolUse"]["input"] += delta["toolUse"]["input"]
            elif "redactedContent" in delta["reasoningContent"]:
                raw = delta["reasoningContent"]["redactedContent"]
                block["reasoningContent"] = {"redactedContent": base64.b64encode(raw).decode()}
            else:
                thought = block.setdefault("reasoningContent", {}).setdefault("reasoningText", {})
                for key, piece in delta["reasoningContent"].items():
                    thought[key] = thought.get(key, "") + piece
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
        if "reasoningText" in block.get("reasoningContent", {}):
            block["reasoningContent"]["reasoningText"].setdefault("text", "")
    assert sorted(blocks) == list(range(len(blocks)))
    return {"role": "assistant", "content": [blocks[at] for at in sorted(blocks)]}


CLIENTS: dict[str, Any] = {
    "openai-chat": openai_message,
    "anthropic-messages": anthropic_message,
    "gemini-generate": gemini_message,
    "bedrock-converse": converse_message,
}
BODIES = {
    "gemini-generate": lambda message: {
        "contents": [{"role": "user", "parts": [{"text": "q"}]}, message]
    },
    "bedrock-converse": lambda message: {
        "messages": [{"role": "user", "content": [{"text": "q"}]}, message]
    },
}


def returned(door_name: str, parts: list[JSONMap], owner: str, *, stream: bool) -> JSONMap:
    """The next request of a client of this door that got these parts and sends them back."""
    door = dialect(door_name).door
    assert door is not None
    content: Any = (
        streamed(door_name, parts, owner) if stream else door.write_reply(replied(parts, owner), {})
    )
    message = CLIENTS[door_name](content)
    question = {"role": "user", "content": "q"}
    body = {"model": "m", "max_tokens": 9, "messages": [question, message]}
    if door_name in BODIES:
        body = BODIES[door_name](message)
    request = door.read_request(json.loads(json.dumps(body)), {}, {"model": "m"})
    check_request(request)
    return request


def canonical(request: JSONMap) -> list[JSONMap]:
    from trunkline.dialect.turns import message_parts

    return message_parts(request["messages"][-1])


def joined(parts: list[JSONMap]) -> list[JSONMap]:
    """Without the unsigned pieces of thoughts, which no provider gets, and neighbouring texts as
    one: Google's clients keep a stream in pieces."""
    found: list[JSONMap] = []
    for part in parts:
        if part["type"] == "reasoning" and part.keys() <= {"type", "text", "owner"}:
            continue
        if found and part["type"] == found[-1]["type"] == "text":
            found[-1] = {"type": "text", "text": found[-1]["text"] + part["text"]}
        else:
            found.append(part)
    return found


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("door", CLIENTS)
@pytest.mark.parametrize("case", CASES)
def test_what_is_sealed_comes_back_as_it_was(case: str, door: str, stream: bool) -> None:
    owner, parts = owned(case)
    found = canonical(returned(door, parts, owner, stream=stream))
    if door == "gemini-generate" and stream:
        found = joined(found)
    if door == "bedrock-converse":  # ids of calls are 64 characters at most: no room for a seal
        parts = [
            {key: part[key] for key in ("type", "id", "name", "arguments")}
            if part["type"] == "tool_call"
            else part
            for part in parts
        ]
    order = ["reasoning", "text", "tool_call"]
    if door == "openai-chat":  # whose messages have no order but this
        parts = sorted(parts, key=lambda part: order.index(part["type"]))
    assert found == parts


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("door", CLIENTS)
@pytest.mark.parametrize("case", CASES)
def test_no_provider_sees_another_ones_seal(case: str, door: str, stream: bool) -> None:
    owner, parts = owned(case)
    request = returned(door, parts, owner, stream=stream)
    for name in ("anthropic-messages", "openai-chat"):
        body = dialect(name).write(request, {"model": "m"}, {}).value
        seals = [seal for seal in ("c2ln", "cmVk", "trunkline", "rs_1") if seal in json.dumps(body)]
        assert not seals or owner == name == "anthropic-messages", (name, body)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_reasoning_that_nobody_sealed_is_shown_and_never_taken_for_claudes_own(
    stream: bool,
) -> None:
    parts = [{"type": "reasoning", "text": "hm"}, {"type": "text", "text": "hi"}]
    request = returned("anthropic-messages", parts, "openai-chat", stream=stream)
    assert canonical(request) == parts
    body = dialect("anthropic-messages").write(request, {"model": "m"}, {}).value
    assert body["messages"][-1]["content"] == [{"type": "text", "text": "hi"}]


def test_details_that_a_client_kept_in_pieces_are_one_thought() -> None:
    """Some clients put every chunk's entries behind one another instead of joining them."""
    _, parts = owned("thinking of Claude")
    lines = streamed("openai-chat", parts, "anthropic-messages").splitlines()
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    pieces = [
        entry
        for chunk in chunks
        for choice in chunk["choices"]
        for entry in choice["delta"].get("reasoning_details", ())
    ]
    assert len(pieces) > 2
    door = dialect("openai-chat").door
    assert door is not None
    message = {"role": "assistant", "content": "hi", "reasoning_details": pieces}
    request = door.read_request({"model": "m", "messages": [message]}, {})
    assert canonical(request) == parts[:2]


def test_a_server_of_this_wire_gives_and_gets_the_owners_of_its_thoughts() -> None:
    detail = {
        "type": "reasoning.text",
        "text": "hm",
        "signature": "c2ln",
        "format": "anthropic-claude-v1",
        "index": 0,
    }
    wire = dialect("openai-chat")
    message = {"role": "assistant", "content": "hi", "reasoning_details": [detail]}
    said = {"id": "x", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    parts = wire.read_reply(said, {}).reply()["choices"][0]["parts"]
    assert parts[0] == {**SIGNED, "signature": "c2ln", "owner": "anthropic-messages"}
    request = {"model": "m", "messages": [{"role": "assistant", "content": parts}]}
    sent = wire.write(request, {"model": "m"}, {"quirks": {"reasoning_details": True}}).value
    assert sent["messages"][0]["reasoning_details"] == [detail]
    sent = dialect("anthropic-messages").write(request, {"model": "m"}, {}).value
    assert sent["messages"][0]["content"][0]["signature"] == "c2ln"


@pytest.mark.parametrize(
    "block",
    [
        {"type": "thinking", "thinking": "", "signature": "trunkline:%%%"},
        {"type": "thinking", "thinking": "", "signature": "trunkline:eyJvd25lciI6IDd9"},
        {"type": "thinking", "thinking": "x", "signature": "trunkline:W10"},
        {"type": "tool_use", "id": "a--trunkline--W10", "name": "f", "input": {}},
        {
            "type": "tool_use",
            "id": "a--trunkline--eyJzaWduYXR1cmUiOiA3fQ",
            "name": "f",
            "input": {},
        },
    ],
)
def test_a_forged_seal_belongs_to_nobody(block: JSONMap) -> None:
    from trunkline.errors import RequestError

    door = dialect("anthropic-messages").door
    assert door is not None
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "assistant", "content": [block]}]}
    try:
        request = door.read_request(body, {})
    except RequestError as error:
        assert error.kind == "bad_request"
        return
    sent = dialect("anthropic-messages").write(request, {"model": "m"}, {}).value
    assert "trunkline" not in json.dumps(sent)
