"""Budgets: money in the windows of the UTC calendar."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.policy.budgets import BudgetRule, Window, bounds, is_low, worth_waiting
from trunkline.policy.limiter import Limiter
from trunkline.store import Refused

KEY = "198cfbeeb3c6b26cd414d92ffc2b67ad"
WINDOWS: list[Window] = ["hour", "day", "week", "month"]


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("window", "moment", "start", "end"),
    [
        ("hour", "2026-11-22T21:46:53", "2026-11-22T21:00", "2026-11-22T22:00"),
        ("day", "2026-11-22T21:46:53", "2026-11-22", "2026-11-23"),
        ("week", "2026-11-22T21:46:53", "2026-11-16", "2026-11-23"),
        ("week", "2026-11-23T00:00:00", "2026-11-23", "2026-11-30"),
        ("month", "2026-11-22T21:46:53", "2026-11-01", "2026-12-01"),
        ("month", "2026-12-31T23:59:59", "2026-12-01", "2027-01-01"),
        ("month", "2028-02-29T12:00:00", "2028-02-01", "2028-03-01"),
        ("month", "2027-01-31T12:00:00", "2027-01-01", "2027-02-01"),
        ("day", "2026-11-22T00:00:00", "2026-11-22", "2026-11-23"),
    ],
)
def test_where_a_window_begins_and_ends(window: Window, moment: str, start: str, end: str) -> None:
    assert bounds(window, at(moment)) == (at(start), at(end))


@given(st.sampled_from(WINDOWS), st.floats(0, 4e9))
def test_every_moment_lies_in_one_window_and_its_end_in_the_next(
    window: Window, epoch: float
) -> None:
    start, end = bounds(window, epoch)
    assert start <= epoch < end
    assert bounds(window, start) == (start, end)
    assert bounds(window, end)[0] == end
    assert datetime.fromtimestamp(start, UTC).hour == 0 or window == "hour"


def test_a_budget_is_one_claim_on_its_window() -> None:
    rule = BudgetRule("team", 1_000_000, "day")
    claim = rule.claim("ann", 20_000, at("2026-11-22T21:00"))
    assert claim[1:] == (
        "window",
        20_000,
        1_000_000,
        0.0,
        0.0,
        at("2026-11-22"),
        at("2026-11-23"),
        False,
    )


def test_budgets_subjects_and_windows_have_counters_of_their_own() -> None:
    claims = [
        BudgetRule(name, 1, window).claim(subject, 1, 0.0)
        for name in ("a", "b")
        for window in WINDOWS
        for subject in ("x", "y", "a", ":")
    ]
    assert len({claim.key for claim in claims}) == len(claims)


def test_keys_stay_as_they_are_from_release_to_release() -> None:
    """A month outlives the process that counts it."""
    assert BudgetRule("team", 1, "month").claim("ann", 1, 0.0).key == KEY


def test_a_window_keeps_its_counter_as_the_day_goes_on_and_is_full_again_the_next_day() -> None:
    rule, limiter = BudgetRule("team", 100, "day"), Limiter()
    for hour, reservation in ((1, "a"), (23, "b")):
        epoch = at(f"2026-11-22T{hour:02}:00")
        assert limiter.reserve(reservation, [rule.claim("", 50, epoch)], 0.0, epoch) is None
    assert limiter.reserve("c", [rule.claim("", 1, epoch)], 0.0, epoch) == Refused(0, 3600.0)
    tomorrow = epoch + 3600
    assert limiter.reserve("d", [rule.claim("", 100, tomorrow)], 0.0, tomorrow) is None


def test_a_budget_is_low_from_four_fifths_on() -> None:
    rule = BudgetRule("team", 100, "day")
    assert [is_low(rule, used) for used in (0, 79, 80, 100, 130)] == [False] * 2 + [True] * 3
    assert is_low(BudgetRule("team", 100, "day", alert=0.5), 50)


def test_nobody_is_told_to_wait_for_more_than_an_hour() -> None:
    assert worth_waiting(Refused(0, 3600.0)) == 3600.0
    assert worth_waiting(Refused(0, 3600.5)) is None
    assert worth_waiting(Refused(0, 0.0)) == 0.0
    assert worth_waiting(Refused(0, None)) is None


def test_a_model_without_a_price_is_let_through_only_if_the_budget_says_so() -> None:
    assert not BudgetRule("team", 1, "day").unpriced_allowed
    assert BudgetRule("team", 1, "day").alert == 0.8
