"""R4: when all targets are down nobody is hammered, and callers are told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.faultd import Play
from tests.scenarios.harness import FORMS, bench, full_rate, percentile

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

BREAKER: Any = {"circuit_breaker": {"open": "500ms"}}
RESERVE = 10
"""Retries that the budget allows at the very start, of each target."""
STEPS = 3
"""Ejections that end within the run, with 20 % off: 0.5, 1 and 2 s of 2.5 s, 10 and 20 of 30."""


@FORMS
async def test_r4_what_is_down_is_asked_for_no_more_than_a_probe(
    full: bool, figure: Figure
) -> None:
    defaults = {} if full else BREAKER
    rate = await full_rate() if full else 80
    figure("requests a second", rate)
    async with bench(*["openai-chat"] * 3, defaults=defaults) as found:
        await found.hear()
        for server in found.servers:
            server.clear()
        for server in found.servers:
            server.usual = Play(status=503)
        heard = await found.load(rate, 30 if full else 2.5)
    assert {one.error for one in heard} <= {"overloaded", "server_error"}
    local = [one for one in heard if not one.attempts]
    figure("p99 of local refusals", percentile([one.took for one in local], 0.99), "s", most=0.01)
    assert len(local) > 120
    assert {one.status for one in local} == {503}
    assert all(one.retry_after is not None and 0 < one.retry_after <= 48 for one in local)
    assert percentile([one.took for one in local], 0.99) < (1 if full else 4) * 0.01
    seen = [[one for one in server.seen if one.status == 503] for server in found.servers]
    assert sum(map(len, seen)) == sum(len(one.attempts) for one in heard)
    # Whatever had been sent by the time of the fifth failure was in flight.
    out = max(sorted(one.ended_at or 0.0 for one in mine)[4] for mine in seen) + 0.1
    before = [one for mine in seen for one in mine if one.at <= out]
    asked = sum(one.asked_at <= out for one in heard)
    figure("sends a request before ejection", len(before) / asked, most=3.1)
    after = max(sum(one.at > out for one in mine) for mine in seen)
    figure("sends to one target after it, in three steps of backoff", after, most=STEPS)
    assert len(before) <= 3.1 * asked + 3 * RESERVE
    for mine in seen:
        assert len([one for one in mine if one.at > out]) <= STEPS
