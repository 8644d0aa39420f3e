"""B12: a limit that is found out settles around what a target can bear, gets nearly all out of
it, and comes back after an outage."""

from __future__ import annotations

import heapq
import random
from statistics import fmean
from typing import TYPE_CHECKING

import pytest

from trunkline.policy.adaptive import AdaptiveLimit

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

KNEE = 20
USUAL = 0.2


class Provider:
    """Serves twenty at once, the others wait in line; callers come as fast as they are let in."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.limit = AdaptiveLimit()
        self.now = 0.0
        self.free = [0.0] * KNEE
        self.under_way: list[tuple[float, float, bool]] = []
        self.limits: list[tuple[float, float]] = []
        self.served: list[float] = []

    def run(self, seconds: float, *, broken: bool = False) -> None:
        until = self.now + seconds
        while self.now < until:
            while self.limit.admits(len(self.under_way)):
                self._send(broken)
            self.now, begun, failed = heapq.heappop(self.under_way)
            self.limit.ended(self.now - begun, self.now, overloaded=failed)
            self.limits.append((self.now, self.limit.limit))
            if not failed:
                self.served.append(self.now)

    def throughput(self, since: float, until: float) -> float:
        """Of the ideal, which is all twenty busy all the time."""
        ideal = KNEE / USUAL * (until - since)
        return sum(1 for at in self.served if since <= at < until) / ideal

    def mean_limit(self, since: float, until: float) -> float:
        return fmean(limit for at, limit in self.limits if since <= at < until)

    def _send(self, broken: bool) -> None:
        if broken:
            heapq.heappush(self.under_way, (self.now + 0.02, self.now, True))
            return
        begin = max(heapq.heappop(self.free), self.now)
        end = begin + USUAL * self.chance.lognormvariate(-0.02, 0.2)
        heapq.heappush(self.free, end)
        heapq.heappush(self.under_way, (end, self.now, False))


def check(seed: int, minutes: float, figure: Figure) -> None:
    provider = Provider(seed)
    provider.run(60 * minutes)
    outage = provider.now
    assert 15 <= provider.mean_limit(30, outage) <= 28
    assert provider.throughput(30, outage) >= 0.85
    provider.run(10, broken=True)
    provider.run(90)
    for since, until in ((30, outage), (outage + 40, outage + 100)):
        figure("mean limit, lowest", provider.mean_limit(since, until), least=15)
        figure("mean limit, highest", provider.mean_limit(since, until), most=28)
        figure("throughput, of the ideal", provider.throughput(since, until), "%", least=0.85)
    assert provider.limit.limit >= 1
    assert 15 <= provider.mean_limit(outage + 40, outage + 100) <= 28
    assert provider.throughput(outage + 40, outage + 100) >= 0.85


def test_b12_the_limit_settles_at_the_knee(figure: Figure) -> None:
    check(1, 2, figure)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(10))
def test_b12_the_limit_settles_at_the_knee_for_half_an_hour(seed: int, figure: Figure) -> None:
    check(seed, 30, figure)
