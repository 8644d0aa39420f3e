"""Averages that believe bad news at once, and quantiles of what was measured lately."""

from __future__ import annotations

from math import exp, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.policy.latency import PeakEwma, Quantiles, peak_cost


def test_a_peak_counts_at_once_and_good_news_by_and_by() -> None:
    average = PeakEwma(decay=10.0)
    assert average.estimate(0.0) is None
    average.observe(0.2, 0.0)
    average.observe(2.0, 1.0)
    assert average.estimate(1.0) == 2.0
    average.observe(0.2, 11.0)
    kept = exp(-1)
    assert average.estimate(11.0) == pytest.approx(2.0 * kept + 0.2 * (1 - kept))


def test_one_that_nobody_asks_becomes_attractive_again() -> None:
    average = PeakEwma(decay=10.0)
    average.observe(2.0, 0.0)
    assert average.estimate(10.0) == pytest.approx(2.0 * exp(-1))
    assert average.estimate(1e6) == pytest.approx(1e-6)


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0.001, 100)), min_size=1))
def test_an_average_lies_within_what_was_measured(measured: list[tuple[float, float]]) -> None:
    average, now = PeakEwma(), 0.0
    for pause, seconds in measured:
        now += pause
        average.observe(seconds, now)
        estimate = average.estimate(now)
        assert estimate is not None
        assert seconds <= estimate * (1 + 1e-9)
        assert estimate <= max(s for _, s in measured) * (1 + 1e-9)


def test_cost_is_latency_times_what_is_under_way() -> None:
    assert peak_cost(0.5, 0) == 0.5
    assert peak_cost(0.5, 3) == 2.0
    assert peak_cost(None, 0) == 0
    assert peak_cost(None, 1) == inf


def test_quantiles_are_of_the_last_seconds_and_need_enough_of_them() -> None:
    quantiles = Quantiles(seconds=10.0, most=100)
    for n in range(1, 21):
        assert quantiles.at(0.95, 0.0) is None
        quantiles.observe(float(n), 0.0)
    assert quantiles.at(0.95, 9.9) == 19.0
    assert quantiles.at(0.5, 9.9) == 10.0
    assert quantiles.at(0.0, 9.9) == 1.0
    assert quantiles.at(1.0, 9.9) == 20.0
    assert quantiles.at(0.95, 10.0) is None
    assert quantiles.at(0.95, 10.0, least=0) is None


def test_quantiles_are_of_the_last_values() -> None:
    quantiles = Quantiles(most=20)
    for n in range(100):
        quantiles.observe(float(n), 0.0)
    assert quantiles.at(0.0, 0.0) == 80.0
