"""Adaptive throttling: nothing is refused while half is accepted, nearly all when nothing is."""

from __future__ import annotations

import random

import pytest

from trunkline.policy.throttle import AdaptiveThrottle


def test_nothing_is_refused_while_half_is_accepted() -> None:
    throttle, chance = AdaptiveThrottle(), random.Random(1)
    for second in range(300):
        for n in range(10):
            assert not throttle.rejects(second, chance)
            throttle.asked(second)
            if n % 2:
                throttle.accepted(second)


def test_the_chance_is_that_of_the_book() -> None:
    throttle = AdaptiveThrottle()
    for n in range(99):
        throttle.asked(1.0)
        if n < 10:
            throttle.accepted(1.0)
    assert throttle.probability(1.0) == pytest.approx((99 - 2 * 10 - 10) / 100)
    assert AdaptiveThrottle(spare=0.0).probability(1.0) == 0


def test_a_few_failures_turn_nobody_away() -> None:
    throttle = AdaptiveThrottle()
    for _ in range(10):
        throttle.asked(1.0)
    assert throttle.probability(1.0) == 0
    throttle.asked(1.0)
    assert throttle.probability(1.0) > 0


def test_an_outage_lets_few_through_and_ends_two_minutes_after_it() -> None:
    throttle, chance = AdaptiveThrottle(), random.Random(1)
    sent = 0
    for _ in range(1000):
        sent += not throttle.rejects(50.0, chance)
        throttle.asked(50.0)
    assert sent < 80
    assert throttle.probability(165.0) > 0.9
    assert throttle.probability(171.0) == 0


def test_the_provider_gets_about_twice_what_it_accepts() -> None:
    throttle, chance = AdaptiveThrottle(), random.Random(1)
    sent = accepted = 0
    for tenth in range(6000):
        now = tenth / 10
        refused = throttle.rejects(now, chance)
        throttle.asked(now)
        if refused:
            continue
        # The provider takes one of every five that it gets.
        sent += 1
        if sent % 5 == 0:
            throttle.accepted(now)
            accepted += 1
    # A fifth of what is sent is accepted, and two times the accepted are let through and more
    # only by chance: the fixed point is far below the 6,000 that were asked.
    assert sent < 600
    assert accepted == sent // 5
