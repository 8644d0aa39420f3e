"""When a second target is asked in case the first is slow, and how often that may be."""

from __future__ import annotations

from typing import Final

from trunkline.policy.retry_budget import RetryBudget

__all__ = ["HedgeBudget", "hedge_delay"]

LEAST_DELAY: Final = 0.5
"""Seconds."""


class HedgeBudget:
    """At most `share` of the requests of the last minute get a second send, and none besides."""

    __slots__ = ("_budget",)

    def __init__(self, share: float = 0.05) -> None:
        self._budget = RetryBudget(share, reserve=0.0, ttl=60.0)

    def deposit(self, now: float) -> None:
        """A request that may be hedged is sent."""
        self._budget.deposit(now)

    def withdraw(self, now: float) -> bool:
        """Take a hedge, if there is one."""
        return self._budget.withdraw(now)


def hedge_delay(p95: float | None, least: float = LEAST_DELAY) -> float | None:
    """Seconds to wait for the first content before a second target is asked.

    `p95` is what 95 of a hundred first contents took at most (Dean and Barroso, "The Tail at
    Scale", 2013). Where too few were measured nothing tells slow from usual, so there is no hedge.
    """
    return None if p95 is None else max(least, p95)
