"""A store of each kind for a test, and a clock that the test cranks."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tests.state.redis_server import running
from trunkline.policy.state_settings import StateSettings
from trunkline.runtime.clock import SystemClock
from trunkline.state import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.state.redis_server import RedisServer
    from trunkline.ports import Clock

__all__ = ["KINDS", "CrankedClock", "back", "opened", "redis_store"]

KINDS = ["memory", "file", "redis"]


class CrankedClock:
    """Both clocks stand until the test moves them."""

    def __init__(self, now: float = 1000.0, epoch: float = 1_800_000_000.0) -> None:
        self.now = now
        self.epoch = epoch

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.epoch

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.epoch += seconds


@asynccontextmanager
async def redis_store(
    server: RedisServer, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[Any]:
    """A store with counters of its own on a server."""
    settings.setdefault("prefix", f"{{{uuid4().hex}}}:")
    chosen = StateSettings("redis", url=server.url, **settings)
    store = await open_store(chosen, clock or SystemClock())
    try:
        yield store
    finally:
        await store.aclose()


@asynccontextmanager
async def opened(kind: str, folder: Path) -> AsyncIterator[Any]:
    """An empty store, by real time. It has time enough on a machine that is shared."""
    if kind == "redis":
        with running() as server:
            async with redis_store(server, timeout=1.0) as store:
                yield store
        return
    settings = StateSettings(kind, path=str(folder / "state.db"))  # type: ignore[arg-type]
    store = await open_store(settings, SystemClock())
    try:
        yield store
    finally:
        await store.aclose()


async def back(store: Any) -> None:
    """Until the store can be reached again."""
    async with asyncio.timeout(60):
        while store.degraded is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
