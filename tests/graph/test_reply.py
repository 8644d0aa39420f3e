"""A reply: the same face over a whole body and a stream, and nothing lost between the two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.dialect.corpus import rows
from tests.dialect.proof import read
from trunkline.catalog import dialect
from trunkline.dialect import Fold
from trunkline.graph.played import deltas_of
from trunkline.graph.reply import Reply
from trunkline.ports import Decision

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

DELTAS: list[dict[str, Any]] = [
    {"start": {"id": "r1", "model": "m"}},
    {"reasoning": "hm", "at": 0},
    {"reasoning_signature": "sig", "at": 0},
    {"text": "hello ", "at": 1},
    {"text": "you", "at": 1},
    {"tool_call": {"id": "c1", "name": "f", "arguments": '{"a":'}, "at": 2},
    {"tool_call": {"arguments": "1}"}, "at": 2},
    {"tool_call": {"name": "g", "arguments": "{}"}},
    {"refusal": "no"},
    {"wire": {"type": "odd"}},
    {"image": "data:image/png;base64,AA=="},
    {"usage": {"in": 3}},
    {"finish": "stop", "native_finish": "end_turn"},
]


def folded() -> Fold:
    fold = Fold("mine", lambda raw: {"input": raw["in"]})
    for delta in DELTAS:
        fold.add(delta)
    return fold


def reply() -> Reply:
    return Reply(folded(), Decision())


def test_the_properties_read_the_first_answer() -> None:
    whole = reply()
    assert (whole.id, whole.model, whole.finish) == ("r1", "m", "tool_calls")
    assert (whole.text, whole.reasoning) == ("hello you", "hm")
    assert whole.usage == {"input": 3}
    assert [call["function"] for call in whole.tool_calls] == [
        {"name": "f", "arguments": '{"a":1}'},
        {"name": "g", "arguments": "{}"},
    ]
    assert whole.tool_calls[1]["id"].startswith("call_")
    assert whole.message["role"] == "assistant"


async def test_iterating_over_a_whole_reply_gives_all_of_it() -> None:
    whole = reply()
    deltas = [delta async for delta in whole]
    assert "".join(delta.text for delta in deltas) == "hello you"
    assert "".join(delta.reasoning for delta in deltas) == "hm"
    calls = [delta.tool_call for delta in deltas if delta.tool_call]
    assert [(call["index"], call["name"]) for call in calls] == [(0, "f"), (1, "g")]
    assert [call["id"] for call in calls] == [call["id"] for call in whole.tool_calls]
    assert deltas[-1].finish == "tool_calls"
    assert [delta async for delta in whole] == []


async def test_steps_and_deltas_say_the_same() -> None:
    steps = [step async for batch in reply().steps() for step in batch]
    assert "".join(step.added.get("text", "") for step in steps if step.block.kind == "text") == (
        "hello you"
    )
    assert [step.block.kind for step in steps if step.opened] == [
        "reasoning",
        "text",
        "tool_call",
        "tool_call",
        "refusal",
        "wire",
        "image",
    ]


def refold(data: Any, owner: str = "mine") -> Any:
    fold = Fold(owner)
    for delta in deltas_of(data):
        fold.add(delta)
    return {**fold.reply(), "usage": data["usage"], "raw_usage": data["raw_usage"]}


def test_deltas_of_a_reply_fold_to_it_again() -> None:
    data = folded().reply()
    assert refold(data) == data


READERS = {"openai/chat": "openai-chat", "anthropic/messages": "anthropic-messages"}


@pytest.mark.parametrize("api", READERS)
def test_deltas_of_every_recorded_reply_fold_to_it_again(recordings: Path, api: str) -> None:
    spoken, count = dialect(READERS[api]), 0
    for row in rows(recordings, api):
        if row["status"] != 200:
            continue
        data = read(spoken, row["response"])
        count += 1
        again: Any = refold(data, spoken.family)
        for choice in (*data["choices"], *again["choices"]):
            for part in choice["parts"]:
                part.pop("owner", None)
                part.pop("dialect", None)
        assert again == data
    assert count > 50
