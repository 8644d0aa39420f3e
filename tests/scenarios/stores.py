"""Stores for the scenarios of limits and budgets."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from tests.state.redis_server import running
from tests.state.stores import redis_store
from trunkline.policy.state_settings import StateSettings
from trunkline.runtime.clock import SystemClock
from trunkline.state import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

__all__ = ["KINDS", "back", "opened"]

KINDS = ["memory", "file", "redis"]


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
