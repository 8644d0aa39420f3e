"""R1: a provider that dies takes no caller with it, and is left alone."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.faultd import Play, Remote
from tests.scenarios.harness import FORMS, bench, full_rate, percentile

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

LATENCY = Play(before_head=0.05)
QUICK: Any = {"circuit_breaker": {"open": "400ms"}}
STEPS = 3
"""Ejections that end within the time after the kill, the longest of them with 20 % off: 0.4, 0.8
and 1.6 s of 1.8 s, 10, 20 and 40 s of 40 s."""


@FORMS
async def test_r1_a_killed_provider_costs_no_answer_and_is_ejected(
    full: bool, figure: Figure
) -> None:
    rate = await full_rate() if full else 60
    figure("requests a second", rate)
    async with (
        Remote() as primary,
        bench(
            *("openai-chat", "openai-chat"),
            usual=LATENCY,
            elsewhere=[primary.url],
            defaults={} if full else QUICK,
        ) as found,
    ):
        await primary.usual(LATENCY)
        before, after = (20.0, 40.0) if full else (0.7, 1.8)
        running = asyncio.create_task(found.load(rate, before + after))
        await asyncio.sleep(before)
        killed = time.monotonic()
        await primary.kill()
        dead = time.monotonic()
        heard = await running
    assert [one.message for one in heard if one.error] == []
    flying = [one for one in heard if one.asked_at < dead and killed < one.asked_at + one.took]
    failed = [out for one in heard for name, out in one.attempts if (name, out) == ("a", "connect")]
    broken = [out for one in heard for name, out in one.attempts if name == "a" and out != "ok"]
    assert len(broken) - len(failed) <= len(flying)
    assert len(failed) <= 5 + len(flying) + STEPS
    figure("callers who saw an error", sum(bool(one.error) for one in heard), most=0)
    figure(
        "failed sends beyond those in flight and a probe a step",
        max(0, len(failed) - len(flying) - STEPS),
        most=5,
    )
    well = [one.took for one in heard if one.asked_at + one.took < killed]
    rest = [one.took for one in heard if one.asked_at + one.took >= killed]
    figure("added p99", percentile(rest, 0.99) - percentile(well, 0.99), "s", most=0.05)
    assert len(well) > 20
    assert percentile(rest, 0.99) - percentile(well, 0.99) < (1 if full else 4) * 0.05
    assert {one.attempts[-1] for one in heard if one.asked_at > dead} == {("b", "ok")}
