"""Settings of retries and streams do what they say, on real sockets."""

from __future__ import annotations

import pytest

from tests.runtime.making import HELLO, simulated
from trunkline import Engine, UpstreamError

pytestmark = pytest.mark.anyio


async def outcomes(text: str) -> list[tuple[str, str]]:
    """The attempts of one call, whether it succeeds or not."""
    async with Engine.open(text) as engine:
        try:
            decision = (await engine.chat(model="m", messages=HELLO)).decision
        except UpstreamError as error:
            assert error.decision is not None
            decision = error.decision
    return [(attempt.target, attempt.outcome) for attempt in decision.attempts]


@pytest.mark.parametrize(("extra", "sends"), [(0, 1), (1, 2), (2, 3)])
async def test_same_target_says_how_often_a_failing_target_is_asked_again(
    extra: int, sends: int
) -> None:
    text = simulated(
        "faults: [{status: 500}]", more=f"    retry: {{same_target: {extra}, max_sends: 9}}"
    )
    assert await outcomes(text) == [("sim/m", "server_error")] * sends


async def test_on_says_after_which_failures_the_same_target_is_asked_again() -> None:
    fault = "faults: [{on: [1], status: 504}]"
    assert await outcomes(simulated(fault)) == [("sim/m", "timeout")]
    again = simulated(fault, more="    retry: {on: [504]}")
    assert await outcomes(again) == [("sim/m", "timeout"), ("sim/m", "ok")]


async def test_prefer_same_target_waits_out_a_rate_limit_instead_of_moving_on() -> None:
    fault = "faults: [{on: [1], status: 429, retry_after: 10ms}]"
    moved = simulated(fault, to="[sim, spare]")
    assert await outcomes(moved) == [("sim/m", "rate_limited"), ("spare/m", "ok")]
    waited = simulated(fault, to="[sim, spare]", more="    retry: {prefer: same_target}")
    assert await outcomes(waited) == [("sim/m", "rate_limited"), ("sim/m", "ok")]


@pytest.mark.parametrize("commit", ["complete", "{tokens: 6}"])
async def test_an_answer_held_back_is_rescued_when_it_breaks_off(commit: str) -> None:
    text = simulated(
        "faults: [{cut_after: 3}]",
        to="[sim, spare]",
        more=f"    streaming: {{commit: {commit}}}",
    )
    async with Engine.open(text) as engine, engine.stream(model="m", messages=HELLO) as stream:
        said = "".join([delta.text async for delta in stream])
    attempts = stream.reply.decision.attempts
    assert [(a.target, a.outcome) for a in attempts] == [
        ("sim/m", "server_error"),
        ("spare/m", "ok"),
    ]
    assert "spare" in said
