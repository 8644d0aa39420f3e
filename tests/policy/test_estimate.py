"""Tokens that nobody counted are estimated, and estimates learn from what providers count."""

from __future__ import annotations

import base64
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import RequestError
from trunkline.policy.estimate import (
    DEFAULT_OUTPUT,
    IMAGE,
    PAGE,
    Estimates,
    estimate_input,
    estimate_output,
)

TEXT = "It was a bright cold day in April, and the clocks were striking thirteen. "


def asked(*parts: dict[str, Any], **more: Any) -> int:
    return estimate_input({"messages": [{"role": "user", "content": list(parts)}], **more})


def inline(size: int, media_type: str = "application/pdf") -> str:
    data = base64.b64encode(random.Random(7).randbytes(size)).decode()
    return f"data:{media_type};base64,{data}"


def sound(size: int, kind: str) -> dict[str, Any]:
    return {"type": "input_audio", "input_audio": {"data": "A" * (size * 4 // 3), "format": kind}}


def pdf(**file: str) -> dict[str, Any]:
    return {"type": "file", "file": file}


def test_text_counts_a_token_for_four_bytes_wherever_it_stands() -> None:
    text = {"type": "text", "text": TEXT * 100}
    size = -(-len(TEXT) * 100 // 4)
    assert asked(text) == size
    assert estimate_input({"messages": [{"role": "user", "content": TEXT * 100}]}) == size
    assert asked({"type": "reasoning", "text": TEXT * 100, "signature": "s" * 999}) == size
    call = {"id": "c", "function": {"name": "abcd", "arguments": TEXT * 100}}
    assert estimate_input({"messages": [{"role": "assistant", "tool_calls": [call]}]}) == size + 1
    assert asked({"type": "text", "text": "é" * 10}) == 5


def test_text_that_has_no_blanks_counts_as_text() -> None:
    assert asked({"type": "text", "text": "x" * 40_000}) == 10_000


def test_declared_tools_and_schemas_count() -> None:
    tool = {"type": "function", "function": {"name": "f", "description": TEXT * 10}}
    declared = asked({"type": "text", "text": "hi"}, tools=[tool])
    assert declared > len(TEXT) * 10 // 4
    schema = {"type": "json_schema", "json_schema": {"schema": {"description": TEXT * 10}}}
    assert asked({"type": "text", "text": "hi"}, response_format=schema) > len(TEXT) * 10 // 4


@pytest.mark.parametrize("size", [10, 10_000, 3_000_000])
def test_an_image_is_a_constant_and_never_its_base64(size: int) -> None:
    image = {"type": "image_url", "image_url": {"url": inline(size, "image/png")}}
    assert asked(image) == IMAGE


@pytest.mark.parametrize(
    ("part", "seconds"),
    [
        (sound(480_000, "wav"), 10),
        (sound(160_000, "mp3"), 10),
        (sound(160_000, "opus"), 10),
        (sound(10, "wav"), 1),
    ],
)
def test_sound_counts_by_the_second(part: dict[str, Any], seconds: int) -> None:
    assert asked(part) == 32 * seconds


@pytest.mark.parametrize(
    ("part", "pages"),
    [
        (pdf(file_data=inline(1_000)), 1),
        (pdf(file_data=inline(950_000)), 10),
        (pdf(url="https://example.com/a.pdf"), 1),
        (pdf(file_id="file-1"), 1),
    ],
)
def test_files_count_by_the_page(part: dict[str, Any], pages: int) -> None:
    assert asked(part) == PAGE * pages


def test_a_file_of_text_counts_as_its_text() -> None:
    assert asked(pdf(file_data=inline(40_000, "text/plain"))) == pytest.approx(10_000, abs=2)


def test_text_in_a_block_of_one_wire_counts_and_its_base64_does_not() -> None:
    def block(**more: Any) -> dict[str, Any]:
        return {"type": "wire", "dialect": "x", "block": {"type": "document", **more}}

    assert asked(block(source={"text": TEXT * 100})) == pytest.approx(len(TEXT) * 25, abs=5)
    assert asked(block(source={"data": "A" * 4_000_000})) == pytest.approx(IMAGE, abs=5)


def test_a_block_without_an_end_is_refused() -> None:
    endless: dict[str, Any] = {}
    endless["inside"] = [endless, endless]
    with pytest.raises(RequestError, match="cannot be sent"):
        asked({"type": "wire", "dialect": "x", "block": endless})


def test_texts_to_embed_count_and_those_that_come_as_numbers_are_counted() -> None:
    assert estimate_input({"input": ["abcd", [1, 2, 3]]}) == 4
    assert estimate_input({"input": "abcdefgh"}) == 2


def test_an_answer_counts_by_what_it_showed() -> None:
    parts = [
        {"type": "reasoning", "text": "a" * 40, "signature": "s" * 4_000},
        {"type": "text", "text": "b" * 40},
        {"type": "tool_call", "id": "call_1", "name": "c" * 4, "arguments": "d" * 36},
        {"type": "refusal", "refusal": "e" * 4},
    ]
    assert estimate_output(parts) == 31
    assert estimate_output([]) == 0
    assert estimate_output([{"type": "image_url", "image_url": {"url": "data:…"}}]) == IMAGE


def test_without_anything_learnt_an_estimate_is_what_it_was() -> None:
    estimates = Estimates()
    assert (estimates.input("a", 100), estimates.output("a", 100)) == (100, 100)
    assert estimates.expected_output("a") == DEFAULT_OUTPUT == 1_024


def test_estimates_are_corrected_for_each_target_by_what_its_provider_counted() -> None:
    estimates = Estimates()
    usage = {"input": 100, "cache_read": 20, "cache_write": 30, "output": 50, "reasoning": 900}
    estimates.learn("a", usage, asked=100, shown=100)
    assert (estimates.input("a", 1_000), estimates.output("a", 1_000)) == (1_500, 500)
    assert (estimates.input("b", 1_000), estimates.output("b", 1_000)) == (1_000, 1_000)


def test_s9_what_a_cut_answer_had_sent_is_within_ten_per_cent() -> None:
    """S9: a tokenizer with 2.9 bytes a token and frames of 7, learnt from 20 whole answers."""
    chance = random.Random(3)

    def counted(size: int) -> int:
        return round(size / 2.9) + 7

    estimates = Estimates()
    for _ in range(20):
        size = chance.randrange(200, 8_000)
        parts = [{"type": "text", "text": "x" * size}]
        usage = {"input": counted(size), "output": counted(size)}
        estimates.learn("t", usage, asked=size // 4, shown=estimate_output(parts))
    for _ in range(50):
        size = chance.randrange(400, 8_000)
        cut = [{"type": "text", "text": "x" * size}]
        usage = estimates.usage("t", size // 4, cut)
        assert usage["output"] == pytest.approx(counted(size), rel=0.1)
        assert usage["input"] == pytest.approx(counted(size), rel=0.1)


def test_s14_usage_that_nobody_counted_is_flagged_and_never_learnt_from() -> None:
    """S14: a stream without usage."""
    estimates = Estimates()
    usage = estimates.usage("t", 12, [{"type": "text", "text": "b" * 40}])
    assert usage == {"input": 12, "output": 10, "estimated": True}
    estimates.learn("t", {**usage, "input": 9_999}, asked=1, shown=1)
    assert estimates.input("t", 100) == 100


def test_a_provider_that_counts_zero_teaches_nothing() -> None:
    estimates = Estimates()
    estimates.learn("t", {"input": 0, "output": 0}, asked=100, shown=100)
    assert (estimates.input("t", 100), estimates.output("t", 100)) == (100, 100)


def test_a_provider_that_counts_nonsense_moves_an_estimate_by_four_at_most() -> None:
    estimates = Estimates()
    estimates.learn("t", {"input": 10**9, "output": 1}, asked=10, shown=10**6)
    assert (estimates.input("t", 100), estimates.output("t", 100)) == (400, 25)


def test_a_target_that_changes_its_tokenizer_is_followed() -> None:
    estimates = Estimates()
    for counted in [50] * 100 + [200] * 30:
        estimates.learn("t", {"output": counted}, shown=100)
    assert estimates.output("t", 100) == pytest.approx(200, rel=0.05)


def test_the_output_to_expect_is_what_19_in_20_answers_stayed_below() -> None:
    estimates = Estimates()
    for tokens in range(1, 20):
        estimates.learn("t", {"output": tokens}, shown=tokens)
    assert estimates.expected_output("t") == 1_024
    estimates.learn("t", {"output": 5, "reasoning": 15}, shown=5)
    assert estimates.expected_output("t") == 19
    for tokens in range(1, 201):
        estimates.learn("t", {"output": tokens}, shown=tokens)
    assert estimates.expected_output("t") == 190


def test_only_so_many_targets_are_remembered_those_asked_last() -> None:
    estimates = Estimates()
    for number in range(10_001):
        estimates.learn(f"t{number}", {"input": 2, "output": 2}, asked=1, shown=1)
        estimates.learn("t1", {"input": 2, "output": 2}, asked=1, shown=1)
    assert estimates.input("t0", 10) == 10
    assert estimates.input("t1", 10) == estimates.input("t10000", 10) == 20


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.text()), JSON)
def test_any_request_is_estimated_and_more_text_is_never_less(texts: list[str], block: Any) -> None:
    parts = [{"type": "text", "text": text} for text in texts]
    wire = {"type": "wire", "dialect": "x", "block": {"b": block}}
    assert asked(*parts, wire) >= asked(*parts) >= asked(*parts[1:]) >= 0
