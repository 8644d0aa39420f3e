"""A switch takes the first arm whose condition is true."""

from __future__ import annotations

from typing import Any

import pytest

from tests.graph.making import HELLO, ids, opened, plan, said
from trunkline.errors import UpstreamError

pytestmark = pytest.mark.anyio

ARMS = """
  - match: m
    to:
      switch:
        - {when: request.tools is defined, to: a}
        - {when: request.tokens > 1_000, to: b}
        - {when: "headers['x-team'] == 'search'", to: c}
        - {when: "caller.name == 'bob'", to: d}
        - {to: e}
  - name: narrow
    match: n
    to: [{switch: [{when: "time.hour > 24", to: a}]}, b]
  - match: none
    to: {switch: [{when: metadata.go, to: a}]}
"""
TOOLS = [{"type": "function", "function": {"name": "f"}}]


@pytest.mark.parametrize(
    ("fields", "options", "asked"),
    [
        ({"tools": TOOLS}, {}, "a"),
        ({"messages": [{"role": "user", "content": "word " * 1_000}]}, {}, "b"),
        ({}, {"headers": {"x-team": "search"}}, "c"),
        ({}, {"caller": {"name": "bob"}}, "d"),
        ({}, {}, "e"),
    ],
)
async def test_the_first_arm_that_fits_is_taken_and_recorded(
    fields: dict[str, Any], options: dict[str, Any], asked: str
) -> None:
    engine, transport = await opened(plan(ARMS), [said()])
    reply = await engine.chat({"model": "m", "messages": HELLO, **fields}, **options)
    assert ids(transport) == [asked]
    assert reply.decision.picks[0][0] == "routes[0].to"


async def test_without_a_fitting_arm_a_fallback_goes_on() -> None:
    engine, transport = await opened(plan(ARMS), [said()])
    await engine.chat(model="n", messages=HELLO)
    assert ids(transport) == ["b"]


async def test_without_a_fitting_arm_or_a_fallback_nothing_is_found() -> None:
    engine, _ = await opened(plan(ARMS), [])
    with pytest.raises(UpstreamError) as raised:
        await engine.chat(model="none", messages=HELLO)
    assert (raised.value.kind, raised.value.status) == ("not_found", 404)
