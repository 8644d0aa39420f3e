"""A target is asked again only where that helps, and never past the deadline."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import KINDS, ErrorKind
from trunkline.policy.retry import CAP, PASSING_STATUSES, backoff, wait_before_retry


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
    full = min(CAP, 0.1 * 2 ** (nth - 1))
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
