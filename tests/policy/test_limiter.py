"""Counters in memory: all of a reservation or nothing of it, exact waits, nothing kept forever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.policy.limiter import HOLD, Limiter
from trunkline.policy.limits import refund
from trunkline.store import Change, Claim, Refused


def bucket(amount: int = 1, capacity: int = 5, rate: float = 0.5, key: str = "b") -> Claim:
    return Claim(key, "bucket", amount, capacity, rate)


def lease(capacity: int = 2, ttl: float = 10.0, key: str = "l") -> Claim:
    return Claim(key, "lease", 1, capacity, ttl=ttl)


def window(amount: int, capacity: int = 100, start: float = 0.0, key: str = "w") -> Claim:
    return Claim(key, "window", amount, capacity, start=start, end=start + 100.0)


def take(limiter: Limiter, name: str, *claims: Claim, now: float = 0.0, epoch: float = 0.0):
    return limiter.reserve(name, claims, now, epoch)


def test_a_bucket_holds_its_burst_and_says_exactly_when_there_is_more() -> None:
    limiter = Limiter()
    assert [take(limiter, str(n), bucket()) for n in range(5)] == [None] * 5
    assert take(limiter, "6", bucket()) == Refused(0, 2.0)
    assert take(limiter, "7", bucket(), now=1.5) == Refused(0, 0.5)
    assert take(limiter, "8", bucket(), now=1.999) is not None
    assert take(limiter, "9", bucket(), now=2.0) is None


@given(
    st.integers(1, 10**6),
    st.integers(1, 10**6),
    st.floats(1e-3, 1e5),
    st.floats(0, 1e7),
    st.integers(1, 10**6),
)
def test_whoever_waits_as_long_as_it_was_told_is_let_in_and_not_much_before(
    capacity: int, amount: int, rate: float, now: float, more: int
) -> None:
    limiter = Limiter()
    amount, more = min(amount, capacity), min(more, capacity)
    assert take(limiter, "a", bucket(amount, capacity, rate), now=now) is None
    refused = take(limiter, "b", bucket(more, capacity, rate), now=now)
    if amount + more <= capacity:
        assert refused is None
        return
    assert refused is not None
    wait = refused.retry_after
    assert wait is not None
    assert take(limiter, "c", bucket(more, capacity, rate), now=now + wait * 0.9) is not None
    assert take(limiter, "d", bucket(more, capacity, rate), now=now + wait + 1e-6) is None


def test_a_bucket_never_holds_more_than_its_capacity() -> None:
    limiter = Limiter()
    take(limiter, "a", bucket())
    assert limiter.left(bucket(), 1e6) == 5
    take(limiter, "b", bucket(3), now=1e6)
    limiter.settle("b", [Change(bucket(3), 0)], 1e6 + 4, 0.0)
    assert limiter.left(bucket(), 1e6 + 4) == 5


def test_more_than_the_capacity_can_never_be_met() -> None:
    assert take(Limiter(), "a", bucket(6)) == Refused(0, None)
    assert take(Limiter(), "a", bucket(5)) is None
    assert take(Limiter(), "a", lease(0)) == Refused(0, None)
    assert take(Limiter(), "a", window(101)) == Refused(0, None)
    assert take(Limiter(), "a", window(100)) is None


def test_a_bucket_that_never_fills_says_so() -> None:
    limiter = Limiter()
    assert take(limiter, "a", bucket(5, rate=0.0)) is None
    assert take(limiter, "b", bucket(1, rate=0.0), now=1e9) == Refused(0, None)


def test_a_capacity_that_was_lowered_holds_at_once() -> None:
    limiter = Limiter()
    take(limiter, "a", bucket(1, 100))
    assert take(limiter, "b", bucket(11, 10)) == Refused(0, None)
    assert take(limiter, "c", bucket(10, 10)) is None
    assert limiter.left(bucket(1, 100), 0.0) == 0


def test_settling_gives_back_what_was_not_used_and_takes_what_was_used_beyond() -> None:
    limiter = Limiter()
    take(limiter, "a", bucket(3))
    limiter.settle("a", [Change(bucket(3), 1)], 0.0, 0.0)
    assert limiter.left(bucket(), 0.0) == 4
    take(limiter, "b", bucket(4))
    limiter.settle("b", [Change(bucket(4), 9)], 0.0, 0.0)
    assert limiter.left(bucket(), 0.0) == -5
    assert take(limiter, "c", bucket(), now=0.0) == Refused(0, 12.0)


def test_settling_twice_or_what_was_never_reserved_changes_nothing() -> None:
    limiter = Limiter()
    claims = [bucket(3), lease(), window(60)]
    assert limiter.reserve("a", claims, 0.0, 0.0) is None
    for _ in range(3):
        limiter.settle("a", refund(claims), 0.0, 0.0)
        limiter.settle("b", [Change(claim, 99) for claim in claims], 0.0, 0.0)
        assert [limiter.left(claim, 0.0) for claim in claims] == [5, 2, 100]
    assert limiter.open == 0


def test_a_reservation_may_be_settled_in_parts() -> None:
    limiter = Limiter()
    claims = [bucket(3), lease()]
    limiter.reserve("a", claims, 0.0, 0.0)
    limiter.settle("a", [Change(lease(), 0)], 0.0, 0.0)
    assert ([limiter.left(claim, 0.0) for claim in claims], limiter.open) == ([2, 2], 1)
    limiter.settle("a", [Change(bucket(3), 1), Change(lease(), 0)], 0.0, 0.0)
    assert ([limiter.left(claim, 0.0) for claim in claims], limiter.open) == ([4, 2], 0)


def test_what_was_not_claimed_is_not_settled() -> None:
    limiter = Limiter()
    limiter.reserve("a", [bucket(3)], 0.0, 0.0)
    limiter.settle("a", [Change(window(5), 50), Change(bucket(3), 1)], 0.0, 0.0)
    assert limiter.left(window(5), 0.0) == 100
    assert limiter.left(bucket(), 0.0) == 4


@pytest.mark.parametrize("place", [0, 1, 2])
def test_all_of_a_reservation_is_taken_or_nothing(place: int) -> None:
    limiter = Limiter()
    claims = [bucket(3), lease(), window(60)]
    blocked = [bucket(5), lease(1), window(100)][place]
    assert limiter.reserve("first", [blocked], 0.0, 10.0) is None
    if place == 1:
        claims[1] = lease(1)
    before = [limiter.left(claim, 0.0) for claim in claims]
    refused = limiter.reserve("second", claims, 0.0, 10.0)
    assert refused == Refused(place, [6.0, 10.0, 90.0][place])
    assert [limiter.left(claim, 0.0) for claim in claims] == before
    limiter.settle("second", refund(claims), 0.0, 10.0)
    assert [limiter.left(claim, 0.0) for claim in claims] == before


def test_the_first_claim_that_fails_is_named() -> None:
    claims = [bucket(), bucket(6, key="x"), bucket(7, key="y")]
    assert Limiter().reserve("a", claims, 0.0, 0.0) == Refused(1, None)


def test_a_counter_claimed_twice_is_a_mistake_and_takes_nothing() -> None:
    limiter = Limiter()
    with pytest.raises(ValueError, match=r"^a counter is claimed twice"):
        limiter.reserve("a", [bucket(1, key="x"), bucket(), bucket()], 0.0, 0.0)
    assert limiter.left(bucket(), 0.0) == limiter.left(bucket(key="x"), 0.0) == 5
    assert limiter.open == 0


def test_a_reservation_that_is_open_takes_nothing_more() -> None:
    limiter = Limiter()
    for _ in range(3):
        assert take(limiter, "a", bucket(2)) is None
    assert limiter.left(bucket(), 0.0) == 3


def test_leases_are_returned_or_run_out() -> None:
    limiter = Limiter()
    assert take(limiter, "a", lease(ttl=10.0)) is None
    assert take(limiter, "b", lease(ttl=20.0), now=1.0) is None
    assert take(limiter, "c", lease(), now=4.0) == Refused(0, 6.0)
    assert take(limiter, "c", lease(), now=10.0) is None
    limiter.settle("a", [Change(lease(), 0)], 10.0, 0.0)
    assert take(limiter, "d", lease(), now=10.0) == Refused(0, 10.0)
    limiter.settle("c", [Change(lease(), 1)], 10.0, 0.0)
    assert take(limiter, "d", lease(ttl=50.0), now=10.0) is None
    assert take(limiter, "e", lease(), now=11.0) == Refused(0, 10.0)
    limiter.settle("b", [Change(lease(), 0)], 11.0, 0.0)
    limiter.settle("d", [Change(lease(), 0)], 11.0, 0.0)
    assert limiter.left(lease(), 11.0) == 2


def test_leases_of_fewer_places_than_are_held_say_when_the_next_is_free() -> None:
    limiter = Limiter()
    for name in "ab":
        take(limiter, name, lease())
    assert take(limiter, "c", lease(1), now=2.0) == Refused(0, 8.0)
    assert limiter.left(lease(1), 2.0) == -1


def test_time_that_steps_back_fills_nothing_and_frees_nothing() -> None:
    limiter = Limiter()
    for n in range(5):
        take(limiter, str(n), bucket(), now=100.0)
    for now in (50.0, 100.0, 0.0, 101.0):
        assert take(limiter, "x", bucket(), now=now) is not None
    assert take(limiter, "x", bucket(), now=50.0) == Refused(0, 52.0)
    assert take(limiter, "y", bucket(), now=102.0) is None

    take(limiter, "l", lease(1, ttl=10.0), now=100.0)
    take(limiter, "m", lease(1, ttl=10.0), now=200.0)
    limiter.settle("m", [Change(lease(1), 0)], 50.0, 0.0)
    take(limiter, "n", lease(1, ttl=10.0), now=50.0)
    assert take(limiter, "o", lease(1), now=209.0) == Refused(0, 1.0)


def test_an_older_window_is_not_opened_again() -> None:
    limiter = Limiter()
    assert take(limiter, "a", window(70, start=100.0), epoch=110.0) is None
    assert take(limiter, "b", window(40, start=0.0), epoch=90.0) == Refused(0, 110.0)
    assert take(limiter, "c", window(30, start=0.0), epoch=90.0) is None
    limiter.settle("c", [Change(window(30), 10)], 0.0, 90.0)
    assert limiter.left(window(0, start=100.0), 0.0) == 20
    assert take(limiter, "d", window(21, start=100.0), epoch=250.0) == Refused(0, 0.0)


def test_what_settles_after_its_window_changes_no_other_window() -> None:
    limiter = Limiter()
    take(limiter, "a", window(70, start=0.0))
    take(limiter, "b", window(10, start=100.0), epoch=100.0)
    limiter.settle("a", [Change(window(70), 0)], 0.0, 100.0)
    assert limiter.left(window(0, start=100.0), 0.0) == 90
    limiter.settle("b", [Change(window(10), 130)], 0.0, 100.0)
    assert limiter.left(window(0, start=100.0), 0.0) == -30
    assert limiter.left(window(0, start=200.0), 0.0) == 100


def test_idle_counters_go_and_those_that_are_owed_or_held_stay() -> None:
    limiter = Limiter()
    take(limiter, "a", bucket(5, key="idle"))
    take(limiter, "b", bucket(5, key="owed"))
    limiter.settle("b", [Change(bucket(5, key="owed"), 10)], 0.0, 0.0)
    take(limiter, "c", lease(ttl=30.0))
    take(limiter, "d", window(5))
    assert len(limiter) == 4
    take(limiter, "e", bucket(0, key="other"), now=9.9, epoch=9.9)
    assert len(limiter) == 5
    take(limiter, "f", bucket(0, key="other"), now=10.0, epoch=10.0)
    assert len(limiter) == 4
    take(limiter, "g", bucket(0, key="other"), now=20.0, epoch=20.0)
    assert len(limiter) == 3
    take(limiter, "h", bucket(0, key="other"), now=30.0, epoch=30.0)
    assert len(limiter) == 2
    take(limiter, "i", bucket(0, key="other"), now=199.9, epoch=199.9)
    assert limiter.left(window(0), 0.0) == 95
    take(limiter, "j", bucket(0, key="other"), now=201.0, epoch=201.0)
    assert len(limiter) == 1


def test_a_counter_that_was_dropped_can_still_be_settled() -> None:
    limiter = Limiter()
    take(limiter, "a", bucket(2))
    take(limiter, "b", bucket(1, key="x"), now=10.0)
    assert len(limiter) == 1
    limiter.settle("a", [Change(bucket(2), 4)], 10.0, 0.0)
    assert limiter.left(bucket(), 10.0) == 3


def test_one_reservation_looks_at_only_a_few_idle_counters() -> None:
    limiter = Limiter()
    for n in range(100):
        take(limiter, str(n), bucket(5, key=f"k{n}"))
    take(limiter, "x", bucket(key="x"), now=10.0)
    assert len(limiter) == 101 - 16
    for n in range(7):
        take(limiter, f"y{n}", bucket(0, key="x"), now=10.0)
    assert len(limiter) == 1


def test_a_bucket_that_never_fills_is_kept() -> None:
    limiter = Limiter()
    take(limiter, "a", bucket(5, rate=0.0))
    for n in range(5):
        take(limiter, str(n), bucket(0, key="x"), now=n * HOLD)
    assert limiter.left(bucket(rate=0.0), 5 * HOLD) == 0


def test_a_reservation_that_nobody_settles_is_forgotten_but_not_soon() -> None:
    limiter = Limiter()
    take(limiter, "a", bucket(1, rate=0.0), now=10.0)
    take(limiter, "b", bucket(0, key="x"), now=10.0 + HOLD)
    take(limiter, "a", bucket(1, rate=0.0), now=10.0 + HOLD)
    assert limiter.left(bucket(rate=0.0), 10.0 + HOLD) == 4
    limiter.settle("a", [Change(bucket(1, rate=0.0), 0)], 10.0 + HOLD, 0.0)
    assert limiter.left(bucket(rate=0.0), 10.0 + HOLD) == 5
    take(limiter, "c", bucket(1, rate=0.0), now=11.0 + HOLD)
    for n in (2, 3):
        take(limiter, f"z{n}", bucket(0, key="x"), now=11.0 + n * HOLD)
    limiter.settle("c", [Change(bucket(1, rate=0.0), 0)], 11.0 + 3 * HOLD, 0.0)
    assert limiter.left(bucket(rate=0.0), 11.0 + 3 * HOLD) == 4


operations = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 6), st.integers(-3, 8)),
    max_size=60,
)


@given(operations)
def test_grants_stay_within_capacity_and_refill_and_leases_within_places(
    made: list[tuple[int, int, int]],
) -> None:
    """Property 10: whatever is asked and settled, by a clock that jitters."""
    limiter, now, latest, granted = Limiter(), 0.0, 0.0, 0
    limiter.reserve("first", [bucket(0)], now, 0.0)
    held: list[str] = []
    for place, (what, amount, step) in enumerate(made):
        now += step
        latest = max(latest, now)
        name = str(place)
        claims = [bucket(amount), lease(3, ttl=1e9)]
        if what < 3:
            refused = limiter.reserve(name, claims, now, 0.0)
            if refused is None:
                granted += amount
                held.append(name)
        elif held:
            name = held.pop()
            limiter.settle(name, [Change(lease(3), 0)], now, 0.0)
        assert granted <= 5 + latest * 0.5 + 1e-5
        assert len(held) <= 3
        assert limiter.left(lease(3), latest) == 3 - len(held)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), min_size=1, max_size=8), st.data())
def test_taking_and_giving_back_commute(
    amounts: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Property 10: the order in which reservations settle does not matter."""
    order = data.draw(st.permutations(range(len(amounts))))
    levels = []
    for settled in (range(len(amounts)), order):
        limiter = Limiter()
        for place, (amount, _) in enumerate(amounts):
            take(limiter, str(place), bucket(amount, 100, 0.0), window(amount))
        for place in settled:
            amount, used = amounts[place]
            changes = [Change(bucket(amount, 100, 0.0), used), Change(window(amount), used)]
            limiter.settle(str(place), changes, 0.0, 0.0)
        levels.append((limiter.left(bucket(0, 100, 0.0), 0.0), limiter.left(window(0), 0.0)))
    spent = sum(used for _, used in amounts)
    assert levels == [(100 - spent, 100 - spent)] * 2


def test_what_was_used_without_asking_is_counted_once() -> None:
    limiter = Limiter()
    take(limiter, "a", bucket(3), window(10))
    for _ in range(2):
        changes = [Change(bucket(), 4), Change(window(0), 30), Change(lease(), 1)]
        limiter.charge("away", changes, 2.0, 0.0)
        assert limiter.left(bucket(), 2.0) == -1
        assert limiter.left(window(0), 2.0) == 60
        assert limiter.left(lease(), 2.0) == 2
    limiter.charge("first of all", [Change(bucket(key="new"), 2)], 2.0, 0.0)
    assert limiter.left(bucket(key="new"), 2.0) == 3
    take(limiter, "b", bucket(0, key="x"), now=2.0 + HOLD)
    limiter.charge("away", changes, 2.0 + HOLD, 0.0)
    assert limiter.left(window(0), 2.0) == 60


def test_what_was_used_counts_in_its_own_window_or_a_new_one_never_in_a_later_one() -> None:
    limiter = Limiter()
    limiter.charge("a", [Change(window(0, start=100.0), 30)], 0.0, 150.0)
    limiter.charge("b", [Change(window(0, start=0.0), 50)], 0.0, 150.0)
    assert limiter.left(window(0, start=100.0), 0.0) == 70
    limiter.charge("c", [Change(window(0, start=200.0), 5)], 0.0, 250.0)
    assert limiter.left(window(0, start=200.0), 0.0) == 95
    assert take(limiter, "d", window(95, start=200.0), epoch=250.0) is None


def test_a_refused_reservation_opens_no_window() -> None:
    limiter = Limiter()
    take(limiter, "a", window(70))
    assert take(limiter, "b", window(5, start=100.0), bucket(6)) == Refused(1, None)
    assert take(limiter, "c", window(101, start=100.0)) == Refused(0, None)
    assert limiter.left(window(0), 0.0) == 30
    assert take(limiter, "d", window(5, key="new", start=100.0), bucket(6)) is not None
    assert take(limiter, "e", window(100, key="new", start=0.0)) is None


def test_the_whole_of_a_window_that_is_in_use_is_worth_waiting_for() -> None:
    limiter = Limiter()
    take(limiter, "a", window(1))
    assert take(limiter, "b", window(100), epoch=60.0) == Refused(0, 40.0)
    assert take(limiter, "c", window(100), epoch=99.5) == Refused(0, 0.5)


def test_a_bucket_fills_before_it_is_settled() -> None:
    limiter = Limiter()
    take(limiter, "a", bucket(5))
    limiter.settle("a", [Change(bucket(5), 3)], 4.0, 0.0)
    assert limiter.left(bucket(), 4.0) == 4
    take(limiter, "b", bucket(4), now=4.0)
    limiter.settle("b", [Change(bucket(4), 0)], 14.0, 0.0)
    assert limiter.left(bucket(), 14.0) == 5
    assert take(limiter, "c", bucket(5), now=14.0) is None
    assert take(limiter, "d", bucket(1), now=14.0) == Refused(0, 2.0)


def test_leases_of_many_lengths_run_out_one_after_the_other() -> None:
    limiter = Limiter()
    for name, ttl in (("a", 30.0), ("b", 10.5), ("c", 20.0)):
        assert take(limiter, name, lease(3, ttl=ttl)) is None
    assert take(limiter, "d", lease(3), now=10.0) == Refused(0, 0.5)
    assert limiter.left(lease(3), 10.5) == 1
    assert take(limiter, "d", lease(3, ttl=50.0), now=10.5) is None
    assert take(limiter, "e", lease(3), now=11.0) == Refused(0, 9.0)
    limiter.settle("c", [Change(lease(3), 0)], 11.0, 0.0)
    assert take(limiter, "e", lease(3, ttl=50.0), now=12.0) is None
    assert take(limiter, "f", lease(3), now=12.0) == Refused(0, 18.0)
    assert limiter.left(lease(3), 29.9) == 0
    assert limiter.left(lease(3), 30.0) == 1


def test_a_lease_that_nobody_holds_and_that_has_no_place_is_never_met() -> None:
    limiter = Limiter()
    take(limiter, "a", lease(2))
    limiter.settle("a", [Change(lease(2), 0)], 0.0, 0.0)
    assert take(limiter, "b", lease(0)) == Refused(0, None)
    take(limiter, "c", lease(1))
    assert take(limiter, "d", lease(0)) == Refused(0, None)


def test_open_reservations_are_counted_over_both_generations() -> None:
    limiter = Limiter()
    take(limiter, "a", bucket(1))
    take(limiter, "b", bucket(1), now=HOLD)
    take(limiter, "c", bucket(1), now=HOLD + 1.0)
    assert limiter.open == 3
    assert HOLD == 3600.0


def test_a_bucket_that_grew_is_kept_until_it_is_full() -> None:
    limiter = Limiter()
    take(limiter, "a", bucket(5))
    take(limiter, "b", bucket(0, 50), now=1.0)
    take(limiter, "c", bucket(0, key="x"), now=11.0)
    assert limiter.left(bucket(0, 50), 11.0) == 5.5


def test_counters_and_reservations_go_on_after_they_were_dumped_and_loaded() -> None:
    claims = [bucket(3), lease(2, ttl=7.0), window(60)]
    before, after = Limiter(), Limiter()
    before.reserve("a", claims, 1.0, 10.0)
    states = {}
    for claim, idle in zip(claims, (7.0, 8.0, 191.0), strict=True):
        dumped = before.dump(claim, 1.0, 10.0)
        assert dumped is not None
        states[claim.key], until = dumped
        assert until == idle
    assert before.dump(bucket(key="none"), 1.0, 10.0) is None
    taken = before.taken("a")
    assert taken == {"b": 0.0, "l": 0.0, "w": 0.0}
    assert before.taken("b") is None
    after.load("a", taken, states, [*claims, bucket(key="none")], 1.0, 10.0)
    assert len(after) == 3
    assert [after.left(claim, 1.0) for claim in claims] == [2, 1, 40]
    assert take(after, "b", lease(1), now=2.0) == Refused(0, 6.0)
    after.settle("a", refund(claims), 1.0, 10.0)
    assert [after.left(claim, 1.0) for claim in claims] == [5, 2, 100]
    other = Limiter()
    other.load("a", None, {}, claims, 1.0, 10.0)
    assert (len(other), other.open) == (0, 0)
    other.settle("a", [Change(claim, 1) for claim in claims], 1.0, 10.0)
    assert other.left(claims[0], 1.0) == 5
