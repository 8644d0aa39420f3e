"""Whether a target that failed is asked once more, and after how long.

Only failures that pass by themselves are worth it: a connection that did not come about, and
statuses that a busy server answers with for a moment. A provider that asks for patience is
waited for only when there is nowhere else to go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

    from trunkline.errors import ErrorKind

__all__ = ["BASE", "CAP", "PASSING_STATUSES", "backoff", "wait_before_retry"]

BASE: Final = 0.1
"""Seconds before the first retry; each further one doubles it."""

CAP: Final = 2.0
"""Seconds that no backoff exceeds, and the longest hint that is waited out."""

MARGIN: Final = 1.0
"""Seconds before the deadline into which no wait may reach."""

PASSING_STATUSES: Final = frozenset({408, 409, 425, 500, 502, 503})
"""Statuses worth one more try at the same place."""


def backoff(nth: int, chance: float) -> float:
    """Seconds before the `nth` retry (from 1): half fixed, half spread by `chance` in [0, 1)."""
    full: float = min(CAP, BASE * 2 ** (nth - 1))
    return full / 2 + chance * full / 2


def wait_before_retry(
    kind: ErrorKind,
    status: int | None,
    hint: float | None,
    *,
    nth: int,
    left: float | None,
    alone: bool,
    patient: bool,
    chance: float,
    on: Collection[str | int] | None = None,
) -> float | None:
    """Seconds to wait before the same target is asked again, or None to leave it.

    `status` is what the provider answered with, `hint` the seconds it asked to wait, `nth` which
    retry this would be, `left` the seconds until the deadline, `alone` whether there is nowhere
    else to go, `patient` whether a long hint is waited out all the same. `on` are the kinds and
    statuses that a route wants retried instead of the usual ones.
    """
    named = on is not None and (kind in on or status in on)
    if kind == "rate_limited":
        if hint is None or not (alone or patient) or (on is not None and not named):
            return None
        wait = hint
    elif kind == "connect" and on is None:
        wait = 0.0
    elif status in PASSING_STATUSES if on is None else named:
        wait = max(backoff(nth, chance), hint or 0.0)
    else:
        return None
    if wait > CAP and not patient:
        return None
    return None if left is not None and wait > left - MARGIN else wait
