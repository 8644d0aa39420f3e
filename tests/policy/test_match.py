"""The matcher: every pattern that fits, in order, and no other."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trunkline.policy.match import Candidate, Matcher
from trunkline.policy.pattern import PatternError, predicate

literals = st.text("ab/", max_size=3)
patterns = st.one_of(
    literals,
    st.builds("{}*".format, literals),
    st.builds("*{}".format, literals),
    st.builds("{}*{}".format, literals, literals),
    st.builds("*{}*".format, literals),
    st.text("ab*?", max_size=6),
    st.sampled_from(
        ["re:a+", "re:(a|b)/.*", "re:[ab]*", "re:.*ab.*", "re:", "re:(?i)AB?", r"re:\Qa/", "re:a|b",
         "re:^a$", "re:.", "re:é.*"]
    ),
)  # fmt: skip
names = st.text("ab/AB", max_size=6) | st.text(max_size=6)


def found(matcher: Matcher[int], name: str) -> list[int]:
    return [candidate.payload for candidate in matcher.match(name)]


def one_by_one(ordered: list[str], name: str) -> list[int]:
    return [rank for rank, pattern in enumerate(ordered) if predicate(pattern)(name)]


@given(st.lists(patterns, max_size=25), st.lists(names, min_size=1, max_size=5))
@example(["*", "a*", "ab*", "abc*", "*c", "*bc", "a*c", "*b*", "abc"], ["abc", "ab", "", "abd"])
@example(["re:a\n?", "*\n*", "?"], ["a\n", "\n", "a"])
def test_it_finds_what_trying_one_by_one_finds_in_the_same_order(
    ordered: list[str], some: list[str]
) -> None:
    matcher = Matcher((pattern, rank) for rank, pattern in enumerate(ordered))
    for name in some:
        assert found(matcher, name) == one_by_one(ordered, name)


@given(st.lists(st.text("ab", min_size=1, max_size=7).map("{}*".format), max_size=60), names)
def test_nested_first_parts_are_all_found(ordered: list[str], name: str) -> None:
    assert found(Matcher((p, i) for i, p in enumerate(ordered)), name) == one_by_one(ordered, name)


def test_candidates_carry_their_place_pattern_and_payload() -> None:
    matcher = Matcher([("gpt-4*", "first"), ("*", "last")])
    assert list(matcher.match("gpt-4o")) == [
        Candidate(0, "gpt-4*", "first"),
        Candidate(1, "*", "last"),
    ]
    assert next(matcher.match("claude")).payload == "last"


def test_a_wrong_expression_is_a_typed_error() -> None:
    with pytest.raises(PatternError, match="missing"):
        Matcher([("a", 1), ("re:(", 2)])


def test_a_name_beyond_256_characters_fits_nothing() -> None:
    matcher = Matcher([("*", 1), ("a*", 2), ("re:a*", 3), ("*a*", 4)])
    assert found(matcher, "a" * 256) == [1, 2, 3, 4]
    assert found(matcher, "a" * 257) == []


def test_a_lone_surrogate_is_a_character_like_any_other() -> None:
    matcher = Matcher([("a*", 1), ("*\ud800", 2), ("re:a.*", 3), ("a\ud800", 4)])
    assert found(matcher, "a\ud800") == [1, 2, 3, 4]


def test_literals_beyond_the_filters_memory_still_match() -> None:
    ordered = [f"*{number:0>5}{'x' * 240}*" for number in range(1500)]
    matcher = Matcher((pattern, rank) for rank, pattern in enumerate(ordered))
    for rank in (0, 7, 1499):
        assert found(matcher, "a" + ordered[rank].strip("*") + "b") == [rank]
    assert found(matcher, "x" * 256) == []


def test_near_names_are_suggested_whichever_end_the_slip_is_at() -> None:
    known = ["gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5", "claude-*", "re:gpt-4o-min.*", "smart"]
    matcher = Matcher((name, name) for name in [*known, *(f"other-{n}" for n in range(5000))])
    assert matcher.nearest("gpt-4o-mnii")[0] == "gpt-4o-mini"
    assert matcher.nearest("xlaude-sonnet-4-5") == ["claude-sonnet-4-5"]
    assert matcher.nearest("zzzzzzzz") == []
    assert matcher.nearest("gpt-4o-mini", 1) == ["gpt-4o-mini"]
    assert matcher.nearest("gpt-4o-mini", allowed=lambda name: "4o" in name) == [
        "gpt-4o-mini",
        "gpt-4o",
    ]
    assert matcher.nearest("a" * 100_000) == []


def test_re2_is_imported_only_when_a_pattern_needs_it() -> None:
    program = """
import sys
from trunkline.policy.match import Matcher
print([c.payload for c in Matcher([("a*b?", 1), ("*", 2), ("a", 3)]).match("axbx")])
print("re2" in sys.modules)
Matcher([("*a*", 1)])
print("re2" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:3] == ["[1, 2]", "False", "True"]
