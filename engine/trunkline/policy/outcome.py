"""What a failed send says about the target, its origin, its credential and the bill.

A table, because every one of these is a decision that somebody will want to look up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from trunkline.errors import ErrorKind

__all__ = ["LONGEST_HINT", "NEUTRAL", "SUCCESS", "Outcome", "OutcomeHealth", "classify"]

OutcomeHealth = Literal["success", "hard", "slow", "neutral"]

LONGEST_HINT: Final = 300.0
"""Seconds. No provider makes us leave it alone for longer."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one send counts as.

    `health`: `hard` and `slow` count against the target, `slow` (no byte, or no content, in
    time) as no sign of life; `neutral` counts nowhere. `credential`: `cooldown` is a rate limit,
    which lasts `cool` seconds (None: the provider named none); `out` is one that cannot pay or
    may not enter. `target`: `out` means that nobody knows it there. `of_model`: it may be the
    model's name alone that is refused, which matters where a caller chose that name. `origin`:
    no connection came about, which all targets at that origin share; `reached`: one did.
    `billed`: the provider may charge for it although nothing came. `alert`: it will not pass
    until somebody does something.
    """

    health: OutcomeHealth
    credential: Literal["", "cooldown", "out"] = ""
    target: Literal["", "out"] = ""
    origin: bool = False
    billed: bool = False
    alert: bool = False
    cool: float | None = None
    of_model: bool = False
    reached: bool = False


SUCCESS: Final = Outcome("success", reached=True)

NEUTRAL: Final = Outcome("neutral")
"""It says nothing of the provider: cancelled, out of our time, refused before it was sent."""

_UNREACHED: Final = Outcome("hard", origin=True)
_STALE: Final = Outcome("neutral", billed=True)
_PASSING: Final = Outcome("neutral", reached=True)
_SLOW: Final = Outcome("slow", billed=True, reached=True)
_HARD: Final = Outcome("hard", reached=True)
_BROKEN: Final = replace(_HARD, billed=True)
_COOLED: Final = Outcome("neutral", credential="cooldown", reached=True)
_OUT: Final = Outcome("neutral", credential="out", alert=True, reached=True)
_UNKNOWN: Final = Outcome("neutral", target="out", alert=True, of_model=True, reached=True)


class _Row(NamedTuple):
    """The first row that fits counts. An empty field fits everything; `None` is no status."""

    kinds: frozenset[str]
    statuses: frozenset[int | None]
    stages: frozenset[str]
    outcome: Outcome


def _row(
    kinds: str, outcome: Outcome, *, statuses: tuple[int | None, ...] = (), stages: str = ""
) -> _Row:
    return _Row(frozenset(kinds.split()), frozenset(statuses), frozenset(stages.split()), outcome)


_TABLE: Final = (
    _row("connect timeout", NEUTRAL, stages="pool"),
    _row("connect timeout server_error", _STALE, stages="stale"),
    _row("connect", _UNREACHED),
    _row("timeout", _UNREACHED, stages="connect"),
    _row("rate_limited", _COOLED),
    _row("quota", _OUT),
    # A signer without credentials tries for new ones at its own pace.
    _row("auth", replace(NEUTRAL, alert=True), statuses=(None,)),
    _row("auth", replace(_OUT, of_model=True), statuses=(403,)),
    _row("auth", _OUT),
    _row("not_found", _UNKNOWN),
    _row("timeout server_error overloaded", _PASSING, statuses=(408, 409, 425)),
    _row("timeout", _SLOW, statuses=(None,)),
    _row("timeout", _BROKEN),
    _row("server_error", _BROKEN, statuses=(None,), stages="sent head"),
    _row("server_error overloaded malformed interrupted", _HARD),
    _row("context_length content_filter unsupported bad_request", _PASSING),
)


def classify(kind: ErrorKind, status: int | None, stage: str, hint: float | None) -> Outcome:
    """What a failure counts as.

    `status` is what the provider answered with, if it did; `stage` how far the send came (see
    `UpstreamError`); `hint` the seconds that the provider asked for.
    """
    for row in _TABLE:
        if (
            kind in row.kinds
            and (not row.statuses or status in row.statuses)
            and (not row.stages or stage in row.stages)
        ):
            outcome = row.outcome
            if outcome.credential == "cooldown" and hint is not None:
                return replace(outcome, cool=min(max(hint, 0.0), LONGEST_HINT))
            return outcome
    return NEUTRAL
