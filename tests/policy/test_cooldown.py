"""Cooldowns only get longer, and a crowd of refusals is one refusal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trunkline.policy.cooldown import Cooldowns

KEY = ("key", "target")


def test_without_a_hint_they_double_from_five_seconds_to_sixty() -> None:
    cooldowns, now, lengths = Cooldowns(), 0.0, []
    for _ in range(6):
        until = cooldowns.refused(KEY, None, now, now)
        assert until is not None
        lengths.append(until - now)
        now = until
    assert lengths == [5, 10, 20, 40, 60, 60]


def test_a_success_begins_them_small_again() -> None:
    cooldowns = Cooldowns()
    cooldowns.refused(KEY, None, 0.0, 0.0)
    cooldowns.refused(KEY, None, 10.0, 10.0)
    assert cooldowns.until(KEY) == 20.0
    assert cooldowns.doubling == {KEY}
    cooldowns.succeeded(KEY, 25.0)
    assert cooldowns.doubling == set()
    assert cooldowns.refused(KEY, None, 30.0, 30.0) == 35.0


def test_the_sends_that_were_under_way_are_one_refusal() -> None:
    cooldowns = Cooldowns()
    assert cooldowns.refused(KEY, None, 0.0, 1.0) == 6.0
    for n in range(100):
        assert cooldowns.refused(KEY, None, 0.5, 1.5 + n / 100) is None
    assert 7.0 < cooldowns.until(KEY) < 8.0
    cooldowns.succeeded(KEY, 0.5)
    assert cooldowns.refused(KEY, None, 9.0, 9.0) == 19.0


def test_a_shorter_hint_never_shortens() -> None:
    cooldowns = Cooldowns()
    assert cooldowns.refused(KEY, 30.0, 0.0, 0.0) == 30.0
    assert cooldowns.refused(KEY, 2.0, 0.0, 1.0) is None
    assert cooldowns.until(KEY) == 30.0
    assert cooldowns.refused(KEY, 60.0, 0.0, 2.0) is None
    assert cooldowns.until(KEY) == 62.0
    assert cooldowns.doubling == set()


def test_a_hint_of_no_time_is_no_cooldown() -> None:
    cooldowns = Cooldowns()
    assert cooldowns.refused(KEY, 0.0, 0.0, 5.0) is None
    assert cooldowns.running(5.0) == []


def test_a_key_cools_for_itself() -> None:
    cooldowns = Cooldowns()
    cooldowns.refused(KEY, 3.0, 0.0, 1.0)
    assert cooldowns.until(("other", "target")) == 0
    assert cooldowns.until(("key", "other")) == 0
    assert cooldowns.running(3.9) == [(KEY, 4.0)]
    assert cooldowns.running(4.0) == []
    cooldowns.succeeded(("other", "target"), 1.0)


@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.none() | st.floats(0, 300), st.booleans(), st.floats(0, 50))
    )
)
def test_the_end_never_moves_back(
    schedule: list[tuple[float, float | None, bool, float]],
) -> None:
    cooldowns, now, end = Cooldowns(), 0.0, 0.0
    for pause, hint, success, ago in schedule:
        now += pause
        if success:
            cooldowns.succeeded(KEY, now - ago)
        else:
            cooldowns.refused(KEY, hint, now - ago, now)
            assert cooldowns.until(KEY) >= now + (5.0 if hint is None else hint) - 1e-9
            assert cooldowns.until(KEY) <= max(end, now + 300)
        assert cooldowns.until(KEY) >= end
        end = cooldowns.until(KEY)


def test_those_that_are_long_over_are_forgotten() -> None:
    cooldowns = Cooldowns()
    for n in range(10_000):
        cooldowns.refused((str(n), "target"), None, float(n), float(n))
    assert len(cooldowns._known) < 1000
    assert cooldowns.doubling <= cooldowns._known.keys()


def test_names_that_callers_make_up_do_not_fill_the_memory() -> None:
    cooldowns = Cooldowns()
    for number in range(30_000):
        cooldowns.refused(("key", f"m{number}"), 300.0, 0.0, 0.0)
    assert len(cooldowns.running(1.0)) <= 10_000
    assert cooldowns.until(("key", "m29999")) == 300.0
