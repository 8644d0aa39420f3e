"""Where counters and cached answers are kept: in memory, in a file of this machine, in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.state.memory import MemoryStore

if TYPE_CHECKING:
    from trunkline.policy.state_settings import StateSettings
    from trunkline.ports import Clock
    from trunkline.store import Store

__all__ = ["MemoryStore", "open_store"]


async def open_store(settings: StateSettings, clock: Clock) -> Store:
    """The store that the settings ask for, ready to be used within 2 seconds: a server that does
    not answer is asked again in the background, and `degraded` says since when.

    Raises `StoreSetupError` if it answers and cannot be used, and `StoreDownError` if it does not
    answer and a rule for that is `closed`.
    """
    if settings.kind == "redis":
        from trunkline.state.redis import RedisStore

        redis = RedisStore(settings, clock)
        await redis.open()
        return redis
    if settings.kind == "file":
        from trunkline.state.file import FileStore

        file = FileStore(settings, clock)
        await file.open()
        return file
    return MemoryStore(clock, settings.replicas, settings.cache_bytes)
