"""Overlays say what they do by how they are written, never by what a request puts into them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.graph.overlay import Overlay, is_open, merge, shape_of

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
mappings = st.dictionaries(st.text("abc$~!", min_size=1, max_size=2), json_values, max_size=4)


def lay(base: dict[str, Any], tree: dict[str, Any], rendered: Any = None, **more: Any) -> Any:
    return merge(base, tree if rendered is None else rendered, shape_of(tree, **more))


@pytest.mark.parametrize(
    ("base", "tree", "expected"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}}, {"a": {"x": 1, "y": 3}}),
        ({"a": {"x": {"y": 1}}}, {"a": {"x": {"z": 2}}}, {"a": {"x": {"y": 1, "z": 2}}}),
        ({"a": 1}, {"a": {"x": 1}}, {"a": {"x": 1}}),
        ({"a": {"x": 1}}, {"a": 1}, {"a": 1}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": None}}, {"a": {"y": 2}}),
        ({}, {"a": None}, {}),
        ({}, {"a": {"$default": 1}}, {"a": 1}),
        ({"a": None}, {"a": {"$default": 1}}, {"a": 1}),
        ({"a": 0}, {"a": {"$default": 1}}, {"a": 0}),
        (
            {"a": {"x": 1}},
            {"a": {"x": {"$default": 2}, "y": {"$default": 3}}},
            {"a": {"x": 1, "y": 3}},
        ),
    ],
)
def test_maps_merge_and_the_rest_replaces(base: Any, tree: Any, expected: Any) -> None:
    assert lay(base, tree) == expected


def test_messages_can_be_put_before_and_after() -> None:
    base = {"messages": ["b"]}
    around = {"messages": {"prepend": ["a"], "append": ["c"]}}
    assert lay(base, around, messages=True) == {"messages": ["a", "b", "c"]}
    assert lay(base, {"messages": {"append": ["c"]}}, messages=True) == {"messages": ["b", "c"]}
    assert lay(base, {"messages": ["x"]}, messages=True) == {"messages": ["x"]}


def test_prepend_is_a_plain_key_elsewhere() -> None:
    tree = {"metadata": {"messages": {"prepend": ["a"]}}}
    assert lay({}, tree, messages=True) == tree


def test_what_a_template_left_out_changes_nothing() -> None:
    assert lay({"a": 1}, {"a": "{{ x }}", "b": {"c": "{{ y }}"}}, {"b": {}}) == {"a": 1, "b": {}}


def test_a_rendered_null_deletes_the_key_it_was_written_for() -> None:
    assert lay({"a": 1}, {"a": "{{ x or none }}"}, {"a": None}) == {}


def test_values_of_a_request_are_data_whatever_they_look_like() -> None:
    tree = {"metadata": "{{ request.metadata }}"}
    hostile = {"metadata": {"$default": 1, "k": None, "messages": {"prepend": []}}}
    assert lay({"metadata": {"k": 1, "m": 2}}, tree, hostile, messages=True) == {
        "metadata": {"k": None, "m": 2, "$default": 1, "messages": {"prepend": []}}
    }


def test_a_directive_is_laid_on_as_the_value_it_gives() -> None:
    tree = {"a": {"$if": "{{ x }}", "then": {"b": None}}, "c~": "{{ d }}"}
    assert lay({"a": {"e": 1}}, tree, {"a": {"b": None}, "c": 1}) == {
        "a": {"e": 1, "b": None},
        "c": 1,
    }


def test_header_names_count_without_case() -> None:
    overlay = Overlay(
        lambda: {"X-Team": "a"}, shape_of({"X-Team": "a", "X-Gone": None}, lower=True), True
    )
    assert overlay.over({"x-team": "b", "x-gone": "c"}) == {"x-team": "a"}


@given(mappings, mappings)
def test_nothing_that_is_given_is_changed(base: dict[str, Any], tree: dict[str, Any]) -> None:
    before = copy.deepcopy((base, tree))
    lay(base, tree, messages=True)
    assert (base, tree) == before


@given(mappings, mappings)
def test_laying_on_twice_is_laying_on_once(base: dict[str, Any], tree: dict[str, Any]) -> None:
    once = lay(base, tree)
    assert lay(once, tree) == once


@pytest.mark.parametrize(
    ("tree", "values", "expected"),
    [
        ({"$if": "", "then": {"a": 2}}, {"a": 2}, {"a": 2, "then": 0}),
        ({"$spread": "", "b": 3}, {"a": 2, "b": 3}, {"a": 2, "b": 3, "then": 0}),
        (
            {"$spread": "", "b": {"$default": 3}},
            {"b": {"$default": 3}},
            {"a": 1, "b": 3, "then": 0},
        ),
        ({"$schema": "x"}, {"$schema": "x"}, {"$schema": "x", "a": 1, "then": 0}),
        ({"$if": "", "then": 1}, None, {"a": 1, "then": 0}),
    ],
)
def test_a_whole_overlay_may_come_out_of_a_directive(tree: Any, values: Any, expected: Any) -> None:
    overlay = Overlay(lambda: values, shape_of(tree), open=is_open(tree))
    assert overlay.over({"a": 1, "then": 0}) == expected
