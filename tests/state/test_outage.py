"""What one process does on its own while a store is away, and what it tells it afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from tests.state.stores import CrankedClock
from trunkline.policy.state_settings import StateSettings
from trunkline.state.outage import BACKLOG, Outage
from trunkline.store import Change, Claim, Refused, StoreDownError


def bucket(amount: int = 1, capacity: int = 10, rate: float = 1.0) -> Claim:
    return Claim("b", "bucket", amount, capacity, rate)


def money(amount: int = 10, capacity: int = 100, start: float = 0.0) -> Claim:
    return Claim("w", "window", amount, capacity, start=start, end=start + 100.0)


LEASE = Claim("l", "lease", 1, 10, ttl=60.0)


def outage(**settings: Any) -> Outage:
    made = Outage(StateSettings(**{"replicas": 2, **settings}), CrankedClock(0.0, 50.0))
    made.begin()
    return made


def taken(away: Outage, claim: Claim, names: str = "x") -> int:
    asked = [away.reserve(f"{names}{n}", [claim], 2.0) for n in range(50)]
    return asked.count(None)


def test_a_limit_is_divided_by_the_processes() -> None:
    away = outage()
    assert (taken(away, bucket(), "b"), taken(away, LEASE, "l")) == (5, 5)


def test_a_budget_is_divided_by_what_was_left_of_it() -> None:
    away = outage()
    away.learn("w", 0.0, 40)
    assert away.left(money()) == 60
    assert taken(away, money()) == 3


def test_a_budget_that_was_never_heard_of_or_is_of_a_new_window_is_whole() -> None:
    away = outage()
    assert away.left(money()) is None
    assert taken(away, money(), "a") == 5
    away.learn("w", 0.0, 100)
    assert taken(away, money(start=100.0), "b") == 5
    assert away.left(money(start=100.0)) == 100


def test_a_budget_that_is_used_up_stays_so() -> None:
    away = outage()
    away.learn("w", 0.0, 130)
    assert taken(away, money()) == 0


def test_what_is_more_than_the_share_may_be_met_when_the_store_is_back() -> None:
    away = outage()
    assert away.reserve("a", [LEASE, bucket(6)], 1.5) == Refused(1, 1.5)
    assert away.reserve("b", [bucket(11)], 1.5) == Refused(0, None)
    assert taken(away, LEASE) == 5


@pytest.mark.parametrize("budget", [True, False])
def test_closed_refuses_and_takes_nothing(budget: bool) -> None:
    away = outage(**{f"on_down_{'budgets' if budget else 'limits'}": "closed"})
    with pytest.raises(StoreDownError) as refused:
        away.reserve("a", [bucket(), money()], 2.0)
    assert refused.value.budget is budget
    rest = bucket() if budget else money()
    assert taken(away, rest) == 5


def test_open_lets_through_and_is_told_all_the_same() -> None:
    away = outage(on_down_limits="open", on_down_budgets="open")
    assert taken(away, money(1000)) == 50
    assert away.settle("x0", [Change(money(1000), 700)])
    assert [changes for _, changes in away.owed()] == [[Change(money(1000), 700)]]


def test_what_was_used_is_told_once_under_a_name_of_its_own_and_leases_are_not() -> None:
    away = outage()
    claims = [bucket(2), LEASE, money(10)]
    assert away.reserve("a", claims, 2.0) is None
    assert away.settle("a", [Change(claims[0], 1)])
    assert away.settle("a", [Change(claims[1], 0), Change(claims[2], 7), Change(claims[0], 1)])
    assert not away.settle("a", [Change(claims[2], 7)])
    assert not away.settle("of the store", [Change(claims[2], 7)])
    told = away.owed()
    assert [changes for _, changes in told] == [[Change(claims[0], 1)], [Change(claims[2], 7)]]
    assert len({name for name, _ in told}) == 2
    assert away.owed() == []


def test_what_was_refunded_is_not_told() -> None:
    away = outage()
    assert away.reserve("a", [bucket()], 2.0) is None
    assert away.settle("a", [Change(bucket(), 0)])
    assert away.owed() == []


def test_a_bucket_that_has_filled_since_is_not_told() -> None:
    clock = CrankedClock(0.0)
    away = Outage(StateSettings(), clock)
    for name in "ab":
        assert away.reserve(name, [bucket()], 2.0) is None
        assert away.settle(name, [Change(bucket(), 1)])
        clock.now += 6.0
    assert len(away.owed()) == 1


def test_a_second_outage_counts_what_was_spent_in_the_first() -> None:
    away = outage()
    away.learn("w", 0.0, 0)
    assert taken(away, money()) == 5
    for n in range(5):
        away.settle(f"x{n}", [Change(money(), 10)])
    assert away.left(money()) == 50
    away.begin()
    assert taken(away, money(), "y") == 2


def test_what_waits_is_bounded_and_what_is_given_up_is_counted() -> None:
    away = outage(on_down_limits="open")
    for n in range(BACKLOG + 5):
        assert away.reserve(str(n), [bucket()], 2.0) is None
        assert away.settle(str(n), [Change(bucket(), 1)])
    assert (len(away.owed()), away.lost) == (BACKLOG, 5)
