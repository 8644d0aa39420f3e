"""Properties 18 and 19: hints are read whatever they are, and nothing waits past its deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from trunkline.dialect.classify import retry_after, seconds_of
from trunkline.errors import KINDS
from trunkline.policy.outcome import classify
from trunkline.policy.retry import RetryRules, wait_before_retry

if TYPE_CHECKING:
    from trunkline.errors import ErrorKind

WALL = 1_763_812_800.0

said = (
    st.text(max_size=40)
    | st.floats().map(str)
    | st.integers().map(str)
    | st.from_regex(r"-?[0-9]{1,400}(\.[0-9]+)?(e[0-9]{1,3})?(ms|s|m|h|d)?", fullmatch=True)
    | st.datetimes().map(lambda when: when.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    | st.datetimes().map(lambda when: when.isoformat() + "Z")
)


@given(said, st.sampled_from(["retry-after", "retry-after-ms"]))
def test_every_header_is_read_as_seconds_within_five_minutes_or_as_nothing(
    text: str, name: str
) -> None:
    seconds = retry_after({name: text}, WALL)
    assert seconds is None or 0 <= seconds <= 300
    outcome = classify("rate_limited", 429, "head", seconds)
    assert outcome.cool is None or 0 <= outcome.cool <= 300


@given(said | st.none() | st.booleans() | st.integers() | st.floats() | st.lists(st.integers()))
def test_every_hint_of_a_body_is_read_so_too(hint: object) -> None:
    seconds = seconds_of(hint, WALL)
    assert seconds is None or 0 <= seconds <= 300


@given(
    st.lists(
        st.tuples(
            st.sampled_from(KINDS),
            st.none() | st.sampled_from([408, 409, 429, 500, 503, 529]),
            st.none() | st.floats(0, 300),
            st.floats(0, 1, exclude_max=True),
            st.floats(0, 5),
        ),
        max_size=30,
    ),
    st.floats(0, 600),
    st.booleans(),
    st.builds(
        RetryRules, base=st.floats(0, 5), cap=st.floats(0, 60), throttle_base=st.floats(0, 10)
    ),
)
def test_the_waits_of_one_request_never_pass_its_deadline(
    failures: list[tuple[ErrorKind, int | None, float | None, float, float]],
    deadline: float,
    patient: bool,
    rules: RetryRules,
) -> None:
    now = 0.0
    for nth, (kind, status, hint, chance, took) in enumerate(failures, 1):
        seconds = wait_before_retry(
            kind,
            status,
            hint,
            nth=nth,
            left=deadline - now,
            alone=True,
            patient=patient,
            chance=chance,
            rules=rules,
        )
        if seconds is None:
            break
        assert seconds >= 0
        now += seconds
        assert now <= deadline - 1 + 1e-9
        now += took
