"""Hedges are few and come late: for five in a hundred requests, after the usual time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trunkline.policy.hedging import HedgeBudget, hedge_delay


def test_a_second_target_is_asked_when_the_first_takes_longer_than_usual() -> None:
    assert hedge_delay(0.2) == 0.5
    assert hedge_delay(1.7) == 1.7
    assert hedge_delay(0.2, least=0.1) == 0.2


def test_nobody_is_asked_twice_before_it_is_known_what_is_usual() -> None:
    assert hedge_delay(None) is None


def test_five_in_a_hundred_and_none_for_nothing() -> None:
    budget = HedgeBudget()
    assert not budget.withdraw(0.0)
    for _ in range(100):
        budget.deposit(0.0)
    assert [budget.withdraw(59.9) for _ in range(6)] == [True] * 5 + [False]
    assert not budget.withdraw(60.1)


@given(st.lists(st.tuples(st.floats(0, 20), st.booleans()), max_size=300))
def test_hedges_never_exceed_their_share(schedule: list[tuple[float, bool]]) -> None:
    budget, now = HedgeBudget(share=0.2), 0.0
    sends: list[float] = []
    hedges: list[float] = []
    for pause, hedge in schedule:
        now += pause
        budget.deposit(now)
        sends.append(now)
        if hedge and budget.withdraw(now):
            hedges.append(now)
            in_time = sum(1 for at in sends if at > now - 60)
            assert sum(1 for at in hedges if at > now - 59.9) <= 0.2 * in_time + 1e-9
