"""Where counters are kept, as a route file says it once it is compiled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["OnDown", "StateSettings"]

OnDown = Literal["local", "open", "closed"]


@dataclass(frozen=True, slots=True)
class StateSettings:
    """`kind` says which of `path` (a file) and `url` (a Redis or Valkey server) counts.

    `replicas` processes share the counters: one that cannot reach them holds that part of each.
    `on_down_limits` and `on_down_budgets` are what holds then: `local`, its own part; `open`,
    nothing; `closed`, every request that needs the counter is refused. `timeout` is how many
    seconds a request waits for the store. `prefix` stands before every key; what is in `{}` of
    it keeps the keys of one reservation on one node of a cluster. `cache_bytes` bounds the
    answers kept in memory.
    """

    kind: Literal["memory", "file", "redis"] = "memory"
    path: str = ""
    url: str = field(default="", repr=False)
    replicas: int = 1
    on_down_limits: OnDown = "local"
    on_down_budgets: OnDown = "local"
    timeout: float = 0.05
    prefix: str = "{trunkline}:"
    cache_bytes: int = 64 << 20
