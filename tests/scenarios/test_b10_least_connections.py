"""B10: least-connections over four equal targets for forty minutes: nobody gets the lot."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.policy.test_pick import View
from trunkline.policy.pick import strategy

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure


def simulate(minutes: float, seed: int, strays: float = 0.05) -> Counter[int]:
    """Requests as they come, answers of very different lengths, some of them cancelled."""
    chance, loads = random.Random(seed), [0, 0, 0, 0]
    chosen = strategy("least_connections", (1, 1, 1, 1))
    served: Counter[int] = Counter()
    ends: list[tuple[float, int]] = []
    now = 0.0
    while now < minutes * 60:
        now += chance.expovariate(8.0)
        while ends and ends[0][0] <= now:
            loads[heapq.heappop(ends)[1]] -= 1
        assert min(loads) >= 0
        index = chosen.pick((), View(loads), chance)
        assert index is not None
        served[index] += 1
        loads[index] += 1
        length = 0.0 if chance.random() < strays else chance.lognormvariate(0.5, 1.2)
        heapq.heappush(ends, (now + length, index))
    return served


@pytest.mark.parametrize("seed", [1, 2])
def test_b10_forty_minutes_are_shared_evenly(seed: int, figure: Figure) -> None:
    served = simulate(40, seed)
    figure("largest share of four", max(served.values()) / sum(served.values()), "%", most=0.27)
    assert max(served.values()) <= 0.27 * sum(served.values())
    assert sum(served.values()) > 18_000
