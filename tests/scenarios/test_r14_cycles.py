"""R14: no route goes round in a circle, and every request comes to an end."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.graph.making import HELLO, Crank, failing, said
from trunkline.compile import load_plan
from trunkline.errors import CallError, ConfigError
from trunkline.runtime import Engine
from trunkline.transport import Canned, ScriptedTransport

PROVIDERS = {
    name: {"type": "openai-compatible", "base_url": f"http://{name}.test/v1"} for name in "abcdef"
}


def document(to: Any, targets: dict[str, Any] | None = None) -> str:
    routes = [{"match": "*", "to": to}]
    file = {"version": 1, "providers": PROVIDERS, "targets": targets or {}, "routes": routes}
    return json.dumps(file, indent=1)


@pytest.mark.parametrize(
    ("targets", "path"),
    [
        ({"one": ["one", "a"]}, ["one", "one"]),
        ({"one": ["a", "two"], "two": {"fallback": {"of": ["one"]}}}, ["one", "two", "one"]),
        (
            {
                "one": {"balance": {"of": ["a", "two"]}},
                "two": {"switch": [{"when": "request.stream", "to": "three"}, {"to": "a"}]},
                "three": ["b", "one"],
            },
            ["one", "two", "three", "one"],
        ),
    ],
)
def test_r14_a_cycle_is_an_error_that_names_its_path(
    targets: dict[str, Any], path: list[str]
) -> None:
    with pytest.raises(ConfigError) as raised:
        load_plan(document("one", targets))
    messages = [one.message for one in raised.value.diagnostics if one.code.startswith("TL4")]
    assert any(all(name in message for name in path) for message in messages), messages


LEAVES = st.sampled_from([f"{name}/m" for name in PROVIDERS])
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4, unique_by=json.dumps),
        st.lists(inner, min_size=2, max_size=3, unique_by=json.dumps).map(
            lambda of: {"balance": {"by": "round_robin", "of": of}}
        ),
    ),
    max_leaves=6,
)
FAILURES = st.sampled_from([200, 429, 500, 503, 401, 404, 408, 400, 529])


@settings(max_examples=40)
@given(TREES, st.lists(FAILURES, min_size=1, max_size=8), st.integers(0, 2**32))
def test_r14_every_request_ends_within_four_sends(to: Any, script: list[int], seed: int) -> None:
    try:
        plan = load_plan(document(to))
    except ConfigError:  # more members than there are sends
        return
    asyncio.run(_ends(plan, script, seed))


def leaves(node: Any) -> list[str]:
    """The ids of the leaves below a node, as often as they stand there."""
    return [node.leaf] if not node.children else [x for one in node.children for x in leaves(one)]


async def _ends(plan: Any, script: list[int], seed: int) -> None:
    def answer(number: int) -> Canned:
        status = script[number % len(script)]
        return said() if status == 200 else failing(status)

    transport = ScriptedTransport(lambda _request: answer(len(transport.requests)), Crank())
    opening = Engine.open(
        plan, transport=lambda: transport, clock=Crank(), chance=random.Random(seed), environ={}
    )
    async with opening as engine:
        try:
            reply = await engine.chat(model="m", messages=HELLO)
        except CallError as error:
            decision = error.decision
        else:
            decision = reply.decision
    assert decision is not None
    assert len(transport.requests) == len(decision.attempts) <= 4
    named = Counter(leaves(plan.routes[0].to))
    for target, times in Counter(one.target for one in decision.attempts).items():
        assert times <= 2 * named[target]
