"""What a check's answer says, and when several of them change anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.policy.checks import CheckRules, Series, verdict


@pytest.mark.parametrize(
    ("status", "said"),
    [(200, True), (204, True), (302, True), (404, False), (500, False), (503, False), (529, False)],
)
def test_an_answer_under_400_passes(status: int, said: bool) -> None:
    assert verdict(status) is said


@pytest.mark.parametrize("status", [400, 401, 403, 413, 422, 429])
def test_what_is_wrong_with_us_says_nothing_of_the_provider(status: int) -> None:
    assert verdict(status) is None


def test_no_answer_is_a_failure() -> None:
    assert verdict(None) is False


def test_as_many_in_a_row_as_the_rules_say() -> None:
    series = Series(CheckRules(fail_after=3, pass_after=2))
    assert [series.take(False) for _ in range(4)] == [False, False, True, False]
    assert series.down
    assert [series.take(one) for one in (True, False, True, None, True)] == [False] * 4 + [True]
    assert not series.down


@given(st.lists(st.sampled_from([True, False, None])), st.integers(1, 4), st.integers(1, 4))
def test_a_change_follows_a_run_of_the_asked_length(
    taken: list[bool | None], fails: int, passes: int
) -> None:
    """Property: `down` changes only at the end of so many equal verdicts, neutral ones aside."""
    series = Series(CheckRules(fail_after=fails, pass_after=passes))
    counted: list[bool] = []
    for one in taken:
        before = series.down
        changed = series.take(one)
        counted += [] if one is None else [one]
        assert changed == (series.down != before)
        length = fails if series.down else passes
        if changed:
            assert counted[-length:] == [not series.down] * length
        elif one is not None and one is before:
            length = passes if before else fails
            assert counted[-length:] != [one] * length or len(counted) < length
