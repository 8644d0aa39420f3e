"""Real exchanges with real providers: what we read equals what the vendors' SDKs read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.dialect import vendors
from tests.dialect.vendors import Reading
from trunkline.catalog import dialect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trunkline.chat import ReplyData
    from trunkline.dialect import Dialect

JUDGES: dict[str, tuple[str, Callable[[dict[str, Any]], list[Reading]]]] = {
    "openai/chat": ("openai-chat", vendors.openai_chat),
    "anthropic/messages": ("anthropic-messages", vendors.anthropic_messages),
}


def rows(recordings: Path, api: str) -> list[dict[str, Any]]:
    with (recordings / f"{api}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read(wire: Dialect, response: dict[str, Any]) -> ReplyData:
    """A recorded response as a reply, whole bodies and streams alike."""
    if "body" in response:
        return wire.read_reply(response["body"], {}).reply()
    reader, fold = wire.reader(), wire.fold({})
    for delta in [*reader.feed(response["text"].encode()), *reader.end()]:
        assert "fail" not in delta, delta
        fold.add(delta)
    assert reader.complete
    return fold.reply()


def readings(reply: ReplyData) -> list[Reading]:
    """A reply as what the judges compare."""
    usage: Any = reply["usage"]
    counters = ("input", "cache_read", "cache_write", "output", "reasoning")
    return [
        Reading(
            "".join(p["text"] for p in choice["parts"] if p["type"] == "text"),
            "".join(p.get("text", "") for p in choice["parts"] if p["type"] == "reasoning"),
            [
                (p["name"], vendors.arguments(p["arguments"]))
                for p in choice["parts"]
                if p["type"] == "tool_call"
            ],
            choice["finish"],
            None if usage is None else {key: usage.get(key, 0) for key in counters},
        )
        for choice in reply["choices"]
    ]


@pytest.mark.parametrize("api", JUDGES)
def test_every_recorded_answer_reads_as_the_vendor_reads_it(recordings: Path, api: str) -> None:
    name, judge = JUDGES[api]
    wire = dialect(name)
    wrong: dict[str, str] = {}
    judged = 0
    for row in rows(recordings, api):
        if row["status"] != 200:
            continue
        judged += 1
        try:
            ours, theirs = readings(read(wire, row["response"])), judge(row)
        except Exception as error:
            wrong[row["id"]] = f"{type(error).__name__}: {error}"
            continue
        if ours != theirs:
            wrong[row["id"]] = f"ours {ours}\ntheirs {theirs}"
    assert judged > 150
    assert not wrong, f"{len(wrong)} of {judged}:\n" + "\n".join(
        f"{key}: {value}" for key, value in list(wrong.items())[:5]
    )


@pytest.mark.parametrize("api", JUDGES)
def test_every_recorded_failure_has_a_kind_and_the_providers_words(
    recordings: Path, api: str
) -> None:
    wire = dialect(JUDGES[api][0])
    for row in rows(recordings, api):
        if row["status"] == 200:
            continue
        failure = wire.classify(row["status"], {}, row["response"]["body"])
        assert failure.kind in {"bad_request", "not_found", "context_length"}
        assert failure.message == row["response"]["body"]["error"]["message"][:1024]
