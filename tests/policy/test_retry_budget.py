"""Property 9: retries stay within their share of what is asked, in every ten seconds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.policy.retry_budget import RetryBudget

steps = st.lists(
    st.tuples(st.sampled_from([0.0, 0.01, 0.05, 0.1, 0.3, 1.0, 4.0, 9.95, 30.0]), st.booleans()),
    max_size=300,
)


@given(steps, st.floats(0, 1e6))
def test_in_the_ten_seconds_that_end_at_a_retry_there_are_few(
    schedule: list[tuple[float, bool]], now: float
) -> None:
    check(schedule, now)


@pytest.mark.nightly
@settings(max_examples=50_000)
@given(steps, st.floats(0, 1e6))
def test_in_the_ten_seconds_that_end_at_a_retry_there_are_few_however_often_one_looks(
    schedule: list[tuple[float, bool]], now: float
) -> None:
    check(schedule, now)


def check(schedule: list[tuple[float, bool]], now: float) -> None:
    budget = RetryBudget()
    firsts: list[float] = []
    retries: list[float] = []
    for pause, retry in schedule:
        now += pause
        if not retry:
            budget.deposit(now)
            firsts.append(now)
        elif budget.withdraw(now):
            retries.append(now)
            # The window may be a slice shorter, at its old end, than ten seconds.
            asked = sum(1 for at in firsts if at > now - 10)
            made = sum(1 for at in retries if at > now - 9.9)
            assert made <= 0.1 * asked + 10 + 1e-9
            assert budget.balance(now) >= -1e-9


def test_ten_first_attempts_pay_for_one_retry() -> None:
    budget = RetryBudget(reserve=0.0)
    for _ in range(9):
        budget.deposit(5.0)
    assert not budget.withdraw(5.0)
    budget.deposit(5.0)
    assert budget.withdraw(5.0)
    assert not budget.withdraw(5.0)


def test_the_reserve_is_one_a_second() -> None:
    budget = RetryBudget()
    assert [budget.withdraw(100.0) for _ in range(12)] == [True] * 10 + [False] * 2
    assert not budget.withdraw(109.85)
    assert [budget.withdraw(110.05) for _ in range(12)] == [True] * 10 + [False] * 2


def test_what_was_asked_long_ago_pays_for_nothing() -> None:
    budget = RetryBudget(share=0.5, reserve=0.0, ttl=2.0)
    for _ in range(10):
        budget.deposit(3.0)
    assert budget.balance(4.85) == pytest.approx(5.0)
    assert budget.withdraw(4.85)
    assert not budget.withdraw(5.05)


def test_a_share_of_none_leaves_the_reserve() -> None:
    budget = RetryBudget(share=0.0, reserve=0.1)
    for _ in range(1000):
        budget.deposit(1.0)
    assert budget.withdraw(1.0)
    assert not budget.withdraw(1.0)


def test_what_was_taken_is_back_ten_seconds_and_a_slice_later_at_most() -> None:
    budget = RetryBudget()
    for _ in range(10):
        assert budget.withdraw(103.37)
    assert not budget.withdraw(113.25)
    assert budget.withdraw(113.35)


def test_a_share_is_taken_as_it_is_written() -> None:
    """In binary, 100 times 0.29 is a little less than 29."""
    budget = RetryBudget(share=0.29, reserve=0.0)
    for _ in range(100):
        budget.deposit(1.0)
    assert [budget.withdraw(1.0) for _ in range(30)] == [True] * 29 + [False]


def test_a_time_shorter_than_a_slice_is_a_slice() -> None:
    budget = RetryBudget(share=1.0, reserve=0.0, ttl=0.04)
    budget.deposit(1.0)
    assert budget.withdraw(1.0)
    budget.deposit(2.0)
    assert not budget.withdraw(2.05)
