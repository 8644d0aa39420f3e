"""Recorded requests: read, written back, and written as another wire's."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.dialect import strict
from tests.dialect.test_recordings import rows
from trunkline.catalog import dialect
from trunkline.template import Refusal

if TYPE_CHECKING:
    from pathlib import Path

WIRES = {"openai/chat": "openai-chat", "anthropic/messages": "anthropic-messages"}
OTHER = {"openai-chat": "anthropic-messages", "anthropic-messages": "openai-chat"}
JUDGES = {"openai-chat": strict.openai_chat, "anthropic-messages": strict.anthropic_messages}
# Anthropic's newest version knows no sampling parameters; the recordings are older.
NEWEST = {"anthropic-messages": {"version": "2026-10-21"}, "openai-chat": {}}


def normal(value: Any) -> Any:
    """A body without the differences that mean nothing, the same for both wires.

    Plain text is a list of one text part; neighbours of one role are one message; null and
    empty are absent; a stream asks for its usage.
    """
    if isinstance(value, list):
        return [normal(item) for item in value]
    if not isinstance(value, dict):
        return value
    plain = {key: normal(item) for key, item in value.items()}
    for key in ("content", "system"):
        if isinstance(plain.get(key), str):
            plain[key] = [{"type": "text", "text": plain[key]}] if plain[key] else []
    if "messages" in plain:
        plain["messages"] = merged(plain["messages"])
    if plain.get("stream") is True:
        plain.setdefault("stream_options", {"include_usage": True})
    return {key: item for key, item in plain.items() if item not in (None, [], {})}


def merged(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for message in messages:
        mergeable = message.keys() <= {"role", "content"} and message.get("role") != "tool"
        if found and mergeable and found[-1]["role"] == message["role"]:
            before = found[-1]
            content = [*before.get("content", []), *message.get("content", [])]
            found[-1] = {**before, "content": content}
        else:
            found.append(message)
    return found


@pytest.mark.parametrize("api", WIRES)
def test_every_recorded_request_comes_back_as_it_was(recordings: Path, api: str) -> None:
    wire = dialect(WIRES[api])
    assert wire.door is not None
    for row in rows(recordings, api):
        body = row["request"]["body"]
        target = {"model": body["model"]}
        written = wire.write(wire.door.read_request(body, {}), target, {}).value
        assert normal(written) == normal(body), row["id"]
        again = wire.write(wire.door.read_request(written, {}), target, {}).value
        assert again == written, row["id"]


@pytest.mark.parametrize("api", WIRES)
def test_written_as_another_wire_the_vendor_accepts_it_or_the_refusal_is_true(
    recordings: Path, api: str
) -> None:
    wire, other = dialect(WIRES[api]), dialect(OTHER[WIRES[api]])
    assert wire.door is not None
    check = JUDGES[other.name]()
    refused: Counter[str] = Counter()
    accepted = 0
    for row in rows(recordings, api):
        request = wire.door.read_request(row["request"]["body"], {})
        _, lost = other.loss(request)
        if lost:
            refused.update(lost)
            continue
        try:
            body = other.write(request, {"model": "a-model"}, NEWEST[other.name]).value
        except Refusal as refusal:
            refused[str(refusal)] += 1
            continue
        body.pop("stream", None)
        check(json.loads(json.dumps(body)))
        accepted += 1
    assert accepted > 130
    assert all(true_reason(reason) for reason in refused), refused


def true_reason(reason: str) -> bool:
    """Each of these was looked at by hand: the other wire has indeed no such thing."""
    return reason in {
        "n",
        "top_k",
        "extra.openai-chat",
        "extra.anthropic-messages",
        "anthropic-messages cannot carry a part of type input_audio",
        "anthropic-messages needs a schema for JSON answers",
        "openai-chat cannot carry a block of anthropic-messages",
        "openai-chat cannot carry a file by URL",
        "openai-chat cannot carry a tool of anthropic-messages",
        "openai-chat cannot carry a tool call that anthropic-messages ran itself",
    }


@pytest.mark.parametrize("judge", JUDGES.values())
def test_the_judges_refuse_what_they_should(judge: Any) -> None:
    good = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}
    judge()(good)
    for change in ({"maxtokens": 1}, {"messages": [{"role": "user", "contents": "hi"}]}):
        with pytest.raises(Exception, match=r"(?i)extra|forbidden|required"):
            judge()({**good, **change})


@pytest.mark.parametrize("name", OTHER)
def test_what_a_caller_adds_for_one_wire_replaces_nothing_that_was_written(name: str) -> None:
    wire, added = dialect(name), {"model": "another", "stream": False, "store": False}
    extra = {name: {**added, "body": added}}
    request = {"model": "m", "stream": True, "messages": [], "max_tokens": 5, "extra": extra}
    body = wire.write(request, {"model": "target"}, {}).value
    assert (body["model"], body["stream"], body["store"]) == ("target", True, False)
