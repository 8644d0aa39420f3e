"""The adaptive limit: grows only when it is used, shrinks when told to, keeps to its bounds."""

from __future__ import annotations

import pytest

from trunkline.policy.adaptive import AdaptiveLimit


def windows(limit: AdaptiveLimit, count: int, seconds: float, begin: int = 0) -> None:
    """So many windows of twenty answers each."""
    for second in range(begin, begin + count):
        for n in range(20):
            limit.ended(seconds, second + n / 20)


def test_a_limit_that_nobody_reaches_does_not_grow() -> None:
    limit = AdaptiveLimit(initial=10)
    assert limit.admits(3)
    windows(limit, 20, 0.2)
    assert limit.limit == 10


def test_a_limit_that_is_reached_grows_while_latency_stays() -> None:
    limit = AdaptiveLimit(initial=10, most=12)
    assert not limit.admits(10)
    windows(limit, 2, 0.2)
    assert limit.limit == pytest.approx(10 + 10**0.5 / 2)
    for second in range(2, 20):
        limit.admits(11)
        windows(limit, 1, 0.2, second)
    assert limit.limit == 12


def test_overload_takes_a_fifth_a_window_down_to_the_least() -> None:
    limit = AdaptiveLimit(initial=10, least=2)
    limit.ended(0.1, 0.0, overloaded=True)
    assert limit.limit == 10
    limit.ended(0.1, 1.0, overloaded=True)
    assert limit.limit == pytest.approx(8)
    for second in range(2, 30):
        limit.ended(0.1, float(second), overloaded=True)
    assert limit.limit == 2


def test_a_few_answers_change_nothing() -> None:
    limit = AdaptiveLimit(initial=10)
    for second in range(9):
        limit.admits(9)
        limit.ended(1.0, float(second))
    assert limit.limit == 10


def test_every_half_minute_half_is_let_through() -> None:
    limit = AdaptiveLimit(initial=10)
    windows(limit, 31, 0.2)
    assert limit.limit == 5
    assert not limit.admits(5)
    windows(limit, 2, 0.2, 31)
    assert limit.limit == 10
