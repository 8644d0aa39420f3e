"""B2: the ring of success rates equals a window over a list of everything, for any schedule."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from trunkline.policy.breaker import Breaker, BreakerRules

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

RULES = BreakerRules(consecutive=None, minimum=20, spread=0.0)
BUCKET = RULES.window / 10


def play(seed: int) -> int:
    """One random schedule, by the breaker and by a list; how often it tripped."""
    chance = random.Random(seed)
    breaker, samples, now = Breaker(RULES), list[tuple[int, bool]](), chance.uniform(0, 1e6)
    failing, pace, trips = chance.uniform(0.2, 0.8), chance.choice([0.01, 0.3, 2.0, 8.0]), 0
    for _ in range(150):
        now += chance.expovariate(1 / pace)
        if chance.random() < 0.02:
            failing = chance.random()
        failed = chance.random() < failing
        tripped = breaker.end(breaker.begin(now), "hard" if failed else "success", now, chance)
        slot = int(now / BUCKET)
        samples.append((slot, failed))
        inside = [f for s, f in samples if s > slot - 10]
        successes = inside.count(False)
        # Only a failure can be what is too much.
        expected = failed and len(inside) >= 20 and successes / len(inside) < 0.5
        assert (tripped is not None) == expected, (seed, now)
        if tripped is not None:
            trips += 1
            samples.clear()
            now = tripped.until
            breaker.end(breaker.begin(now), "success", now, chance)
    return trips


def test_b2_the_ring_equals_a_plain_window() -> None:
    assert sum(play(seed) for seed in range(300)) > 100


@pytest.mark.nightly
def test_b2_the_ring_equals_a_plain_window_in_ten_thousand_schedules(figure: Figure) -> None:
    assert sum(play(seed) for seed in range(10_000)) > 3000
    figure("schedules decided alike", 10_000, least=10_000)
