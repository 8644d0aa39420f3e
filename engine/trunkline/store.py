"""The seam to shared state: what a request takes from counters, and the `Store` that keeps them.

A reservation takes from several counters at once or from none. What it took is corrected later by
what was really used: *reserve before, settle after*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Change", "Claim", "Refused", "Store", "StoreDownError", "StoreSetupError"]


class Claim(NamedTuple):
    """What one reservation takes from one counter. All amounts are integers: requests, tokens or
    micro-dollars.

    `bucket`: holds at most `capacity`, and `rate` comes back each second. It may be taken from
    while it holds `amount`; settling may leave it below zero.
    `lease`: `capacity` at a time; one is held until it is settled, at most `ttl` seconds.
    `window`: `capacity` from `start` to `end`, in seconds since the epoch. Time that steps back
    does not open an older window.

    `key` names the counter; its parts that come from requests are hashed, so no two callers can
    share one by accident. `local` keeps the counter in this process, whatever the store.
    """

    key: str
    kind: Literal["bucket", "lease", "window"]
    amount: int
    capacity: int
    rate: float = 0.0
    ttl: float = 0.0
    start: float = 0.0
    end: float = 0.0
    local: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """No part of a reservation was made: the first claim that could not be met, by its place, and
    the seconds after which it could be; None if it is more than the counter can ever hold."""

    index: int
    retry_after: float | None


class Change(NamedTuple):
    """A claim that was reserved, and the amount that was really used (0 for a refund; a lease is
    returned whatever the amount)."""

    claim: Claim
    used: int


class StoreDownError(Exception):
    """The store cannot be asked, and its rule for that is to refuse (`on_store_down: closed`).

    `budget` says that it was a budget's rule.
    """

    def __init__(self, message: str, *, budget: bool = False) -> None:
        super().__init__(message)
        self.budget = budget


class StoreSetupError(Exception):
    """The store answers and can never be used: a wrong password, scripts that are forbidden, a
    file that is not ours. Raised when it is opened."""


class Store(Protocol):
    """Counters that requests share, perhaps with other processes and machines."""

    async def reserve(self, reservation: str, claims: Sequence[Claim]) -> Refused | None:
        """Take all of the claims or none; None when they were taken. `reservation` names it, and
        is used once. A claim's key stands in it once.

        When whoever waits here is cancelled, nothing stays taken. Raises `StoreDownError`.
        """
        ...

    def settle(self, reservation: str, changes: Sequence[Change]) -> None:
        """Correct what was reserved by what was used. Never waits and never fails: a store that
        is somewhere else sends it on later, once. Settling twice changes nothing."""
        ...

    def left(self, claim: Claim) -> float | None:
        """What a claim's counter holds, as far as this process has heard; None if it has not."""
        ...

    async def get(self, key: str) -> bytes | None:
        """What was put under a key and has not run out; None too when the store is down."""
        ...

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        """Keep a value for so many seconds. A store that is down forgets it."""
        ...

    async def aclose(self) -> None:
        """Send on what is still to be sent, and close every connection."""
        ...
