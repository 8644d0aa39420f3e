"""What a plan settles before any request: inheritance, order, captures, ids, and its bounds."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest

from tests.graph.making import PROVIDERS, plan
from trunkline import ConfigError, load_plan
from trunkline.compile.inherit import Times, times_of
from trunkline.config.models import Timeouts as TimeoutsModel
from trunkline.ports import Timeouts


def codes(text: str) -> set[str]:
    with pytest.raises(ConfigError) as raised:
        load_plan(text)
    return {finding.code for finding in raised.value.diagnostics}


def leaf(routes: str, more: str = "", model: str = "m") -> Any:
    """The first leaf of a plan's route for a model."""
    found = plan(routes, more).find(model, {}, {}, {}, {}, {})
    assert found is not None
    node: Any = found.route.to
    while node.children:
        node = node.children[0]
    return node


def test_the_inner_setting_wins_and_what_is_not_said_is_inherited() -> None:
    text = """
version: 1
defaults: {timeouts: {connect: 1s, write: 1s, idle: 1s, first_byte: 1s, first_token: 1s, pool: 1s}}
providers:
  a:
    dialect: openai-chat
    base_url: http://a.test
    timeouts: {write: 2s, idle: 2s, first_byte: 2s, first_token: 2s}
    models: {x: {as: y, timeouts: {idle: 3s, first_byte: 3s, first_token: 3s}}}
routes:
  - match: m
    timeouts: {first_byte: 4s, first_token: 4s, idle_content: off}
    to: {fallback: {of: [{target: a/x, timeouts: {first_token: 5s}}]}}
"""
    found = load_plan(text).find("m", {}, {}, {}, {}, {})
    assert found is not None
    target: Any = found.route.to.children[0]
    assert target.settings.timeouts == Timeouts(
        connect=1, write=2, idle=3, first_byte=4, first_token=5, pool=1, idle_content=None
    )
    assert found.route.total == Timeouts().total


def test_a_whole_answer_waits_for_its_attempt_unless_the_file_says_how_long() -> None:
    settings = leaf("  - {match: m, to: a, timeouts: {attempt: 40s, first_token: 3s}}").settings
    assert settings.timeouts.first_token == 3
    assert settings.whole_timeouts.first_byte == 40
    assert settings.whole_timeouts.first_token == 40
    said = leaf("  - {match: m, to: a, timeouts: {attempt: 40s, first_byte: 2s}}").settings
    assert said.whole_timeouts.first_byte == 2


def test_off_is_no_limit() -> None:
    expected: Times = (("idle", None), ("total", 2.0))
    assert times_of(TimeoutsModel.model_validate({"idle": "off", "total": "2s"})) == expected
    assert math.inf not in dict(expected).values()


def test_overlays_apply_from_the_outside_in() -> None:
    text = """
  - match: m
    request: {user: outer, seed: 1}
    to: {target: one, request: {user: inner}}"""
    more = "targets: {one: {target: a, request: {temperature: 1}}}"
    overlays = leaf(text, more).settings.requests
    merged: dict[str, Any] = {}
    for overlay in overlays:
        merged = overlay.over(merged, {}, {}, {}, {}, {}, {}, {}, {})
    assert merged == {"user": "inner", "seed": 1, "temperature": 1}


def test_a_named_target_inherits_from_each_place_that_uses_it() -> None:
    more = "targets: {one: a}"
    routes = """
  - {match: m, to: one, timeouts: {idle: 1s}}
  - {match: n, to: one, timeouts: {idle: 2s}}
  - {match: o, to: one, timeouts: {idle: 1s}}"""
    assert leaf(routes, more).settings.timeouts.idle == 1
    assert leaf(routes, more, "n").settings.timeouts.idle == 2
    compiled = plan(routes, more)
    assert compiled.routes[0].to is compiled.routes[2].to


@pytest.mark.parametrize(
    ("model", "route"), [("m", "high"), ("x", "first"), ("y", "second"), ("other", "rest")]
)
def test_routes_are_tried_by_priority_then_in_file_order(model: str, route: str) -> None:
    routes = """
  - {name: first, match: [x, m], to: a}
  - {name: second, match: [x, y, m], to: a}
  - {name: high, match: m, to: a, priority: 5}
  - {name: rest, match: "*", to: a}"""
    found = plan(routes).find(model, {}, {}, {}, {}, {})
    assert found is not None
    assert found.route.name == route


def test_a_condition_that_fails_leaves_the_request_to_the_next_route() -> None:
    routes = """
  - {name: one, match: {model: m, when: "headers['x-a'] == '1'"}, to: a}
  - {name: two, match: m, to: a}"""
    compiled = plan(routes)
    found = [compiled.find("m", {}, headers, {}, {}, {}) for headers in ({"x-a": "1"}, {})]
    assert [one and one.route.name for one in found] == ["one", "two"]
    assert found[0] is not None
    assert found[0].why == "the name `m`, and `headers['x-a'] == '1'` holds"


def test_a_star_captures_what_the_pattern_matched() -> None:
    compiled = plan("  - {match: [team/*, other-*-x], to: a/prefix-*}")
    for model, capture in (("team/gpt", "gpt"), ("other-o1-x", "o1")):
        found = compiled.find(model, {}, {}, {}, {}, {})
        assert found is not None
        assert found.capture == capture


def test_ids_do_not_move_when_a_route_is_added_above() -> None:
    routes = "  - {name: r, match: m, to: [a, {balance: {of: [b, c]}}]}"
    one, two = plan(routes), plan("  - {match: z, to: d}\n" + routes)
    assert one.routes[0].to.id == two.routes[1].to.id == "routes.r.to"
    assert [node.id for node in one.routes[0].to.children] == ["routes.r.to[0]", "routes.r.to[1]"]


def test_a_plan_cannot_be_changed() -> None:
    compiled = plan("  - {match: m, to: a}")
    with pytest.raises(AttributeError):
        compiled.routes = ()  # type: ignore[misc]
    with pytest.raises(AttributeError):
        compiled.routes[0].to.need = 7  # type: ignore[misc]


def test_only_so_many_patterns_may_have_to_be_searched_for() -> None:
    patterns = ", ".join(f'"re:a{n}+"' for n in range(1_001))
    head = f"version: 1\nproviders:\n{PROVIDERS}\n"
    assert codes(f"{head}routes: [{{match: [{patterns}], to: a}}]\n") == {"TL406"}
    many = ", ".join(f'"a{n}*"' for n in range(3_000))
    load_plan(f"{head}routes: [{{match: [{many}], to: a}}]\n")


def doubling(levels: int, node: str) -> str:
    targets = [f"  t{n}: " + node.format(f"t{n + 1}") for n in range(levels)]
    return "\n".join(["targets:", *targets, f"  t{levels}: a"])


@pytest.mark.parametrize(
    ("node", "levels", "code"),
    [
        ("[{0}]", 70, "TL408"),
        ("{{balance: {{of: [{0}, {0}]}}}}", 30, "TL408"),
        ("{{switch: [{{when: request.stream, to: {0}}}, {{to: {0}}}]}}", 30, "TL408"),
        ("[{0}, {0}]", 30, "TL408"),
        ("[{0}, {0}]", 3, "TL404"),
    ],
)
def test_graphs_that_double_at_every_level_are_refused_at_once(
    node: str, levels: int, code: str
) -> None:
    text = f"version: 1\nproviders:\n{PROVIDERS}\n{doubling(levels, node)}\n"
    begun = time.process_time()
    assert codes(f"{text}routes: [{{match: m, to: t0}}]\n") == {code}
    assert time.process_time() - begun < 2


def test_lists_within_lists_are_walked_to_the_bottom() -> None:
    assert leaf(f"  - {{match: m, to: {'[' * 55}a{']' * 55}}}").leaf == "a/*"


def test_text_that_stands_in_no_file_can_include_none() -> None:
    assert codes("version: 1\ninclude: [other.yaml]\n") == {"TL216"}


def test_an_empty_file_has_no_routes_and_no_errors() -> None:
    assert load_plan("version: 1\n").routes == ()
