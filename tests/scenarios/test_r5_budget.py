"""R5: retries are a small share of the traffic, whatever fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faultd import Play
from tests.scenarios.harness import FORMS, bench, full_rate

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio


@FORMS
async def test_r5_retries_are_a_tenth_of_the_traffic_and_ten(full: bool, figure: Figure) -> None:
    rate = await full_rate() if full else 120
    figure("requests a second", rate)
    async with bench("openai-chat") as found:
        found.servers[0].script(Play(status=503), chance=0.3)
        heard = await found.load(rate, 30 if full else 2.5)
    firsts, retries = [], []
    for one in heard:
        assert one.decision is not None
        attempts = one.decision.attempts
        firsts += [one.asked_at + first.started for first in attempts[:1]]
        # It is decided when the attempt before has failed; a wait follows.
        retries += [one.asked_at + before.started + before.seconds for before in attempts[:-1]]
    assert len(firsts) + len(retries) == found.counts[0]
    assert retries
    retries.sort()
    for number, at in enumerate(retries):
        window = at - 10
        before = sum(window < first <= at for first in firsts)
        slice_ = sum(at - 0.1 < other for other in retries[: number + 1])
        within = sum(window < other for other in retries[: number + 1])
        figure(
            "retries in 10 s, of those allowed", within / (0.1 * before + 10 + slice_), "%", most=1
        )
        assert within <= 0.1 * before + 10 + slice_
    assert len(retries) < 0.2 * len(firsts)
