"""Messages to turns and back: what translation may rely on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.dialect.call_ids import fit_ids, pair_calls
from trunkline.dialect.chat_filters import (
    after_preamble,
    allowed_by,
    lift_tool_media,
    preamble,
)
from trunkline.dialect.parts import own_blobs, results_first
from trunkline.dialect.turns import from_turns, turns

CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


def test_a_tool_message_becomes_a_result_that_knows_the_name_of_its_call() -> None:
    found = turns(
        [
            {"role": "user", "content": "warm?"},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "21"},
        ]
    )
    assert [turn["role"] for turn in found] == ["user", "assistant", "user"]
    assert found[2]["parts"] == [
        {
            "type": "tool_result",
            "id": "c1",
            "name": "weather",
            "content": [{"type": "text", "text": "21"}],
        }
    ]


def test_neighbours_of_one_role_become_one_turn() -> None:
    found = turns([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}])
    assert found == [
        {"role": "user", "parts": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    ]


def test_results_before_text_become_tool_messages_before_the_user_message() -> None:
    parts = [
        {"type": "tool_result", "id": "c1", "content": [{"type": "text", "text": "21"}]},
        {"type": "text", "text": "and tomorrow?"},
    ]
    assert from_turns([{"role": "user", "parts": parts}]) == [
        {"role": "tool", "tool_call_id": "c1", "content": "21"},
        {"role": "user", "content": "and tomorrow?"},
    ]


def test_calls_that_something_follows_keep_their_place_among_the_parts() -> None:
    call = {"type": "tool_call", "id": "c1", "name": "weather", "arguments": "{}"}
    text = {"type": "text", "text": "asked"}
    trailing = from_turns([{"role": "assistant", "parts": [text, call]}])
    assert trailing == [{"role": "assistant", "content": "asked", "tool_calls": [CALL]}]
    leading = from_turns([{"role": "assistant", "parts": [call, text]}])
    assert leading == [{"role": "assistant", "content": [call, text]}]
    assert turns(leading)[0]["parts"] == [call, text]


def test_calls_of_neighbouring_assistant_turns_go_together() -> None:
    call = {"type": "tool_call", "id": "c1", "name": "weather", "arguments": "{}"}
    apart = [{"role": "assistant", "parts": [{**call, "id": name}]} for name in ("c1", "c2")]
    assert from_turns(apart) == [
        {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "c2"}]}
    ]


def conversation(*ids: str) -> list[dict[str, object]]:
    """Calls in `tool_calls` and among the parts, and the results that answer them."""
    said: list[dict[str, object]] = [{"role": "user", "content": "hi"}]
    for call in ids:
        as_part = {"type": "tool_call", "id": call, "name": "f", "arguments": "{}"}
        said.append({"role": "assistant", "content": [as_part]})
        said.append({"role": "assistant", "content": None, "tool_calls": [{**CALL, "id": call}]})
        said.append({"role": "tool", "tool_call_id": call, "content": "21"})
    return said


@given(st.lists(st.text(max_size=12), max_size=6, unique=True))
def test_fitted_ids_fit_and_no_two_become_one(ids: list[str]) -> None:
    fitted = fit_ids(conversation(*ids), 9, "", 9)
    results = [str(m["tool_call_id"]) for m in fitted if m["role"] == "tool"]
    assert all(len(call) == 9 and call.isascii() and call.isalnum() for call in results)
    assert len(set(results)) == len(ids)
    assert fitted == conversation(*results), "calls and results change alike"
    assert fit_ids(fitted, 9, "", 9) == fitted


def test_an_id_that_fits_stays_and_one_that_does_not_is_always_replaced_alike() -> None:
    before = fit_ids(conversation("call_1", "a/b"), 64)
    later = fit_ids(conversation("call_1", "a/b", "c/d"), 64)
    assert before[3]["tool_call_id"] == "call_1"
    assert later[: len(before)] == before, "a longer conversation begins with the same bytes"


def test_the_preamble_is_what_the_system_says_first() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": [{"type": "text", "text": "In English."}]},
        {"role": "user", "content": "hi"},
        {"role": "system", "content": "Now in French."},
    ]
    assert [part["text"] for part in preamble(messages)] == ["Be brief.", "In English."]
    assert after_preamble(messages) == messages[2:]
    assert preamble(messages[2:]) == []


def test_results_without_ids_answer_the_earliest_open_call_of_their_name() -> None:
    def call(name: str) -> dict[str, str]:
        return {"type": "tool_call", "name": name, "arguments": "{}"}

    def result(name: str) -> dict[str, object]:
        return {"type": "tool_result", "name": name, "content": []}

    paired = pair_calls(
        [
            {"role": "assistant", "parts": [call("a"), call("b"), call("a")]},
            {"role": "user", "parts": [result("a"), result("a"), result("b")]},
        ]
    )
    assert [part["id"] for part in paired[0]["parts"]] == ["call_0", "call_1", "call_2"]
    assert [part["id"] for part in paired[1]["parts"]] == ["call_0", "call_2", "call_1"]


def test_media_in_tool_messages_moves_behind_the_run_of_them() -> None:
    messages = [
        {"role": "tool", "tool_call_id": "1", "content": [IMAGE, {"type": "text", "text": "x"}]},
        {"role": "tool", "tool_call_id": "2", "content": "y"},
        {"role": "user", "content": "so?"},
    ]
    lifted = lift_tool_media(messages)
    assert [message["role"] for message in lifted] == ["tool", "tool", "user", "user"]
    assert lifted[0]["content"] == [{"type": "text", "text": "x"}]
    assert lifted[2]["content"] == [IMAGE]
    assert messages[0]["content"][0] is IMAGE, "what was given is not changed"


def test_foreign_signed_reasoning_is_left_out_and_own_is_kept() -> None:
    own = {"type": "reasoning", "text": "hm", "signature": "s", "owner": "a"}
    plain = {"type": "reasoning", "text": "hm"}
    assert own_blobs([own, plain], "a") == [own, plain]
    assert own_blobs([own, plain], "b") == [plain]


def test_text_and_calls_lose_a_foreign_signature_and_text_without_more_goes_with_it() -> None:
    signed = {"signature": "s", "owner": "a"}
    call = {"type": "tool_call", "id": "c", "name": "f", "arguments": ""}
    text = {"type": "text", "text": "hi"}
    said = [{**text, **signed}, {**call, **signed}, {"type": "text", "text": "", **signed}]
    assert own_blobs(said, "a") == said
    assert own_blobs(said, "b") == [text, call]


part = st.one_of(
    st.builds(lambda t: {"type": "text", "text": t}, st.text(min_size=1)),
    st.just(IMAGE),
)
call_part = st.builds(
    lambda i, n: {"type": "tool_call", "id": i, "name": n, "arguments": "{}"},
    st.text("abc", min_size=1),
    st.sampled_from(["f", "g"]),
)
turn = st.one_of(
    st.builds(lambda p: {"role": "user", "parts": p}, st.lists(part, min_size=1)),
    st.builds(lambda p: {"role": "assistant", "parts": p}, st.lists(part | call_part, min_size=1)),
)


@given(st.lists(turn, max_size=6))
def test_turns_undoes_from_turns_up_to_merging(given_turns: list[dict[str, object]]) -> None:
    once = turns(from_turns(given_turns))
    merged: list[dict[str, object]] = []
    for each in given_turns:
        if merged and merged[-1]["role"] == each["role"]:
            merged[-1] = {"role": each["role"], "parts": [*merged[-1]["parts"], *each["parts"]]}
        else:
            merged.append(each)
    assert once == merged


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(json_values)
def test_anything_else_is_passed_over_without_harm(value: object) -> None:
    for restructure in (turns, from_turns, preamble, after_preamble, pair_calls, lift_tool_media):
        assert isinstance(restructure(value), list)
    assert isinstance(fit_ids(value, 9), list)


F, G = ({"type": "function", "function": {"name": name}} for name in "fg")
WIRE = {"type": "wire", "dialect": "x", "block": {}}


@pytest.mark.parametrize(
    ("choice", "left"),
    [
        (None, [F, G, WIRE]),
        ("required", [F, G, WIRE]),
        (F, [F]),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [G, G]}}, [G]),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}, []),
        ({"type": "allowed_tools", "allowed_tools": None}, []),
        ({"type": "wire"}, []),
    ],
)
def test_a_choice_by_name_leaves_the_tools_that_it_names(choice: Any, left: Any) -> None:
    assert allowed_by([F, G, WIRE], choice) == left


def test_a_long_conversation_takes_no_longer_for_each_turn() -> None:
    """A body within the limits can hold so many; looking back for each would take minutes."""
    many = 60_000
    calls = [{"type": "tool_call", "id": f"c{at}", "name": "f"} for at in range(many)]
    results = [{"type": "tool_result", "id": f"d{at}", "content": []} for at in range(many)]
    last = {"type": "tool_result", "name": "f", "content": []}
    asked = [{"role": "assistant", "parts": [call]} for call in calls]
    paired = pair_calls([*asked, {"role": "user", "parts": [*results, last]}])
    assert paired[-1]["parts"][-1]["id"] == "c0"
    [said, *_] = from_turns(paired)
    assert len(said["tool_calls"]) == many


def test_results_stand_before_what_is_said_beside_them_and_keep_their_order() -> None:
    said, one, two = {"type": "text"}, {"type": "tool_result", "id": "1"}, {"type": "tool_result"}
    assert results_first([said, one, said, two]) == [one, two, said, said]
    for parts in ([one, two, said], [said, said], []):
        assert results_first(parts) == parts
