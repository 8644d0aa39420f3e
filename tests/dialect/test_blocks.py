"""What is written as a stream, in any order of steps, reads back as the same reply."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.catalog import dialect, dialects
from trunkline.dialect import Dialect, Fold

WITH_DOOR = [
    name
    for name in dialects()
    if dialect(name).door is not None and dialect(name).operation == "chat"
]
TEXT_ONLY = {"bedrock-invoke-titan", "bedrock-invoke-llama"}
"""Wires whose answers cannot hold calls: nobody who asks on them can offer a tool."""
REQUEST = {"stream_options": {"include_usage": True}}


@st.composite
def call(draw: st.DrawFn, at: int) -> list[dict[str, Any]]:
    """One call's deltas: its arguments are JSON, cut anywhere."""
    value = draw(
        st.dictionaries(st.sampled_from("ab"), st.integers() | st.text('x{"\\'), max_size=2)
    )
    text = json.dumps(value)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    first = {"at": at, "tool_call": {"id": f"call_{at}", "name": draw(st.sampled_from(["f", "g"]))}}
    return [first, *({"at": at, "tool_call": {"arguments": piece}} for piece in pieces)]


@st.composite
def words(draw: st.DrawFn, at: int) -> list[dict[str, Any]]:
    """One text block's deltas."""
    pieces = draw(st.lists(st.text("ab é\u2028", min_size=1), min_size=1, max_size=3))
    return [{"at": at, "text": piece} for piece in pieces]


@st.composite
def answers(draw: st.DrawFn) -> list[dict[str, Any]]:
    """An answer's deltas: blocks whose pieces come interleaved."""
    count = draw(st.integers(1, 4))
    queues = [draw(call(at) | words(at)) for at in range(count)]
    deltas: list[dict[str, Any]] = [{"start": {"id": "r-1", "model": "m-1"}}]
    while any(queues):
        ready = [queue for queue in queues if queue]
        deltas.append(draw(st.sampled_from(ready)).pop(0))
    finish = draw(st.sampled_from(["stop", "length"]))
    return [*deltas, {"usage": {"input": 5, "output": 7}, "finish": finish}]


def said(reply: Any) -> dict[str, Any]:
    """What must survive: the calls in any order of their blocks, all text, finish and usage."""
    choice = reply["choices"][0]
    calls = [
        (part["id"], part["name"], json.loads(part["arguments"] or "{}"))
        for part in choice["parts"]
        if part["type"] == "tool_call"
    ]
    text = sorted("".join(p["text"] for p in choice["parts"] if p["type"] == "text"))
    usage = {key: count for key, count in (reply["usage"] or {}).items() if count}
    return {"calls": sorted(calls), "text": text, "finish": choice["finish"], "usage": usage}


def through(wire: Dialect, deltas: list[dict[str, Any]]) -> tuple[Any, Any, Any]:
    """The reply folded from these deltas; read back from the door's stream; from its body."""
    door = wire.door
    assert door is not None
    fold = Fold("a-wire", lambda raw: dict(raw))  # type: ignore[arg-type, return-value]
    writer, again = door.stream_writer(REQUEST), wire.fold({})
    reader = wire.reader(writer.content_type)
    written = writer.begin({"id": "r-1", "model": "m-1", "created": 1})
    for delta in deltas:
        written += writer.write(fold.add(delta))
    reply = fold.reply()
    written += writer.end(reply)
    for delta in [*reader.feed(written), *reader.end()]:
        again.add(delta)
    assert reader.complete
    whole = wire.read_reply(json.loads(json.dumps(door.write_reply(reply, REQUEST))), {})
    return reply, again.reply(), whole.reply()


@pytest.mark.parametrize("name", [name for name in WITH_DOOR if name not in TEXT_ONLY])
@settings(max_examples=300, deadline=None)
@given(deltas=answers())
def test_a_stream_and_a_body_say_what_the_reply_says(
    name: str, deltas: list[dict[str, Any]]
) -> None:
    reply, streamed, whole = through(dialect(name), deltas)
    assert said(streamed) == said(reply)
    assert said(whole) == said(reply)


@pytest.mark.parametrize("name", WITH_DOOR)
def test_text_in_one_block_keeps_its_order(name: str) -> None:
    deltas = [{"text": piece} for piece in ("a", "b", "c")]
    _, streamed, whole = through(dialect(name), [*deltas, {"finish": "stop"}])
    for reply in (streamed, whole):
        assert reply["choices"][0]["parts"] == [{"type": "text", "text": "abc"}]


@pytest.mark.parametrize("name", ["anthropic-messages", "openai-chat"])
def test_a_stream_of_calls_that_never_end_is_written_as_it_comes(name: str) -> None:
    """Reading all open arguments again for each piece would take minutes."""
    door = dialect(name).door
    assert door is not None
    writer = door.stream_writer({"model": "m", "messages": [], "stream": True}, {}, {})
    fold = Fold("x")
    written = writer.begin({"id": "a", "model": "m", "created": 1})
    long = '{"a": "' + "b" * 100_000
    for at in range(3_000):
        call = {"id": f"c{at}", "name": "n", "arguments": "{" if at else long}
        written += writer.write(fold.add({"at": at, "tool_call": call}))
        written += writer.write(fold.add({"at": 0, "tool_call": {"arguments": "b"}}))
    assert b"c2999" in written + writer.end(fold.reply())
