"""R4: when all targets are down nobody is hammered, and callers are told at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faultd import Play
from tests.scenarios.harness import bench, percentile

pytestmark = pytest.mark.anyio

BREAKER: Any = {"circuit_breaker": {"open": "500ms"}}
RESERVE = 10
"""Retries that the budget allows at the very start, of each target."""
STEPS = 3
"""Ends of ejections within the two and a half seconds of the run: 0.5, 1 and 2 s, ± 20 %."""


async def test_r4_what_is_down_is_asked_for_no_more_than_a_probe() -> None:
    async with bench(*["openai-chat"] * 3, defaults=BREAKER) as found:
        await found.hear()
        for server in found.servers:
            server.usual = Play(status=503)
        heard = await found.load(80, 2.5)
    assert {one.error for one in heard} <= {"overloaded", "server_error"}
    local = [one for one in heard if not one.attempts]
    assert len(local) > 120
    assert {one.status for one in local} == {503}
    assert all(one.retry_after is not None and 0 < one.retry_after <= 3 for one in local)
    assert percentile([one.took for one in local], 0.99) < 4 * 0.01
    seen = [[one for one in server.seen if one.status == 503] for server in found.servers]
    assert sum(map(len, seen)) == sum(len(one.attempts) for one in heard)
    # Whatever had been sent by the time of the fifth failure was in flight.
    out = max(sorted(one.ended_at or 0.0 for one in mine)[4] for mine in seen) + 0.1
    before = [one for mine in seen for one in mine if one.at <= out]
    assert len(before) <= 3.1 * sum(one.asked_at <= out for one in heard) + 3 * RESERVE
    for mine in seen:
        assert len([one for one in mine if one.at > out]) <= STEPS
