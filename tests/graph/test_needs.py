"""What a request needs is told from the request, and asked of those who said what they can."""

from __future__ import annotations

from typing import Any

import pytest

from trunkline.graph.needs import lacking, without


def message(kind: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": "x"}, {"type": kind}]}


@pytest.mark.parametrize(
    ("fields", "need"),
    [
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"messages": [message("image_url")]}, "vision"),
        ({"messages": [message("file")]}, "pdf"),
        ({"messages": [message("input_audio")]}, "audio"),
        ({"response_format": {"type": "json_schema"}}, "json_schema"),
        ({"response_format": {"type": "json_object"}}, "json_object"),
        ({"reasoning_effort": "high"}, "reasoning"),
    ],
)
def test_each_need_is_found_and_met_by_the_capability_of_its_name(
    fields: dict[str, Any], need: str
) -> None:
    request = {"messages": [], **fields}
    assert lacking(request, []) == [need]
    assert lacking(request, [need]) == []
    assert lacking(request, None) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": []},
        {"tools": None},
        {"response_format": {"type": "text"}},
        {"response_format": None},
        {"reasoning_effort": "none"},
        {"stream": True},
        {"messages": [{"role": "user", "content": "plain"}, {"role": "assistant"}]},
    ],
)
def test_what_asks_for_nothing_needs_nothing(fields: dict[str, Any]) -> None:
    assert lacking({"messages": [], **fields}, []) == []


def test_who_can_fit_a_schema_can_write_json() -> None:
    request = {"messages": [], "response_format": {"type": "json_object"}}
    assert lacking(request, ["json_schema"]) == []


def test_what_needs_a_capability_can_be_left_out() -> None:
    picture = {"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image_url"}]}
    only = {"role": "user", "content": [{"type": "image_url"}]}
    request = {
        "messages": [picture, only, {"role": "user", "content": "y"}],
        "tools": [{"type": "function"}],
        "tool_choice": "auto",
        "reasoning_effort": "high",
        "response_format": {"type": "json_schema"},
        "seed": 3,
    }
    missing = lacking(request, [])
    left, dropped = without(request, missing)
    assert lacking(left, []) == []
    assert left == {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "x"}]},
            {"role": "user", "content": ""},
            {"role": "user", "content": "y"},
        ],
        "seed": 3,
    }
    assert dropped == ["image_url", "reasoning_effort", "response_format", "tool_choice", "tools"]


def test_nothing_else_is_touched() -> None:
    request = {"messages": [{"role": "user", "content": "y"}], "tools": [{"type": "function"}]}
    assert without(request, [])[0] == request
