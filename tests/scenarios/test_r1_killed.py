"""R1: a provider that dies takes no caller with it, and is left alone."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.faultd import Play, Remote
from tests.scenarios.harness import bench, percentile

pytestmark = pytest.mark.anyio

RATE, BEFORE, AFTER = 60, 0.7, 1.8
BREAKER: Any = {"circuit_breaker": {"open": "400ms"}}
STEPS = 3
"""Ends of ejections that fit into the time after the kill: 0.4, 0.8 and 1.6 s, ± 20 %."""


async def test_r1_a_killed_provider_costs_no_answer_and_is_ejected() -> None:
    async with Remote() as primary:
        await primary.usual(Play(before_head=0.05))
        async with bench(
            *("openai-chat", "openai-chat"),
            usual=Play(before_head=0.05),
            elsewhere=[primary.url],
            defaults=BREAKER,
        ) as found:
            running = asyncio.create_task(found.load(RATE, BEFORE + AFTER))
            await asyncio.sleep(BEFORE)
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
    well = [one.took for one in heard if one.asked_at + one.took < killed]
    after = [one.took for one in heard if one.asked_at + one.took >= killed]
    assert len(well) > 20
    assert percentile(after, 0.99) - percentile(well, 0.99) < 4 * 0.05
    assert {one.attempts[-1] for one in heard if one.asked_at > killed + 0.3} == {("b", "ok")}
