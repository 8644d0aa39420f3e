"""A target is asked again only where that helps, and never past the deadline."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import KINDS, ErrorKind
from trunkline.policy.retry import PASSING_STATUSES, RetryRules, backoff, wait_before_retry


def wait(kind: ErrorKind, status: int | None = None, hint: float | None = None, **more: Any) -> Any:
    said: dict[str, Any] = {
        "nth": 1,
        "left": None,
        "alone": False,
        "patient": False,
        "chance": 0.5,
    }
    return wait_before_retry(kind, status, hint, **{**said, **more})


def test_a_connection_that_did_not_come_about_is_tried_again_at_once() -> None:
    assert wait("connect") == 0


@pytest.mark.parametrize("status", sorted(PASSING_STATUSES))
def test_a_passing_status_is_tried_again_after_a_moment(status: int) -> None:
    assert 0.05 <= wait("server_error", status) <= 0.1


@pytest.mark.parametrize(
    ("kind", "status"),
    [("overloaded", 529), ("timeout", 504), ("auth", 401), ("not_found", 404), ("malformed", 200)],
)
def test_what_does_not_pass_is_left_alone(kind: ErrorKind, status: int) -> None:
    assert wait(kind, status) is None


def test_a_rate_limit_is_waited_out_only_where_there_is_nowhere_else_to_go() -> None:
    assert wait("rate_limited", 429, 1.5) is None
    assert wait("rate_limited", 429, 1.5, alone=True) == 1.5
    assert wait("rate_limited", 429, 30.0, alone=True) is None
    assert wait("rate_limited", 429, None, alone=True) is None
    assert wait("rate_limited", 429, 30.0, patient=True, left=60.0) == 30.0


def test_a_long_hint_of_a_busy_server_sends_the_request_elsewhere() -> None:
    assert wait("overloaded", 503, 60.0) is None
    assert wait("overloaded", 503, 1.0) == 1.0


def test_a_route_may_name_the_kinds_itself() -> None:
    assert wait("malformed", 200, on={"malformed"}) is not None
    assert wait("connect", on={"malformed"}) is None


@given(st.integers(1, 20), st.floats(0, 1, exclude_max=True))
def test_backoff_doubles_within_bounds(nth: int, chance: float) -> None:
    full = min(2.0, 0.1 * 2 ** (nth - 1))
    assert full / 2 <= backoff(nth, chance) <= full


@given(
    st.sampled_from(KINDS),
    st.none() | st.integers(400, 599),
    st.none() | st.floats(0, 300),
    st.integers(1, 5),
    st.floats(-1, 700),
    st.booleans(),
    st.booleans(),
)
def test_no_wait_reaches_into_the_last_second(
    kind: ErrorKind,
    status: int | None,
    hint: float | None,
    nth: int,
    left: float,
    alone: bool,
    patient: bool,
) -> None:
    seconds = wait(kind, status, hint, nth=nth, left=left, alone=alone, patient=patient)
    assert seconds is None or 0 <= seconds <= left - 1


@given(
    st.sampled_from(KINDS),
    st.none() | st.integers(400, 599),
    st.floats(0, 300),
    st.integers(1, 200),
    st.floats(0, 1, exclude_max=True),
    st.booleans(),
)
def test_no_wait_is_shorter_than_the_hint_or_longer_than_the_cap(
    kind: ErrorKind, status: int | None, hint: float, nth: int, chance: float, named: bool
) -> None:
    rules = RetryRules(base=0.2, cap=3.0, throttle_base=0.5)
    on = {kind} if named else None
    seconds = wait(kind, status, hint, nth=nth, alone=True, chance=chance, rules=rules, on=on)
    if kind == "connect" and not named:
        assert seconds == 0
    else:
        assert seconds is None or hint <= seconds <= 3.0


def test_a_rate_limit_is_waited_for_longer_than_the_provider_asks_if_that_is_next_to_nothing() -> (
    None
):
    assert wait("rate_limited", 429, 0.01, alone=True, chance=0.0) == 0.5
    patient = {"patient": True, "nth": 2, "chance": 0.0}
    assert wait("rate_limited", 429, 0.01, **patient) == 1.0
    assert wait("rate_limited", 429, 0.01, **patient, rules=RetryRules(throttle_base=0.2)) == 0.2


def test_a_route_that_names_rate_limits_has_them_tried_again_without_a_hint() -> None:
    assert wait("rate_limited", 429, None, alone=True, on={"rate_limited"}, chance=0.0) == 0.5
    assert wait("rate_limited", 429, None, alone=True, on={"connect"}) is None


def test_where_no_connection_was_free_none_is_asked_for_again() -> None:
    assert wait("connect", stage="pool") is None
    assert wait("connect", stage="connect") == 0
    assert wait("connect", stage="pool", on={"connect"}) is not None
