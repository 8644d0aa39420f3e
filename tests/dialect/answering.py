"""Recorded answers, written as every other wire at its door, whole and streamed, and read back.

What must come through: text, calls, why it ended, the totals of usage; and where the wire has a
place for it, reasoning.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from tests.dialect import vendors
from tests.dialect.corpus import TARGETS, Row, content_type_of, data_of, provider_of, wire_of
from tests.dialect.proof import Outcome, answer_of, difference, read, readings
from trunkline.catalog import dialect
from trunkline.dialect import Fold
from trunkline.errors import UpstreamError
from trunkline.graph.played import deltas_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.dialect.vendors import Reading
    from trunkline.chat import ReplyData
    from trunkline.dialect import Step

__all__ = ["judge_answer", "steps_of", "streamed", "streaming_place", "whole", "write_answer"]

REQUEST: Row = {"model": "a-model", "messages": [], "stream_options": {"include_usage": True}}
STARTED: Row = {"id": "an-id", "model": "a-model", "created": 1700000000}

MANY_ANSWERS = {"openai-chat", "gemini-generate"}
"""Wires that carry several answers to one request."""
TEXT_ONLY = {"bedrock-invoke-titan", "bedrock-invoke-llama"}
"""Wires whose answers are text and nothing else."""

NO_REASONING = {"bedrock-invoke-titan", "bedrock-invoke-llama"}
NO_FILTER = {"bedrock-invoke-llama"}
"""Wires that never say that an answer was filtered."""

NO_CACHE = {"bedrock-invoke-titan", "bedrock-invoke-llama"}
"""Wires that count no tokens of a cache."""


def steps_of(row: Row) -> list[list[Step]]:
    """A row's answer as steps: a stream's as they came, a whole body's as a door would write
    them that streams it."""
    wire = dialect(wire_of(row))
    if "body" in row["response"]:
        fold = Fold(wire.family)
        return [fold.add(delta) for delta in deltas_of(answer_of(row))]
    reader = wire.reader(content_type_of(row["response"]))
    fold = wire.fold(provider_of(row))
    deltas = [*reader.feed(data_of(row["response"])), *reader.end()]
    return [fold.add(delta) for delta in deltas]


def whole(reply: ReplyData, other: str) -> Row:
    """The reply as this wire's whole body, as a recorded response."""
    door = dialect(other).door
    assert door is not None
    body = door.write_reply(reply, REQUEST, created=STARTED["created"])
    return {"headers": {}, "body": json.loads(json.dumps(body))}


def streamed(
    steps: list[list[Step]], reply: ReplyData, other: str, query: dict[str, str] | None = None
) -> Row:
    """The steps as this wire's stream, as a recorded response."""
    door = dialect(other).door
    assert door is not None
    writer = door.stream_writer(REQUEST, streaming_place(other), query or {})
    written = [writer.begin(STARTED)]
    written += [writer.write(step) for step in steps]
    written.append(writer.end(reply))
    data = base64.b64encode(b"".join(written)).decode()
    return {"headers": {"content-type": writer.content_type}, "base64": data}


def streaming_place(other: str) -> dict[str, str]:
    """What the path of a streamed request says, where a wire says it there."""
    door = dialect(other).door
    assert door is not None
    methods = [p.text.partition("{method:")[2].partition("}")[0] for p in door.patterns]
    named = [name for method in methods for name in method.split("|") if "tream" in name]
    return {"model": TARGETS[other], **({"method": named[0]} if named else {})}


def _forms(row: Row, reply: ReplyData, other: str) -> Iterator[tuple[str, Row]]:
    """The answer as this wire's whole body and, where it has one, its stream."""
    yield "whole", whole(reply, other)
    if dialect(other).streams:
        yield "streamed", streamed(steps_of(row), reply, other)


def write_answer(row: Row, other: str) -> Outcome:
    """Written by another wire's door, whole and streamed, an answer reads as it was."""
    return _held(row, other, lambda response: readings(read(dialect(other), response)))


def judge_answer(row: Row, other: str) -> Outcome:
    """The same, read by the vendor's own client."""
    judge = getattr(vendors, other.replace("-", "_"))
    return _held(row, other, lambda response: judge(_recorded(response)))


def _recorded(response: Row) -> Row:
    """What we wrote, as the recordings hold what came: text as text."""
    if "base64" in response and "eventstream" not in response["headers"]["content-type"]:
        return {"response": {"headers": response["headers"], "text": data_of(response).decode()}}
    return {"response": response}


def _held(row: Row, other: str, reader: Callable[[Row], list[Reading]]) -> Outcome:
    try:
        reply = answer_of(row)
    except UpstreamError as error:
        return Outcome(row["id"], "refused", f"the answer is a failure: {error.kind}")
    parts = reply["choices"][0]["parts"]
    if other in TEXT_ONLY and any(part["type"] == "tool_call" for part in parts):
        return Outcome(row["id"], "refused", "calls on a wire that has text alone")
    wanted = _expected(readings(reply), other)
    for form, response in _forms(row, reply, other):
        try:
            problem = _differs(reader(response), wanted, other)
        except Exception as error:  # whatever a client raises is a finding
            problem = f"{type(error).__name__}: {error}"
        if problem:
            return Outcome(row["id"], "failed", f"{form}: {problem}"[:600])
    return Outcome(row["id"], "held")


def _expected(found: list[Reading], other: str) -> list[Reading]:
    """Most wires have one answer."""
    return found if other in MANY_ANSWERS else found[:1]


def _differs(found: list[Reading], wanted: list[Reading], other: str) -> str:
    if len(found) != len(wanted):
        return f"{len(found)} answers, not {len(wanted)}"
    for mine, theirs in zip(found, wanted, strict=True):
        problem = difference(_shown(mine, other), _shown(theirs, other))
        if _shown(mine, other) != _shown(theirs, other):
            return problem
    return ""


def _shown(one: Reading, other: str) -> dict[str, Any]:
    usage = one.usage or dict.fromkeys(("input", "cache_read", "cache_write", "output"), 0)
    seen: dict[str, Any] = {
        "text": one.text + one.refusal,
        "calls": one.calls,
        "finish": "stop" if other in NO_FILTER and one.finish == "content_filter" else one.finish,
        "input": usage["input"] + usage["cache_read"] + usage["cache_write"],
        "output": usage["output"] + usage.get("reasoning", 0),
    }
    if other not in NO_REASONING:
        seen["reasoning"] = one.reasoning
    if other not in NO_CACHE:
        seen["cache_read"] = usage["cache_read"]
    return seen
