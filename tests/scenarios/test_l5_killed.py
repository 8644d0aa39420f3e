"""L5: a gateway that is killed with a request under way holds its place for no longer than the
request's deadline and a minute; nothing has to be put right by hand."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.faultd import Break, Play
from tests.scenarios.harness import KEY, bench, until
from tests.scenarios.harness_doors import DOORS, post
from tests.scenarios.harness_processes import gateway

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scenarios.figures import Figure
    from tests.state.redis_server import RedisServer

pytestmark = pytest.mark.anyio

TOTAL = 2.0
LONGEST = TOTAL + 60

CHAT = DOORS["openai-chat"]
LIMITS: Any = {"concurrency": 1, "tokens_per_minute": 100_000}
WAITS = pytest.mark.parametrize(
    "waits", [False, pytest.param(True, marks=pytest.mark.nightly)], ids=["short", "full"]
)


async def leases(redis: Any) -> dict[str, float]:
    """Who holds a place, and for how many more seconds by the server's own time."""
    seconds, micro = await redis.time()
    held = {}
    async for key in redis.scan_iter():
        if await redis.type(key) == b"zset":
            for name, score in await redis.zrange(key, 0, -1, withscores=True):
                held[name.decode()] = score - seconds - micro / 1e6
    return held


async def pass_by(redis: Any, seconds: float) -> None:
    """What a lease looks like so many seconds later."""
    async for key in redis.scan_iter():
        if await redis.type(key) == b"zset":
            for name in await redis.zrange(key, 0, -1):
                await redis.zincrby(key, -seconds, name)


@WAITS
async def test_l5_what_a_killed_gateway_held_returns_by_itself(
    waits: bool, redis_server: RedisServer, tmp_path: Path, figure: Figure
) -> None:
    client = pytest.importorskip("redis.asyncio")
    state = {"redis": {"url": redis_server.url, "timeout": "5s"}, "replicas": 2}
    route = {"limits": LIMITS, "timeouts": {"total": f"{TOTAL:g}s"}}
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    async with (
        bench("openai-chat", route=route, state=state) as found,
        gateway(found.document, tmp_path / "second", {"KEY": KEY}) as second,
        client.from_url(redis_server.url) as redis,
    ):
        found.servers[0].script(Play(breaks=Break("stall")), first=1)
        async with gateway(found.document, tmp_path / "first", {"KEY": KEY}) as first:
            asking = asyncio.create_task(post(first.port, *CHAT))
            await until(lambda: found.counts == [1], 20)
            first.signal(signal.SIGKILL)
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                await asking
        killed = time.monotonic()
        held = await leases(redis)
        assert len(held) == 1
        figure("held after the kill for", max(held.values()), "s", most=LONGEST)
        assert all(LONGEST - 10 < left <= LONGEST for left in held.values())
        refused = await post(second.port, *CHAT)
        assert refused.status == 429
        assert 1 <= int(refused.headers["retry-after"]) <= LONGEST
        if waits:
            await asyncio.sleep(max(held.values()) + 0.1)
            assert time.monotonic() - killed < LONGEST + 5
        else:
            await pass_by(redis, max(held.values()))
        answers = [await post(second.port, *CHAT) for _ in range(3)]
        assert [one.status for one in answers] == [200, 200, 200]
        async with asyncio.timeout(5):
            while await leases(redis):  # noqa: ASYNC110 - Redis tells nobody
                await asyncio.sleep(0.01)
        assert found.counts == [4]
