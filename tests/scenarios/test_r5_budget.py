"""R5: retries are a small share of the traffic, whatever fails."""

from __future__ import annotations

import pytest

from tests.faultd import Play
from tests.scenarios.harness import FORMS, bench, full_rate

pytestmark = pytest.mark.anyio


@FORMS
async def test_r5_retries_are_a_tenth_of_the_traffic_and_ten(full: bool) -> None:
    rate = await full_rate() if full else 120
    async with bench("openai-chat") as found:
        found.servers[0].script(Play(status=503), chance=0.3)
        heard = await found.load(rate, 30 if full else 2.5)
    firsts = [one.asked_at for one in heard if one.attempts]
    sends = [
        one.asked_at + attempt.started
        for one in heard
        if one.decision is not None
        for attempt in one.decision.attempts[1:]
    ]
    assert len(firsts) == found.counts[0] - len(sends)
    assert sends
    sends.sort()
    for number, at in enumerate(sends):
        window = at - 10
        before = sum(window < first <= at for first in firsts)
        retries = sum(window < send for send in sends[: number + 1])
        slack = sum(at - 0.1 <= send <= at for send in sends[: number + 1])
        assert retries <= 0.1 * before + 10 + slack
    assert len(sends) < 0.2 * len(firsts)
