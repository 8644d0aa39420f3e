"""L2: whatever the arrivals, no window of 60 s admits more than the limit and the burst."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.policy.limiter import Limiter
from trunkline.policy.limits import LimitRule, Quota

gaps = st.lists(
    st.one_of(st.just(0.0), st.floats(0, 2), st.floats(0, 90), st.floats(-5, 5)), max_size=200
)


def admitted(rule: LimitRule, arrivals: list[float]) -> list[float]:
    limiter = Limiter()
    claims = rule.claims("", 0, 0, 0.0)
    return [
        now
        for place, now in enumerate(arrivals)
        if limiter.reserve(str(place), claims, now, 0.0) is None
    ]


@pytest.mark.parametrize(
    ("caller", "limit", "burst"), [(True, 5, 5), (False, 5, 1), (False, 60, 6), (True, 60, 60)]
)
@settings(max_examples=1000)
@given(steps=gaps)
def test_l2_no_window_admits_more_than_limit_and_burst(
    caller: bool, limit: int, burst: int, steps: list[float]
) -> None:
    now, latest, arrivals = 0.0, 0.0, []
    for step in steps:
        now = max(0.0, now + step)
        latest = max(latest, now)
        arrivals.append(latest)
    rule = LimitRule("l2", (Quota("requests", limit, 60.0),), caller=caller)
    times = admitted(rule, arrivals)
    for place, start in enumerate(times):
        # The window is half open: what falls on its end is in the next one.
        assert bisect_left(times, start + 60.0) - place <= limit + burst


@pytest.mark.parametrize(("caller", "at_once"), [(True, 5), (False, 1)])
def test_l2_the_burst_is_admitted_at_once_and_then_the_rate(caller: bool, at_once: int) -> None:
    rule = LimitRule("l2", (Quota("requests", 5, 60.0),), caller=caller)
    times = admitted(rule, [0.0] * 10 + [n / 10 for n in range(1, 3000)])
    assert times.count(0.0) == at_once
    assert times[at_once:] == pytest.approx([12.0 * n for n in range(1, 25)], abs=0.11)
