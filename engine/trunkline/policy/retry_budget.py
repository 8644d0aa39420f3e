"""How many sends may be repeated at a target: a share of its first attempts, and a few more."""

from __future__ import annotations

from typing import Final

from trunkline.policy.window import Window

__all__ = ["RetryBudget"]

SLICE: Final = 0.1
"""Seconds in which a budget forgets at once."""

_DEPOSIT, _WITHDRAWAL = range(2)


class RetryBudget:
    """A leaky bucket in the form of Finagle's `RetryBudget`.

    Within `ttl` seconds, at most `share` of the first attempts, and `reserve` a second besides,
    may be repeated. What is counted expires by slices of 0.1 s.
    """

    __slots__ = ("_reserve", "_share", "_window")

    def __init__(self, share: float = 0.1, reserve: float = 1.0, ttl: float = 10.0) -> None:
        self._share = share
        self._reserve = reserve * ttl
        self._window = Window(ttl, max(1, round(ttl / SLICE)), 2)

    def deposit(self, now: float) -> None:
        """A first attempt is made."""
        self._window.add(_DEPOSIT, now)

    def balance(self, now: float) -> float:
        """Retries that are left; may be below 0 while deposits expire before withdrawals."""
        deposits, withdrawals = self._window.at(now)
        return self._share * deposits + self._reserve - withdrawals

    def withdraw(self, now: float) -> bool:
        """Take a retry, if there is one."""
        # A share such as 0.1 is a little less or more than it says: 10 times 0.1 must be enough.
        if self.balance(now) < 1 - 1e-9:
            return False
        self._window.add(_WITHDRAWAL, now)
        return True
