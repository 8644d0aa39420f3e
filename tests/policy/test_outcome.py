"""Every row of the table of failures: what it says about health, credential, target and bill."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import KINDS, ErrorKind
from trunkline.policy.outcome import NEUTRAL, SUCCESS, Outcome, classify

STAGES = ("", "pool", "connect", "stale", "sent", "head")

HARD = {"health": "hard", "reached": True}
SLOW = {"health": "slow", "reached": True, "billed": True}
PASSING = {"reached": True}
UNREACHED = {"health": "hard", "origin": True}
OUT = {"credential": "out", "alert": True, "reached": True}


@pytest.mark.parametrize(
    ("kind", "status", "stage", "said"),
    [
        ("connect", None, "", UNREACHED),
        ("connect", None, "connect", UNREACHED),
        ("timeout", None, "connect", UNREACHED),
        ("connect", None, "pool", {}),
        ("timeout", None, "pool", {}),
        ("connect", None, "stale", {"billed": True}),
        ("server_error", None, "stale", {"billed": True}),
        ("timeout", None, "stale", {"billed": True}),
        ("server_error", None, "sent", {**HARD, "billed": True}),
        ("server_error", None, "head", {**HARD, "billed": True}),
        ("server_error", None, "", HARD),
        ("timeout", None, "sent", SLOW),
        ("timeout", None, "head", SLOW),
        ("timeout", None, "", SLOW),
        ("timeout", 408, "head", PASSING),
        ("server_error", 409, "head", PASSING),
        ("server_error", 425, "head", PASSING),
        ("overloaded", 409, "head", PASSING),
        ("rate_limited", 429, "head", {"credential": "cooldown", "reached": True}),
        ("quota", 429, "head", OUT),
        ("quota", 402, "head", OUT),
        ("quota", None, "head", OUT),
        ("auth", 401, "head", OUT),
        ("auth", 403, "head", {**OUT, "of_model": True}),
        ("auth", None, "", {"alert": True}),
        ("not_found", 404, "head", {"target": "out", "alert": True, "of_model": True, **PASSING}),
        ("bad_request", 400, "head", PASSING),
        ("bad_request", 422, "head", PASSING),
        ("context_length", 400, "head", PASSING),
        ("content_filter", 400, "head", PASSING),
        ("content_filter", None, "", PASSING),
        ("unsupported", None, "", PASSING),
        ("server_error", 500, "head", HARD),
        ("server_error", 502, "head", HARD),
        ("overloaded", 503, "head", HARD),
        ("overloaded", 529, "head", HARD),
        ("server_error", 520, "head", HARD),
        ("timeout", 504, "head", {**HARD, "billed": True}),
        ("timeout", 524, "head", {**HARD, "billed": True}),
        ("malformed", 200, "head", HARD),
        ("malformed", None, "", HARD),
        ("overloaded", None, "", HARD),
        ("interrupted", 200, "head", HARD),
        ("deadline", None, "sent", {}),
        ("limit", None, "", {}),
        ("budget", None, "", {}),
        ("internal", None, "", {}),
    ],
)
def test_a_failure_counts_as_its_row_says(
    kind: ErrorKind, status: int | None, stage: str, said: dict[str, object]
) -> None:
    expected = {**asdict(NEUTRAL), **said}
    assert asdict(classify(kind, status, stage, None)) == expected


def test_a_success_and_a_cancelled_send_say_what_they_say() -> None:
    assert Outcome(health="success", reached=True) == SUCCESS
    assert asdict(NEUTRAL) == {
        "health": "neutral",
        "credential": "",
        "target": "",
        "origin": False,
        "billed": False,
        "alert": False,
        "cool": None,
        "of_model": False,
        "reached": False,
    }


@pytest.mark.parametrize(
    ("hint", "cool"), [(None, None), (0.0, 0.0), (2.5, 2.5), (300.5, 300.0), (1e9, 300.0), (-3, 0)]
)
def test_a_rate_limit_lasts_as_long_as_the_hint_says_within_bounds(
    hint: float | None, cool: float | None
) -> None:
    assert classify("rate_limited", 429, "head", hint).cool == cool


def test_hints_of_other_failures_cool_nothing() -> None:
    assert classify("overloaded", 503, "head", 30.0).cool is None
    assert classify("quota", 429, "head", 30.0).cool is None


@given(
    st.sampled_from(KINDS),
    st.none() | st.integers(100, 599),
    st.sampled_from(STAGES),
    st.none() | st.floats(allow_nan=False),
)
def test_every_failure_has_an_outcome_and_no_failure_is_a_success(
    kind: ErrorKind, status: int | None, stage: str, hint: float | None
) -> None:
    outcome = classify(kind, status, stage, hint)
    assert outcome.health != "success"
    assert not (outcome.origin and outcome.reached)
    assert outcome.cool is None or 0 <= outcome.cool <= 300
    assert not (outcome.credential and outcome.health != "neutral")
