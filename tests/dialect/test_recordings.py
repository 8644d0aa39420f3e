"""Real exchanges with real providers: what we read equals what the vendors' SDKs read."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from tests.dialect.asking import asked
from tests.dialect.corpus import APIS, TARGETS, TOTAL, WIRES, rows, skip_of, wire_of
from tests.dialect.proof import Outcome, answer_of
from tests.dialect.report import STEPS, outcomes
from trunkline.catalog import dialect, dialects
from trunkline.errors import UpstreamError

if TYPE_CHECKING:
    from pathlib import Path


def test_every_recorded_file_has_a_reader(recordings: Path) -> None:
    """A file that nothing reads would be left out without a word."""
    found = {
        str(path.relative_to(recordings).with_suffix("")) for path in recordings.rglob("*.jsonl")
    }
    assert found <= APIS.keys()


def test_every_wire_of_a_chat_takes_part() -> None:
    chats = {name for name in dialects() if dialect(name).operation == "chat"}
    assert set(WIRES) == chats == TARGETS.keys()
    assert {name for api in APIS.values() for _, name in api.dialects} <= set(WIRES)


@pytest.fixture
def counted(recordings: Path) -> None:
    """Skips where the recordings are not those that were counted."""
    if sum(len(rows(recordings, api)) for api in APIS) != TOTAL:
        pytest.skip("these are other recordings than the ones that were counted")


@pytest.mark.usefixtures("counted")
def test_what_is_left_out_is_counted(recordings: Path) -> None:
    left_out: Counter[str] = Counter()
    for api in APIS:
        for row in rows(recordings, api):
            skip = skip_of(row)
            if skip is not None:
                left_out[skip.reason] += 1
    assert left_out == {
        "an InvokeModel body of a family that has no dialect": 13,
        "another operation: compaction of a conversation": 1,
        "nothing was asked in a body: a stored response was fetched": 7,
        "the recorded request is not JSON: edited by hand, or cut by the recorder": 1,
    }


@cache
def found(step: str, api: str) -> list[Outcome]:
    return list(outcomes(step, api, among=WIRES))


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.usefixtures("recordings")
def test_every_recorded_exchange_holds(step: str, api: str) -> None:
    """Read like the vendor's own code reads it; written back; and on every other wire, accepted
    by its vendor's oracle without an unreported loss, or refused for a reason that is true."""
    failed = [one for one in found(step, api) if one.verdict == "failed"]
    assert not failed, f"{len(failed)} of {len(found(step, api))}:\n" + "\n".join(
        f"{one.row}: {one.detail}" for one in failed[:8]
    )


FUNCTIONS = ("function", "input_schema", "functionDeclarations", "toolSpec")
"""Where the wires spell a caller's own function."""


@pytest.mark.parametrize("api", APIS)
def test_no_function_of_a_caller_is_taken_for_a_tool_of_one_wire(
    recordings: Path, api: str
) -> None:
    """It would make every other target unsupported, for a reason that only looks true."""
    for row in rows(recordings, api):
        if skip_of(row) is not None:
            continue
        for tool in asked(row).get("tools") or ():
            if tool["type"] == "wire":
                assert not any(key in tool["block"] for key in FUNCTIONS), row["id"]
                assert tool["block"].get("type") != "function", row["id"]


HELD = {
    "read": 1382,
    "written back": 1374,
    "requests across": 9700,
    "answers across": 13_800,
    "judged by clients": 1880,
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.usefixtures("counted")
def test_what_holds_is_no_less_than_it_was(step: str) -> None:
    """Nothing fails where nothing is tried: a refusal that spreads would show here."""
    verdicts = Counter(one.verdict for api in APIS for one in found(step, api))
    assert verdicts["failed"] == 0
    assert verdicts["held"] >= HELD[step], verdicts


TWO_COUNTERS = ("bedrock-invoke-titan", "bedrock-invoke-llama")
"""Wires that say nothing but the two totals, which the judges hold already."""


@pytest.mark.parametrize("api", APIS)
def test_counters_do_not_overlap_and_leave_nothing_out(recordings: Path, api: str) -> None:
    """Whatever the provider's algebra, the whole input and output are what it says they are."""
    for row in rows(recordings, api):
        skip = skip_of(row)
        if row["status"] != 200 or (skip and "answer" in skip.stages):
            continue
        try:
            reply = answer_of(row)
        except UpstreamError:
            continue
        usage, raw = reply["usage"], reply["raw_usage"]
        if not usage or not raw or wire_of(row) in TWO_COUNTERS:
            continue
        asked = usage.get("input", 0) + usage.get("cache_read", 0) + usage.get("cache_write", 0)
        said = usage.get("output", 0) + usage.get("reasoning", 0)
        assert (asked, said) == _totals(wire_of(row), raw), row["id"]
        assert all(value >= 0 for value in usage.values()), row["id"]


def _totals(wire: str, raw: dict[str, Any]) -> tuple[int, int]:
    """The provider's own totals."""

    def count(*names: str) -> int:
        return round(sum(raw.get(name) or 0 for name in names))

    if wire == "openai-chat":
        return count("prompt_tokens"), count("completion_tokens")
    if wire == "openai-responses":
        return count("input_tokens"), count("output_tokens")
    if wire == "gemini-generate":
        asked = count("promptTokenCount", "toolUsePromptTokenCount")
        return asked, count("candidatesTokenCount", "thoughtsTokenCount")
    if wire == "bedrock-invoke-nova":  # which does not always say a total
        cached = count("cacheReadInputTokenCount", "cacheWriteInputTokenCount")
        return count("inputTokens") + cached, count("outputTokens")
    if wire == "bedrock-converse":
        asked = count("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
        assert asked + raw["outputTokens"] == raw["totalTokens"]
        return asked, raw["outputTokens"]
    if wire in ("anthropic-messages", "bedrock-invoke-claude"):
        names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
        beside = [one for one in raw.get("iterations") or () if one["type"] != "message"]
        more = sum(one.get(name) or 0 for one in beside for name in names)
        said = count("output_tokens") + sum(one.get("output_tokens") or 0 for one in beside)
        return count(*names) + more, said
    if wire == "cohere-chat":
        tokens = raw["tokens"]
        return round(tokens["input_tokens"]), round(tokens["output_tokens"])
    raise AssertionError(wire)
