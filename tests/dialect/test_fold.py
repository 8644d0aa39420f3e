"""Deltas to one reply: numbering, joining, minting, merging."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from trunkline.dialect.fold import _FACETS, Fold


def folded(*deltas: dict[str, Any]) -> dict[str, Any]:
    fold = Fold("a-wire", lambda raw: {"input": raw["in"]})
    for delta in deltas:
        fold.add(delta)
    return dict(fold.reply())


def parts(*deltas: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = folded(*deltas)["choices"][0]["parts"]
    return found


def test_text_joins_the_open_block_and_reasoning_is_a_block_of_its_own() -> None:
    assert parts({"reasoning": "hm"}, {"reasoning": "m"}, {"text": "a"}, {"text": "b"}) == [
        {"type": "reasoning", "text": "hmm"},
        {"type": "text", "text": "ab"},
    ]


def test_a_key_keeps_interleaved_blocks_apart() -> None:
    assert parts(
        {"at": 0, "tool_call": {"id": "x", "name": "f", "arguments": '{"a"'}},
        {"at": 1, "tool_call": {"id": "y", "name": "g", "arguments": "{"}},
        {"at": 0, "tool_call": {"arguments": ":1}"}},
        {"at": 1, "tool_call": {"arguments": "}"}},
    ) == [
        {"type": "tool_call", "id": "x", "name": "f", "arguments": '{"a":1}'},
        {"type": "tool_call", "id": "y", "name": "g", "arguments": "{}"},
    ]


def test_calls_without_a_key_are_each_new_and_get_ids_of_their_own() -> None:
    found = parts({"tool_call": {"name": "f", "arguments": "{}"}}, {"tool_call": {"name": "f"}})
    assert [part["name"] for part in found] == ["f", "f"]
    assert found[0]["id"] != found[1]["id"]
    assert all(part["id"].startswith("call_") for part in found)


def test_the_same_key_with_another_id_is_another_call() -> None:
    found = parts(
        {"at": 0, "tool_call": {"id": "x", "name": "f", "arguments": "{}"}},
        {"at": 0, "tool_call": {"id": "y", "name": "f", "arguments": "[]"}},
        {"at": 0, "tool_call": {"arguments": " "}},
    )
    assert [(part["id"], part["arguments"]) for part in found] == [("x", "{}"), ("y", "[] ")]


def test_a_signed_text_block_takes_no_more_text() -> None:
    assert parts({"text": "a"}, {"signature": "s"}, {"text": "b"}) == [
        {"type": "text", "text": "a", "signature": "s", "owner": "a-wire"},
        {"type": "text", "text": "b"},
    ]


def test_stop_with_calls_is_tool_calls_and_length_stays_length() -> None:
    call = {"tool_call": {"name": "f"}}
    assert folded(call, {"finish": "stop"})["choices"][0]["finish"] == "tool_calls"
    assert folded(call, {"finish": "length"})["choices"][0]["finish"] == "length"


def test_a_provider_run_call_does_not_make_the_finish_tool_calls() -> None:
    reply = folded({"tool_call": {"id": "s", "name": "search", "server": True}}, {"finish": "stop"})
    assert reply["choices"][0]["finish"] == "stop"
    assert reply["choices"][0]["parts"][0]["type"] == "server_call"


def test_of_usage_the_last_that_is_not_null_wins_key_by_key() -> None:
    reply = folded({"usage": {"in": 169, "out": 1}}, {"usage": {"in": 79, "out": None}})
    assert reply["raw_usage"] == {"in": 79, "out": 1}
    assert reply["usage"] == {"input": 79}


def test_empty_id_and_model_do_not_overwrite() -> None:
    reply = folded({"start": {"id": "i", "model": "m"}}, {"start": {"id": "", "model": ""}})
    assert (reply["id"], reply["model"]) == ("i", "m")


def test_choices_are_kept_apart_and_sorted() -> None:
    reply = folded(
        {"choice": 1, "text": "b"}, {"choice": 0, "text": "a"}, {"choice": 1, "text": "c"}
    )
    assert [choice["parts"][0]["text"] for choice in reply["choices"]] == ["a", "bc"]


def test_nothing_is_content_until_something_is_said() -> None:
    fold = Fold()
    for prelude in ({"start": {"id": "x"}}, {"text": ""}, {"usage": {"in": 1}}):
        fold.add(prelude)
    assert not fold.content
    fold.add({"finish": "stop"})
    assert fold.content


facet = st.one_of(
    st.builds(lambda t: {"text": t}, st.text()),
    st.builds(lambda t: {"reasoning": t}, st.text()),
    st.builds(lambda a, t: {"at": a, "text": t}, st.integers(0, 2), st.text()),
    st.builds(lambda a, t: {"at": a, "tool_call": {"arguments": t}}, st.integers(0, 2), st.text()),
)


@given(st.lists(facet, max_size=12))
def test_the_steps_say_all_that_the_reply_holds(deltas: list[dict[str, Any]]) -> None:
    fold = Fold()
    said: dict[int, str] = {}
    for delta in deltas:
        for step in fold.add(delta):
            piece = step.added.get("text") or step.added.get("arguments") or ""
            said[step.block.index] = said.get(step.block.index, "") + piece
    held = [
        part.get("text", part.get("arguments", "")) for part in fold.reply()["choices"][0]["parts"]
    ]
    assert [said[index] for index in sorted(said)] == held


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
facets = st.sampled_from([*_FACETS, "choice", "at"])


@given(st.lists(st.dictionaries(facets, json_values), max_size=5))
def test_hostile_deltas_never_raise(deltas: list[dict[str, Any]]) -> None:
    fold = Fold()
    for delta in deltas:
        fold.add(delta)
    fold.reply()


def test_a_wire_block_that_comes_in_pieces_becomes_one() -> None:
    assert parts(
        {"at": 1, "wire": {"result": {"id": "x"}}},
        {"at": 1, "wire": {"result": {"content": [1]}}},
        {"at": 1, "wire": {"result": {"content": [2], "id": "y"}}},
        {"wire": {"other": 1}},
        {"wire": {"other": 2}},
    ) == [
        {"type": "wire", "dialect": "a-wire", "block": {"result": {"id": "y", "content": [1, 2]}}},
        {"type": "wire", "dialect": "a-wire", "block": {"other": 1}},
        {"type": "wire", "dialect": "a-wire", "block": {"other": 2}},
    ]


def test_a_signature_beside_text_seals_that_text_alone() -> None:
    fold = Fold("mine")
    for delta in (
        {"text": "He"},
        {"text": "y"},
        {"text": "!", "signature": "s1"},
        {"text": "", "signature": "s2"},
        {"text": "more"},
    ):
        fold.add(delta)
    said = [(p["text"], p.get("signature")) for p in fold.reply()["choices"][0]["parts"]]
    assert said == [("Hey", None), ("!", "s1"), ("", "s2"), ("more", None)]


def test_sources_that_are_counted_in_bytes_are_shown_in_characters() -> None:
    fold = Fold("mine")
    source = {"type": "url_citation", "url_citation": {"url": "u"}}
    fold.add({"text": "é1 "})
    fold.add({"text": "é2", "signature": "s"})
    fold.add({"citation": {**source, "byte_range": [4, 7]}})
    fold.add({"citation": {**source, "byte_range": ["x", 7]}})
    parts = fold.reply()["choices"][0]["parts"]
    placed = {
        "type": "url_citation",
        "url_citation": {"url": "u", "start_index": 3, "end_index": 5},
    }
    assert parts[1]["citations"] == [placed, source]


def test_what_one_wire_says_beside_the_parts_is_kept_under_its_name() -> None:
    fold = Fold("mine")
    for said in ({"a": 1, "b": 1}, {"b": 2}):
        fold.add({"extra": said})
    assert fold.reply()["choices"][0]["extra"] == {"mine": {"a": 1, "b": 2}}


def test_what_a_whole_delta_repeats_is_not_added_again() -> None:
    fold = Fold("w")
    steps = [
        *fold.add({"at": 0, "text": "He"}),
        *fold.add({"at": 0, "whole": True, "text": "Hello"}),
        *fold.add({"at": 0, "whole": True, "text": "Hello"}),
        *fold.add({"at": 0, "whole": True, "text": "another"}),
        *fold.add({"at": 1, "whole": True, "tool_call": {"id": "c", "arguments": "{}"}}),
        *fold.add({"at": 1, "whole": True, "tool_call": {"id": "c", "arguments": "{}"}}),
    ]
    assert [step.added for step in steps] == [{"text": "He"}, {"text": "llo"}, {"arguments": "{}"}]


def test_what_only_its_wire_knows_of_a_block_is_kept_with_its_owner() -> None:
    fold = Fold("w")
    for delta in ({"at": 0, "more": {"lost": 1}}, {"at": 0, "text": "a"}, {"at": 1, "text": "b"}):
        fold.add(delta)
    fold.add({"at": 0, "more": {"phase": "final"}})
    first, second = fold.reply()["choices"][0]["parts"]
    assert first == {"type": "text", "text": "a", "more": {"phase": "final"}, "owner": "w"}
    assert second == {"type": "text", "text": "b"}


def test_sound_in_many_pieces_is_joined_once() -> None:
    """Joining it again for each piece would take a minute."""
    fold = Fold("x")
    for _ in range(40_000):
        fold.add({"audio": {"id": "a", "data": "b" * 1_000, "transcript": "c"}})
    [part] = fold.reply()["choices"][0]["parts"]
    assert part["audio"] == {"id": "a", "data": "b" * 40_000_000, "transcript": "c" * 40_000}
