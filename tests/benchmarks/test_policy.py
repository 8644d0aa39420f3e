"""The policy benchmark measures what it says, and a calm register costs next to nothing."""

from __future__ import annotations

from tests.benchmarks.policy import SITES, attempt, calm, microseconds, troubled


def test_the_registers_are_what_they_are_called() -> None:
    assert calm().calm
    health = troubled()
    assert health.excluded(SITES[-1], 1.0) is not None
    assert health.excluded(SITES[0], 1.0) is None
    assert not health.calm


def test_a_send_costs_little_more_than_a_few_calls() -> None:
    """Told in plain calls of this machine, since its microseconds are anybody's."""

    def plain(now: float) -> float:
        return max(now, 0.0)

    taken = microseconds(attempt(calm()), count=5000)
    unit = microseconds(plain, count=5000)
    assert taken < 40 * unit
