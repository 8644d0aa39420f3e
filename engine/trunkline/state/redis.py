"""Counters and cached answers in Redis or Valkey, for many machines.

A reservation is one round trip: one script, atomic over all its counters, by the server's time.
Settlements are sent behind it and wait for nobody. `Line` carries them, `Outage` answers while
the server is away.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from trunkline.policy.limits import refund
from trunkline.state.line import Command, Line
from trunkline.state.outage import BACKLOG
from trunkline.state.script import arguments, outcome
from trunkline.state.shared import SharedStore, Unreachable
from trunkline.store import Change, StoreDownError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trunkline.policy.state_settings import StateSettings
    from trunkline.ports import Clock
    from trunkline.store import Claim, Refused

__all__ = ["RedisStore"]


class RedisStore(SharedStore):
    """See `trunkline.store.Store`; `redis://`, `rediss://`, `unix://` and `valkey://` addresses.

    Raises `StoreSetupError` if the extra `redis` is not installed.
    """

    def __init__(self, settings: StateSettings, clock: Clock) -> None:
        super().__init__(settings, clock)
        self._line = Line(settings.url, settings.timeout, BACKLOG, self._went, self._came)

    @property
    def lost(self) -> int:
        return super().lost + self._line.lost

    async def open(self) -> None:
        """Connect. Raises as `trunkline.state.open_store` does."""
        try:
            await self._line.open()
            rules = (self._settings.on_down_limits, self._settings.on_down_budgets)
            if self.degraded is not None and "closed" in rules:
                raise StoreDownError(
                    "the server of shared state does not answer", budget=rules[1] == "closed"
                )
        except BaseException:
            await self._line.aclose()
            raise

    async def _take(self, reservation: str, claims: Sequence[Claim]) -> Refused | None:
        whole = [Change(claim, claim.amount) for claim in claims]
        words = arguments("reserve", self._settings.prefix, reservation, whole)
        try:
            reply = await self._line.ask(Command(words))
        except (asyncio.CancelledError, Unreachable):
            # It may have arrived all the same, or be on its way.
            words = arguments("release", self._settings.prefix, reservation, refund(claims))
            self._line.send(Command(words))
            raise
        self._learn(reply)
        return outcome(reply, self._clock.time())

    def _give(self, reservation: str, changes: Sequence[Change]) -> None:
        words = arguments("settle", self._settings.prefix, reservation, changes)
        self._line.send(Command(words, arrived=self._learn))

    def _charge(self, name: str, changes: Sequence[Change]) -> None:
        words = arguments("charge", self._settings.prefix, name, changes)
        self._line.send(Command(words, arrived=self._learn))

    def _again(self) -> float:
        return max(0.0, self._line.again - asyncio.get_running_loop().time())

    def _went(self) -> None:
        self.degraded = self._clock.time()
        self._outage.begin()

    def _came(self) -> None:
        self.degraded = None
        self._tell_owed()

    def _learn(self, reply: Sequence[Any]) -> None:
        if reply[0] == 0:
            prefix = len(self._settings.prefix.encode())
            for place in range(3, len(reply), 3):
                key, start, used = reply[place : place + 3]
                self._outage.learn(key[prefix:].decode(), float(start), int(float(used)))

    async def get(self, key: str) -> bytes | None:
        command = Command(("GET", f"{self._settings.prefix}c:{key}"), script=False)
        try:
            value: bytes | None = await self._line.ask(command)
        except Unreachable:
            return None
        return value

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        milliseconds = round(ttl * 1000)
        if milliseconds > 0:
            name = f"{self._settings.prefix}c:{key}"
            command = Command(("SET", name, value, "PX", milliseconds), script=False)
            try:
                await self._line.ask(command)
            except Unreachable:
                return

    async def aclose(self) -> None:
        self._outage.lost += len(self._outage.owed())
        await self._line.aclose()
