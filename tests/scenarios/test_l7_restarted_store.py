"""L7: Redis is killed and comes back empty. No error is seen, its script is sent again, and no
more than one window is admitted beyond the limit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.state.redis_server import running
from tests.state.stores import back, redis_store
from trunkline.policy.limits import LimitRule, Quota

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

RULE = LimitRule("l7", (Quota("requests", 10, 1e9),), concurrency=100)


async def test_l7_a_restart_between_two_requests_is_not_noticed() -> None:
    with running() as server:
        async with redis_store(server, timeout=1.0) as store:
            claims = RULE.claims("", 0, 0, 60.0)
            first = [await store.reserve(f"a{n}", claims) for n in range(12)]
            server.restart_empty()
            second = [await store.reserve(f"b{n}", claims) for n in range(12)]
            assert (first.count(None), second.count(None)) == (10, 10)
            assert store.degraded is None


async def test_l7_a_restart_under_load_fails_nobody(figure: Figure) -> None:
    admitted = 0
    with running() as server:
        async with redis_store(server) as store:
            claims = RULE.claims("", 0, 0, 60.0)
            stop = asyncio.Event()

            async def ask(who: int) -> None:
                nonlocal admitted
                n = 0
                while not stop.is_set():
                    name, n = f"{who}.{n}", n + 1
                    if await store.reserve(name, claims) is None:
                        admitted += 1
                        store.settle(name, RULE.changes(claims, 0, 0))
                    await asyncio.sleep(0.005)

            async with asyncio.TaskGroup() as tasks:
                for who in range(8):
                    tasks.create_task(ask(who))
                await asyncio.sleep(0.3)
                await asyncio.to_thread(server.stop)
                await asyncio.sleep(0.5)
                await asyncio.to_thread(server.start)
                await back(store)
                await asyncio.sleep(0.3)
                stop.set()
            figure("admitted of a limit of 10", admitted, most=20)
            # The limit, this process's part while the server was away, and the limit anew.
            assert 10 <= admitted <= 30
            assert store.lost == 0
