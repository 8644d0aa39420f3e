"""What limits cost: a reservation and its settlement, in memory and in Redis.

`python -m tests.benchmarks.limits` prints microseconds of CPU of this process, the best of five
rounds; for Redis also of wall time, beside a bare EVALSHA by redis-py.
Without redis-server only memory is measured.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from typing import TYPE_CHECKING, Any

from tests.state.redis_server import RedisServer
from trunkline.policy.limiter import Limiter
from trunkline.policy.limits import LimitRule, Quota
from trunkline.policy.state_settings import StateSettings
from trunkline.runtime.clock import SystemClock
from trunkline.state import open_store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ROUNDS = 5
HUGE = 10**12
RULES = {
    1: LimitRule("one", (Quota("requests", HUGE, 60.0),)),
    2: LimitRule("two", (Quota("requests", HUGE, 60.0), Quota("tokens", HUGE, 60.0))),
    4: LimitRule(
        "four",
        (
            Quota("requests", HUGE, 60.0),
            Quota("tokens", HUGE, 60.0),
            Quota("tokens", HUGE, 86400.0),
        ),
        concurrency=1000,
    ),
}


def in_memory(rule: LimitRule, calls: int = 20_000) -> float:
    """Microseconds of CPU for claims, reserve, changes and settle."""
    limiter, best = Limiter(), float("inf")
    names = [str(n) for n in range(calls)]
    for turn in range(ROUNDS):
        began = time.process_time()
        for name in names:
            claims = rule.claims("caller", 500, 0, 60.0)
            limiter.reserve(name, claims, turn, 0.0)
            limiter.settle(name, rule.changes(claims, 400, 0), turn, 0.0)
        best = min(best, time.process_time() - began)
    return best / calls * 1e6


async def timed(call: Callable[[str], Awaitable[Any]], calls: int = 1000) -> tuple[float, float]:
    """Microseconds of CPU and of wall time a call, one at a time."""
    cpus, walls = [], []
    for turn in range(ROUNDS):
        cpu, wall = time.process_time(), time.perf_counter()
        for n in range(calls):
            await call(f"{turn}.{n}")
        cpus.append((time.process_time() - cpu) / calls * 1e6)
        walls.append((time.perf_counter() - wall) / calls * 1e6)
    return min(cpus), min(walls)


async def in_redis(server: RedisServer) -> None:
    from redis.asyncio import Redis

    settings = StateSettings("redis", url=server.url, timeout=5.0)
    store = await open_store(settings, SystemClock())
    bare = Redis.from_url(server.url)
    script = await bare.script_load("return {0, 1}")
    try:
        cpu, wall = await timed(lambda _: bare.execute_command("EVALSHA", script, 0))
        print(f"redis-py, bare EVALSHA         {cpu:7.1f} µs CPU {wall:7.1f} µs")
        for size, rule in RULES.items():

            async def one(name: str, rule: LimitRule = rule) -> None:
                claims = rule.claims("caller", 500, 0, 60.0)
                assert await store.reserve(name, claims) is None
                store.settle(name, rule.changes(claims, 400, 0))

            async def alone(name: str, rule: LimitRule = rule) -> None:
                claims = rule.claims("caller", 500, 0, 60.0)
                assert await store.reserve(f"alone {name}", claims[:3]) is None

            cpu, wall = await timed(alone)
            print(f"redis, {size} claims, reserve        {cpu:7.1f} µs CPU {wall:7.1f} µs")
            cpu, wall = await timed(one)
            print(f"redis, {size} claims, and settle     {cpu:7.1f} µs CPU {wall:7.1f} µs")
    finally:
        await bare.aclose()
        await store.aclose()


def main() -> None:
    for size, rule in RULES.items():
        print(f"memory, {size} claims               {in_memory(rule):7.2f} µs CPU")
    if shutil.which("redis-server") is not None:
        server = RedisServer().start()
        try:
            asyncio.run(in_redis(server))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
