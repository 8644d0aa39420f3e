"""Filters: what each gives, that each is total, and that each says what it does."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.template.test_runs import JSON, check_json
from trunkline.template import ABSENT, FILTERS, Refusal
from trunkline.template.filters import as_filter

CASES: list[tuple[str, tuple[Any, ...], Any]] = [
    ("default", (ABSENT, 1), 1),
    ("default", (None, 1), 1),
    ("default", (False, 1), False),
    ("required", (0, "why"), 0),
    ("parse_json", ('{"a": [1, null]}',), {"a": [1, None]}),
    ("parse_json", ("",), ABSENT),
    ("parse_json", ("", {}), {}),
    ("parse_json", ('{"a": ', {}), {}),
    ("parse_json", ("NaN", 0), 0),
    ("parse_json", ("[" * 5000, 0), 0),
    ("parse_json", ("9" * 5000, 0), 0),
    ("parse_json", ({"a": 1}, 0), {"a": 1}),
    ("parse_json", ('"\\ud800"',), "\ud800"),
    ("to_json", ({"a": [1, "é", None]},), '{"a":[1,"é",null]}'),
    ("to_json", ("a",), '"a"'),
    ("total", ([1, 2.5, "a", None, True],), 3.5),
    ("total", ([],), ABSENT),
    ("total", (3,), ABSENT),
    ("total", ([1e308, 1e308],), ABSENT),
    ("as_list", ([1],), [1]),
    ("as_list", ("a",), ["a"]),
    ("as_list", (None,), ABSENT),
    ("nonblank", (" a ",), " a "),
    ("nonblank", (" \n",), ABSENT),
    ("nonblank", (1,), ABSENT),
    ("at_most", (5, 3), 3),
    ("at_most", (2, 3), 2),
    ("at_most", (2, "3"), ABSENT),
    ("at_most", ([1, 2, 3], 2), [1, 2]),
    ("at_most", ("abc", -1), ""),
    ("at_most", (None, 1), ABSENT),
    ("join_text", (["a", 1, "b"],), "ab"),
    ("rows", ([{"a": 1}], "why"), [{"a": 1}]),
    ("rows", (None, "why"), ABSENT),
    ("at_least", (5, 3), 5),
    ("at_least", (2, 3), 3),
    ("at_least", ("2", 3), ABSENT),
    ("join_text", (["a", "b"], ", "), "a, b"),
    ("join_text", ("ab",), ABSENT),
    ("first_where", ([{"a": 1}, {"a": 2, "b": 3}], "a", 2), {"a": 2, "b": 3}),
    ("first_where", ([{"a": True}], "a", 1), ABSENT),
    ("first_where", ([1, {"b": None}], "b"), {"b": None}),
    ("first_where", ({"b": 1}, "b"), ABSENT),
    ("unique", (["b", "a", "b", {"x": 1}, {"x": 1}, 1, True],), ["b", "a", {"x": 1}, 1, True]),
    ("unique", ("aa",), ABSENT),
    ("split", ("a--b--", "--"), ["a", "b", ""]),
    ("split", ("a", ""), ABSENT),
    ("split", (["a"], "a"), ABSENT),
    ("starts_with", ("data:x", "data:"), True),
    ("starts_with", ("data:x", ["http:", "data:"]), True),
    ("starts_with", (None, "data:"), False),
    ("before_first", ("a-b-c", "-"), "a"),
    ("before_first", ("abc", "-"), "abc"),
    ("before_first", ("abc", ""), ABSENT),
    ("replace_pattern", ("a1b22", "[0-9]+", "#"), "a#b#"),
    ("replace_pattern", ("ab", "(a)", r"\1\1"), r"\1\1b"),
    ("replace_pattern", ("ab", "(", "x"), ABSENT),
    ("replace_pattern", ("ab", r"(a)\1", "x"), ABSENT),
    ("url_segment", ("a/b c",), "a%2Fb%20c"),
    ("url_segment", ("..",), ABSENT),
    ("to_base64", ("é",), "w6k="),
    ("base64_text", ("w6k=",), "é"),
    ("base64_text", ("/w==",), ABSENT),
    ("base64_text", ("w6k",), ABSENT),
    ("to_base64url", ("é~~",), "w6l-fg"),
    ("base64url_text", ("w6l-fg",), "é~~"),
    ("base64url_text", ("w6l-fg==",), "é~~"),
    ("base64url_text", ("w6l+fg",), ABSENT),
    ("base64url_text", ("w",), ABSENT),
    ("after_first", ("a:b:c", ":"), "b:c"),
    ("after_first", ("abc", ":"), ABSENT),
    ("by_pattern", ("model-4-6-mini", {"*-4-5*": 1, "*-4-6*": 2, "*": 3}), 2),
    ("by_pattern", ("aba", {"ab*ba": 1, "a*b*a": 2}), 2),
    ("by_pattern", ("ab", {"a": 1}), ABSENT),
    (
        "merge_rows",
        (
            [
                {"i": 0, "t": "a", "n": 1},
                {"i": 0, "t": "b", "n": None},
                {"i": 1, "t": "c"},
                {"t": "d"},
                {"t": "e"},
                {"i": 0, "t": "f"},
                7,
            ],
            "i",
            ["t"],
        ),
        [{"i": 0, "t": "abf", "n": 1}, {"i": 1, "t": "c"}, {"t": "d"}, {"t": "e"}],
    ),
    ("media_type", ("data:image/png;base64,aGk=",), "image/png"),
    ("media_type", ("data:text/plain;charset=utf-8;base64,aGk=",), "text/plain"),
    ("media_type", ("data:,hi",), ABSENT),
    ("media_type", ("https://a/b",), ABSENT),
    ("base64_data", ("data:image/png;base64,aGk=",), "aGk="),
    ("base64_data", ("data:text/plain;charset=utf-8;base64,aGk=",), "aGk="),
    ("base64_data", ("data:image/png,hi",), ABSENT),
    ("data_url", ("aGk=", "image/png"), "data:image/png;base64,aGk="),
    ("data_url", ("aGk=", None), ABSENT),
    ("base64_vector", ("AACAPwAAAEA=",), [1.0, 2.0]),
    ("base64_vector", ("AACAPwA=",), ABSENT),
    ("base64_vector", ([1.0],), ABSENT),
    ("vector_base64", ([1, 2.0],), "AACAPwAAAEA="),
    ("vector_base64", ([1, "x"],), ABSENT),
    ("vector_base64", ([],), ABSENT),
    ("length", ([1, 2],), 2),
    ("length", ({"a": 1},), 1),
    ("length", ("abc",), 3),
    ("length", (5,), ABSENT),
    ("lower", ("AbC",), "abc"),
    ("upper", ("AbC",), "ABC"),
    ("trim", (" a\n",), "a"),
    ("keys", ({"b": 1, "a": 2},), ["b", "a"]),
    ("items", ({"b": 1},), [{"key": "b", "value": 1}]),
    ("items", ([1],), ABSENT),
]


@pytest.mark.parametrize(("name", "arguments", "expected"), CASES)
def test_a_filter_gives(name: str, arguments: tuple[Any, ...], expected: Any) -> None:
    got = FILTERS[name].function(*arguments)
    assert got == expected
    assert type(got) is type(expected)


def test_every_filter_has_a_case_and_says_what_it_does() -> None:
    assert {name for name, _, _ in CASES} == set(FILTERS)
    for name, known in FILTERS.items():
        assert known.name == name
        assert known.about.endswith(".")
        assert known.usage().startswith(f"value | {name}")


@given(st.sampled_from(sorted(FILTERS)), st.lists(JSON, min_size=3, max_size=3))
def test_a_filter_is_total_and_changes_nothing(name: str, values: list[Any]) -> None:
    known = FILTERS[name]
    before = copy.deepcopy(values)
    try:
        result = known.function(*values[: len(known.signature.parameters)])
    except Refusal:
        assert name in ("required", "rows")
    else:
        if result is not ABSENT:
            check_json(result)
    assert values == before


def test_a_pattern_takes_time_that_is_linear() -> None:
    hostile = "a" * 20_000 + "!"
    assert FILTERS["replace_pattern"].function(hostile, "(a+)+$", "") == hostile


def test_a_plain_function_is_a_filter() -> None:
    def cut(value: Any, at: int = 3) -> Any:
        """Cut it.

        More words.
        """
        return value[:at]

    made = as_filter("cut", cut)
    assert (made.about, made.usage()) == ("Cut it.", "value | cut(at=3)")
    assert as_filter("other", made) is made
