"""B11: by lowest latency, a target that is ten times slower loses its traffic within seconds and
gets it back when it has healed; one that was never measured is probed once at a time."""

from __future__ import annotations

import heapq
import random
from typing import TYPE_CHECKING

import pytest

from tests.policy.test_pick import View
from trunkline.policy.latency import PeakEwma
from trunkline.policy.pick import strategy

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

USUAL = 0.2


class Fleet:
    """Four targets under a steady stream of requests; the first can be made slow."""

    def __init__(self, seed: int, rate: float = 40.0) -> None:
        self.chance = random.Random(seed)
        self.rate = rate
        self.now = 0.0
        self.slowness = 1.0
        self.loads = [0] * 4
        self.averages = [PeakEwma() for _ in range(4)]
        self.strategy = strategy("lowest_latency", (1,) * 4)
        self.ends: list[tuple[float, int, float]] = []
        self.picks: list[tuple[float, int]] = []

    def run(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now += self.chance.expovariate(self.rate)
            self._settle()
            latencies = [average.estimate(self.now) for average in self.averages]
            index = self.strategy.pick((), View(self.loads, latencies), self.chance)
            assert index is not None
            self.picks.append((self.now, index))
            self.loads[index] += 1
            took = USUAL * self.chance.lognormvariate(0, 0.2) * (1 if index else self.slowness)
            heapq.heappush(self.ends, (self.now + took, index, took))

    def share(self, since: float, until: float) -> float:
        """Of the picks in between, those of the first target."""
        made = [index for at, index in self.picks if since <= at < until]
        return made.count(0) / len(made)

    def _settle(self) -> None:
        while self.ends and self.ends[0][0] <= self.now:
            at, index, took = heapq.heappop(self.ends)
            self.loads[index] -= 1
            self.averages[index].observe(took, at)


@pytest.mark.parametrize("seed", range(5))
def test_b11_a_slow_target_loses_its_traffic_and_gets_it_back(seed: int, figure: Figure) -> None:
    fleet = Fleet(seed)
    fleet.run(30)
    assert 0.2 <= fleet.share(10, 30) <= 0.3
    fleet.slowness = 10.0
    fleet.run(60)
    figure("share while slow, after 5 s", fleet.share(35, 90), "%", most=0.1)
    assert fleet.share(35, 90) <= 0.10
    fleet.slowness = 1.0
    fleet.run(60)
    figure("share 30 s after it healed", fleet.share(120, 150), "%", least=0.2)
    assert fleet.share(120, 150) >= 0.20


def test_b11_one_that_was_never_measured_gets_one_probe_at_a_time() -> None:
    fleet = Fleet(1)
    fleet.slowness = 50.0
    for average in fleet.averages[1:]:
        average.observe(USUAL, 0.0)
    fleet.run(9)
    # Its first answer takes about ten seconds, and until then nobody else is sent there.
    assert [index for _, index in fleet.picks].count(0) == 1
    assert fleet.loads[0] == 1
