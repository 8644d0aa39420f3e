"""Patterns of model names: what each kind matches, in time linear in the name."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.policy.pattern import (
    PatternError,
    captured,
    covers,
    is_costly,
    is_exact,
    predicate,
    problem,
)

globs = st.text("ab*?/", max_size=8)
names = st.text("ab/c", max_size=8)


def fits(pattern: str, name: str) -> bool:
    return predicate(pattern)(name)


def by_backtracking(glob: str, name: str) -> bool:
    words = {"*": ".*", "?": "."}
    expression = "".join(words.get(char, re.escape(char)) for char in glob)
    return re.fullmatch(expression, name, re.DOTALL) is not None


@pytest.mark.parametrize(
    ("pattern", "fitting", "other"),
    [
        ("gpt-4", ["gpt-4"], ["gpt-4o", "GPT-4", "xgpt-4", ""]),
        ("gpt-*", ["gpt-", "gpt-4/x"], ["gpt", "a/gpt-4"]),
        ("*-mini", ["-mini", "o3-mini"], ["o3-mini-x", "mini"]),
        ("a*b", ["ab", "a/x/b"], ["a", "b", "ba"]),
        ("a*a", ["aa", "aba"], ["a"]),
        ("*mini*", ["mini", "o3-mini-x"], ["min-i"]),
        ("o?-*", ["o1-", "o3-mini"], ["o-mini", "o10-mini"]),
        ("a.b+[c]", ["a.b+[c]"], ["axb+[c]", "a.bb[c]", "a.b+c"]),
        ("?", ["x", "\n", "😀"], ["", "xy"]),
        ("*", ["", "x", "a\nb"], []),
        ("re:gpt-[0-9]+(o|-mini)?", ["gpt-4", "gpt-40o"], ["gpt-", "xgpt-4", "gpt-4x", "gpt-4\n"]),
        ("re:(?i)GPT.*", ["gpt-4", "Gpt"], ["a-gpt"]),
        ("re:a|b", ["a", "b"], ["ab", "ax", "xb"]),
        (r"re:\Qa.b", ["a.b"], ["axb"]),
    ],
)
def test_a_pattern_fits_whole_names(pattern: str, fitting: list[str], other: list[str]) -> None:
    assert [name for name in [*fitting, *other] if fits(pattern, name)] == fitting


@given(globs, names)
def test_globs_match_as_a_backtracking_reference_does(glob: str, name: str) -> None:
    assert fits(glob, name) == by_backtracking(glob, name)


@pytest.mark.parametrize(
    "pattern",
    [
        "*a" * 30,
        "?*a" * 30,
        "*?" * 60 + "b",
        "re:(a+)+$",
        "re:" + ".*a" * 30,
        "re:(a|aa)+",
        "*" * 90,
    ],
)
@pytest.mark.parametrize(
    "name", ["a" * 255 + "!", "a" * 256, "ab" * 128, "😀" * 256, "\ud800" * 256]
)
def test_hostile_names_cost_next_to_nothing(pattern: str, name: str) -> None:
    test = predicate(pattern)
    test(name)
    best = min(_seconds(lambda: test(name)) for _ in range(5))
    assert best < 200e-6


def _seconds(act: object) -> float:
    assert callable(act)
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


@pytest.mark.parametrize(
    "wrong", ["re:(", "re:a)(b", r"re:(a)\1", "re:(?=a)", "re:a{1001}", "re:["]
)
def test_what_re2_cannot_run_is_refused_in_its_words(wrong: str) -> None:
    said = problem(wrong)
    assert said
    with pytest.raises(PatternError, match=re.escape(said)):
        predicate(wrong)
    assert problem("gpt-[(*") is None


def test_the_only_star_stands_for_what_it_matched() -> None:
    assert captured("openai/*", "openai/gpt-4/x") == "gpt-4/x"
    assert captured("*-v?", "smart-v2") == "smart"
    assert captured("a*b", "ab") == ""
    assert captured("*", "x") == "x"
    for pattern in ("gpt-4", "*a*", "re:a*"):
        assert captured(pattern, "gpt-4") is None


@given(st.text("ab?", max_size=4), st.text("ab?", max_size=4), names)
def test_putting_the_capture_back_gives_the_name(before: str, after: str, name: str) -> None:
    glob = f"{before}*{after}"
    if fits(glob, name):
        found = captured(glob, name)
        assert found is not None
        assert name == name[: len(before)] + found + name[len(name) - len(after) :]


@given(globs, globs, st.lists(names, max_size=5))
def test_a_covered_pattern_matches_nothing_more(first: str, second: str, some: list[str]) -> None:
    if covers(first, second):
        examples = [second.replace("*", fill).replace("?", "c") for fill in ("", "a", "b/c", "ab")]
        for name in [*examples, *(name for name in some if fits(second, name))]:
            assert fits(first, name)


@pytest.mark.parametrize(
    ("first", "second", "covered"),
    [
        ("*", "gpt-*", True), ("**", "re:.*", True), ("gpt-*", "gpt-4", True),
        ("gpt-*", "gpt-4*", True), ("gpt-*", "gpt-?", True), ("*-mini", "gpt-*-mini", True),
        ("*a*", "xay*", True), ("?*", "ab*", True), ("re:gpt-.*", "gpt-4", True),
        ("gpt-4", "gpt-4", True), ("re:a+", "re:a+", True), ("a?", "ab", True),
        ("gpt-4*", "gpt-*", False), ("a?", "a*", False), ("re:gpt-4", "gpt-*", False),
        ("gpt-4", "gpt-?", False), ("re:.*", "re:a", False), ("", "*", False), ("a*", "*a", False),
    ],
)  # fmt: skip
def test_shadowing_is_seen(first: str, second: str, covered: bool) -> None:
    assert covers(first, second) is covered


def test_kinds_are_told_apart() -> None:
    patterns = ["a", "a*", "*a", "a*b", "*", "**", "*a*", "?a?", "??", "re:a"]
    assert [p for p in patterns if is_exact(p)] == ["a"]
    assert [p for p in patterns if is_costly(p)] == ["*a*", "?a?", "??", "re:a"]
