"""B5: ejections get longer one after the other, health makes them short again, and a target
comes back by and by."""

from __future__ import annotations

import random

import pytest

from trunkline.policy.breaker import Breaker, BreakerRules

CHANCE = random.Random(5)


def eject(breaker: Breaker, now: float) -> float:
    """Fail until it trips, or the probe once; how long the ejection is."""
    while True:
        tripped = breaker.end(breaker.begin(now), "hard", now, CHANCE)
        if tripped is not None:
            return tripped.until - now


def restore(breaker: Breaker) -> float:
    breaker.end(breaker.begin(breaker.until), "success", breaker.until, CHANCE)
    return breaker.until


def test_b5_probes_that_fail_double_the_time_up_to_three_hundred_seconds() -> None:
    for _ in range(100):
        breaker, now = Breaker(BreakerRules()), 1000.0
        for full in (10, 20, 40, 80, 160, 300, 300, 300):
            length = eject(breaker, now)
            assert 0.8 * full <= length <= 1.2 * full
            now = breaker.until


def test_b5_ejections_soon_after_one_another_double_too() -> None:
    breaker, now = Breaker(BreakerRules(spread=0.0)), 0.0
    for full in (10, 20, 40, 80, 160, 300, 300):
        assert eject(breaker, now) == pytest.approx(full)
        now = restore(breaker) + 1.0


def test_b5_every_healthy_minute_takes_one_doubling_back() -> None:
    for minutes, full in ((0.99, 320), (1, 160), (1.99, 160), (2, 80), (5, 10), (50, 10)):
        breaker, now = Breaker(BreakerRules(spread=0.0, most=320.0)), 0.0
        for _ in range(6):
            eject(breaker, now)
            now = breaker.until
        healthy = restore(breaker)
        assert eject(breaker, healthy + minutes * 60) == pytest.approx(full)


def test_b5_the_way_back_is_a_ramp_of_thirty_seconds() -> None:
    breaker = Breaker(BreakerRules(spread=0.0))
    assert breaker.weight(0.0) == 1.0
    eject(breaker, 0.0)
    back = restore(breaker)
    shares = [breaker.weight(back + second) for second in (0, 10, 15, 29.9, 30, 31)]
    assert shares == pytest.approx([0.1, 0.4, 0.55, 0.997, 1.0, 1.0])
