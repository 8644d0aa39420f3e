"""Whether a target that failed is asked once more, and after how long.

Only failures that pass by themselves are worth it: a connection that did not come about, and
statuses that a busy server answers with for a moment. A provider that asks for patience is
waited for only when there is nowhere else to go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

    from trunkline.errors import ErrorKind

__all__ = ["PASSING_STATUSES", "RetryRules", "backoff", "wait_before_retry"]

MARGIN: Final = 1.0
"""Seconds before the deadline into which no wait may reach."""

PASSING_STATUSES: Final = frozenset({408, 409, 425, 500, 502, 503})
"""Statuses worth one more try at the same place."""


@dataclass(frozen=True, slots=True)
class RetryRules:
    """Seconds: `base` before the first retry, which each further one doubles; `throttle_base`
    the same after a rate limit; `cap` what no backoff exceeds, and the longest hint of a
    provider that is waited out."""

    base: float = 0.1
    cap: float = 2.0
    throttle_base: float = 1.0


_RULES: Final = RetryRules()


def backoff(
    nth: int, chance: float, rules: RetryRules = _RULES, *, throttled: bool = False
) -> float:
    """Seconds before the `nth` retry (from 1): half fixed, half spread by `chance` in [0, 1).

    AWS calls it equal jitter.
    """
    base = rules.throttle_base if throttled else rules.base
    full: float = min(rules.cap, base * 2 ** min(nth - 1, 64))
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
    rules: RetryRules = _RULES,
    stage: str = "",
) -> float | None:
    """Seconds to wait before the same target is asked again, or None to leave it.

    `status` is what the provider answered with, `hint` the seconds it asked to wait, `nth` which
    retry this would be, `left` the seconds until the deadline, `alone` whether there is nowhere
    else to go, `patient` whether a long hint is waited out all the same. `on` are the kinds and
    statuses that a route wants retried instead of the usual ones. `stage` is how far the send
    came: where no connection was free, asking once more only adds to the crowd.

    A wait is never shorter than the hint, and never reaches into the last second.
    """
    named = on is not None and (kind in on or status in on)
    if stage == "pool" and not named:
        return None
    if kind == "rate_limited":
        if on is not None and not named:
            return None
        if not (alone or patient) or (hint is None and not named):
            return None
        wait = max(backoff(nth, chance, rules, throttled=True), hint or 0.0)
    elif kind == "connect" and on is None:
        wait = 0.0
    elif status in PASSING_STATUSES if on is None else named:
        wait = max(backoff(nth, chance, rules), hint or 0.0)
    else:
        return None
    if wait > rules.cap and not patient:
        return None
    return None if left is not None and wait > left - MARGIN else wait
