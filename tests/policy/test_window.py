"""A ring of slices counts exactly what lies within its window."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trunkline.policy.window import Window

pauses = st.sampled_from([0.0, 0.01, 0.5, 1.0, 2.99, 3.0, 7.0, 29.9, 30.0, 31.0, 500.0])


@given(st.lists(st.tuples(pauses, st.integers(0, 2))), st.integers(1, 12), st.floats(0, 1e7))
def test_a_window_counts_what_a_list_of_everything_counts(
    schedule: list[tuple[float, int]], slices: int, now: float
) -> None:
    window = Window(30.0, slices, 3)
    width = 30.0 / slices
    seen: list[tuple[int, int]] = []
    for pause, kind in schedule:
        now += pause
        slot = int(now / width)
        if kind < 2:
            window.add(kind, now)
            seen.append((slot, kind))
        inside = [k for s, k in seen if s > slot - slices]
        assert window.at(now) == [inside.count(0), inside.count(1), 0]
        assert window.slot == slot
        assert window.holds(slot - slices + 1)
        assert not window.holds(slot - slices)


def test_a_clock_that_steps_back_is_taken_to_stand_still() -> None:
    window = Window(30.0, 10, 1)
    window.add(0, 100.0)
    window.add(0, 50.0)
    assert window.at(100.0) == [2]
    assert window.at(20.0) == [2]


def test_a_cleared_window_has_nothing_and_goes_on() -> None:
    window = Window(30.0, 10, 2)
    window.add(1, 100.0)
    window.clear()
    assert window.at(100.0) == [0, 0]
    window.add(1, 100.0)
    # Slices are of 3 s, and this one began at 99 s.
    assert window.at(128.9) == [0, 1]
    assert window.at(129.0) == [0, 0]
