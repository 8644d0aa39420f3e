"""B6: a thousand clients that hang up say nothing about the target."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from trunkline.policy.breaker import Breaker, BreakerRules
from trunkline.policy.health import Health, Site
from trunkline.policy.outcome import NEUTRAL, SUCCESS, classify

if TYPE_CHECKING:
    from trunkline.policy.outcome import OutcomeHealth

SITE = Site("p/m@chat", "https://p", "p#0", "p/m", BreakerRules())


def test_b6_cancelled_sends_eject_nobody_and_count_for_nothing() -> None:
    health = Health(random.Random(1))
    for n in range(1000):
        assert health.end(health.begin(SITE, n / 100), NEUTRAL, n / 100) == []
    assert health.excluded(SITE, 10.0) is None
    deadline = classify("deadline", None, "sent", None)
    assert health.end(health.begin(SITE, 10.0), deadline, 10.0) == []
    assert health.end(health.begin(SITE, 10.0), SUCCESS, 10.0) == []
    assert health.calm


def test_b6_the_success_rate_is_what_it_is_without_them() -> None:
    """Eleven failures of twenty-one eject, ten of twenty do not, whatever is cancelled."""
    chance = random.Random(1)
    breaker = Breaker(BreakerRules(consecutive=None))
    outcomes: tuple[OutcomeHealth, ...] = ("success", "hard")
    for health in sorted(outcomes * 10, reverse=True):
        for _ in range(50):
            assert breaker.end(breaker.begin(1.0), "neutral", 1.0, chance) is None
        assert breaker.end(breaker.begin(1.0), health, 1.0, chance) is None
    assert breaker.end(breaker.begin(1.0), "hard", 1.0, chance) is not None
