"""Whatever the graph and whatever fails: it ends, within `max_sends`, and tries its last resort."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.graph.making import HELLO, PROVIDERS, Crank, failing, ids, opened, said
from trunkline.compile import compile_document
from trunkline.config.source import parse
from trunkline.errors import CallError, UpstreamError
from trunkline.transport import Canned
from trunkline.wire.jsontext import dumps

if TYPE_CHECKING:
    import random

leaves = st.builds(lambda p, n: f"{p}/m{n}", st.sampled_from("abcde"), st.integers(0, 3))
groups = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.builds(lambda of: {"fallback": {"of": of}}, st.lists(inner, min_size=1, max_size=3))
        | st.builds(
            lambda of, by: {"balance": {"by": by, "of": of}},
            st.lists(inner, min_size=1, max_size=3),
            st.sampled_from(["weighted", "round_robin", "random", "least_connections"]),
        )
        | st.builds(lambda to: {"switch": [{"when": "metadata.x", "to": to}, {"to": to}]}, inner)
    ),
    max_leaves=8,
)
ANSWERS = [
    said(),
    failing(500),
    failing(429),
    failing(429, retry_after="1"),
    failing(404),
    failing(400),
    Canned(error=UpstreamError("connect", "refused")),
    Canned(error=UpstreamError("timeout", "late")),
    Canned(200, {}, (b"not json",)),
]


def last_resort(node: Any) -> str | None:
    """The leaf that is asked last if all fail, where that does not depend on a pick."""
    if isinstance(node, str):
        return node
    if isinstance(node, list):
        return last_resort(node[-1])
    if "fallback" in node:
        return last_resort(node["fallback"]["of"][-1])
    if "switch" in node:
        return last_resort(node["switch"][-1]["to"])
    return None


async def perform(node: Any, sends: int, script: Any) -> tuple[int, list[str], bool] | None:
    route = {"match": "m", "to": node, "retry": {"max_sends": sends}}
    text = f"version: 1\nproviders:\n{PROVIDERS}\nroutes: {dumps([route]).decode()}\n"
    document, _ = parse(text, "test")
    assert document is not None
    plan, found = compile_document(document)
    if plan is None:
        assert {finding.code for finding in found} == {"TL404"}
        return None
    engine, transport = await opened(plan, script, Crank())
    try:
        decision = (await engine.chat(model="m", messages=HELLO)).decision
        answered = True
    except CallError as error:
        assert error.decision is not None
        decision, answered = error.decision, False
    assert [attempt.target.split("/")[0] for attempt in decision.attempts] == ids(transport)
    assert all(attempt.outcome for attempt in decision.attempts)
    successes = [attempt.outcome == "ok" for attempt in decision.attempts]
    assert successes == [False] * (len(successes) - 1) + [answered]
    assert engine._state.in_flight == {}
    return len(transport.requests), decision.targets, answered


@settings(max_examples=150)
@given(groups, st.integers(1, 8), st.randoms(use_true_random=False))
def test_no_request_is_sent_more_often_than_max_sends(
    node: Any, sends: int, chance: random.Random
) -> None:
    done = asyncio.run(perform(node, sends, lambda _request: chance.choice(ANSWERS)))
    if done is not None:
        assert 1 <= done[0] <= sends


@settings(max_examples=100)
@given(groups, st.integers(1, 8), st.sampled_from([failing(500), failing(529), failing(429)]))
def test_when_everything_fails_the_last_resort_has_been_asked(
    node: Any, sends: int, answer: Canned
) -> None:
    done = asyncio.run(perform(node, sends, lambda _request: answer))
    if done is not None:
        count, targets, answered = done
        assert not answered
        assert count <= sends
        last = last_resort(node)
        assert last is None or targets[-1] == last
