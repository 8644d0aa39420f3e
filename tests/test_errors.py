"""Errors, as code that handles them needs them."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING

import pytest

from trunkline import (
    ConfigError,
    DeadlineError,
    EngineClosed,
    InternalError,
    InterruptedAnswer,
    RequestError,
    UpstreamError,
)
from trunkline.diagnostics import Diagnostic, Span
from trunkline.errors import KINDS, STATUS_OF_KIND
from trunkline.ports import Attempt, Decision

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline import TrunklineError

ERRORS = [
    UpstreamError("auth", "no", status=3, target="t", retry_after=2.0, upstream_status=401),
    RequestError("bad_request", "no", status=413),
    InterruptedAnswer("no", target="t"),
    DeadlineError("no"),
    InternalError("no"),
    EngineClosed("no"),
    ConfigError([Diagnostic("TL101", "error", "no", Span("f", 1, 1, 1, 2))]),
]
WAYS: list[Callable[[TrunklineError], TrunklineError]] = [
    copy.copy,
    copy.deepcopy,
    lambda error: pickle.loads(pickle.dumps(error)),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("way", WAYS, ids=["copy", "deepcopy", "pickle"])
def test_an_error_crosses_to_another_process_whole(
    error: TrunklineError, way: Callable[[TrunklineError], TrunklineError]
) -> None:
    if isinstance(error, UpstreamError):
        error.decision = Decision("id", attempts=[Attempt("t", "auth")])
    again = way(error)
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_each_kind_has_a_status() -> None:
    assert set(STATUS_OF_KIND) == set(KINDS)
