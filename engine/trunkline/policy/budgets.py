"""Budgets: so much money in a calendar window of UTC, in integer micro-dollars.

An hour, a day and a month begin where the calendar says; a week begins on Monday (ISO 8601).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from trunkline.policy.limits import counter_key
from trunkline.store import Claim

if TYPE_CHECKING:
    from trunkline.store import Refused

__all__ = ["BudgetRule", "Window", "bounds", "is_low", "worth_waiting"]

Window = Literal["hour", "day", "week", "month"]

_HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class BudgetRule:
    """One entry of `budgets`: `amount` micro-dollars in each window for each value of `by`.

    `unpriced_allowed` lets models through whose price is not known; `alert` is the part of the
    amount from which its owner wants to be told.
    """

    name: str
    amount: int
    window: Window
    unpriced_allowed: bool = False
    alert: float = 0.8

    def claim(self, subject: str, cost: int, epoch: float) -> Claim:
        """What a request that may cost so many micro-dollars takes, in the window at `epoch`
        (seconds since the epoch). `subject` is the value of `by`; it may hold anything."""
        start, end = bounds(self.window, epoch)
        key = _key(self.name, self.window, subject)
        return Claim(key, "window", cost, self.amount, start=start, end=end)


def bounds(window: Window, epoch: float) -> tuple[float, float]:
    """Start and end of the window that a time lies in, all in seconds since the epoch."""
    return _bounds(window, int(epoch // _HOUR))


def is_low(rule: BudgetRule, used: int) -> bool:
    """Whether so much is used of a budget that its owner wants to be told."""
    return used >= rule.alert * rule.amount


def worth_waiting(refused: Refused) -> float | None:
    """The seconds that a caller is told to wait: none if it is more than an hour."""
    wait = refused.retry_after
    return wait if wait is not None and wait <= _HOUR else None


@lru_cache(4096)
def _key(name: str, window: str, subject: str) -> str:
    return counter_key(name, f"budget/{window}", subject)


@lru_cache(64)
def _bounds(window: Window, hour: int) -> tuple[float, float]:
    """Every window is made of whole hours, so an hour lies in one of each kind."""
    start = datetime.fromtimestamp(hour * _HOUR, UTC)
    if window == "hour":
        end = start + timedelta(hours=1)
    elif window == "day":
        start = start.replace(hour=0)
        end = start + timedelta(days=1)
    elif window == "week":
        start = start.replace(hour=0) - timedelta(days=start.weekday())
        end = start + timedelta(days=7)
    else:
        start = start.replace(day=1, hour=0)
        end = (start + timedelta(days=31)).replace(day=1)
    return start.timestamp(), end.timestamp()
