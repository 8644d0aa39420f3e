"""Counters and cached answers of one process."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from trunkline.policy.limiter import Limiter
from trunkline.policy.limits import share
from trunkline.store import Change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trunkline.ports import Clock
    from trunkline.store import Claim, Refused

__all__ = ["Cache", "MemoryStore"]

_ENTRY = 200
"""About what an entry takes in memory beside its key and value."""


class Cache:
    """Values by key, at most so many bytes of them; the least recently used goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self.size = 0

    def get(self, key: str, now: float) -> bytes | None:
        """A value that has not run out."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[1] <= now:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: str, value: bytes, until: float) -> None:
        """Keep a value until then; one that is larger than everything may be is not kept."""
        if key in self._entries:
            self._drop(key)
        size = len(key) + len(value) + _ENTRY
        if size > self._most:
            return
        self._entries[key] = (value, until)
        self.size += size
        while self.size > self._most:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: str) -> None:
        value, _ = self._entries.pop(key)
        self.size -= len(key) + len(value) + _ENTRY


class MemoryStore:
    """See `trunkline.store.Store`. One of `replicas` processes holds that part of every limit."""

    degraded: float | None = None

    def __init__(self, clock: Clock, replicas: int = 1, cache_bytes: int = 64 << 20) -> None:
        self._clock = clock
        self._replicas = replicas
        self._cache = Cache(cache_bytes)
        self.limiter = Limiter()

    async def reserve(self, reservation: str, claims: Sequence[Claim]) -> Refused | None:
        if self._replicas > 1:
            claims = [share(claim, self._replicas) for claim in claims]
        clock = self._clock
        return self.limiter.reserve(reservation, claims, clock.monotonic(), clock.time())

    def settle(self, reservation: str, changes: Sequence[Change]) -> None:
        if self._replicas > 1:
            changes = [Change(share(claim, self._replicas), used) for claim, used in changes]
        clock = self._clock
        self.limiter.settle(reservation, changes, clock.monotonic(), clock.time())

    def left(self, claim: Claim) -> float | None:
        """What the claim's counter holds."""
        return self.limiter.left(share(claim, self._replicas), self._clock.monotonic())

    async def get(self, key: str) -> bytes | None:
        return self._cache.get(key, self._clock.monotonic())

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        self._cache.put(key, value, self._clock.monotonic() + ttl)

    async def aclose(self) -> None:
        pass
