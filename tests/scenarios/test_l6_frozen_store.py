"""L6: Redis stops answering (SIGSTOP) while 200 requests a second need it.

None fails; at most 3 + R × 50 ms of them wait for it, none longer than 60 ms; then nobody does,
and this process admits its share of the limit; when Redis is back it is used again and told what
was used meanwhile. Waits are asserted at four times the figure, on a shared machine.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from tests.scenarios.harness import percentile
from tests.state.redis_server import running
from tests.state.stores import back, redis_store
from trunkline.policy.budgets import BudgetRule
from trunkline.policy.limits import LimitRule, Quota
from trunkline.store import Change

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

RATE = 200
WAITED = 0.02
"""A request that took longer than this waited for the store."""


async def frozen_for(seconds: float, figure: Figure) -> None:
    tight = LimitRule("tight", (Quota("requests", 10, 1e9),))
    wide = LimitRule("wide", (Quota("requests", 10**6, 60.0),)).claims("", 0, 0, 0.0)
    budget = BudgetRule("money", 1000, "month").claim("", 100, time.time())
    waits: list[float] = []
    with running() as server:
        async with redis_store(server, replicas=2) as store:

            async def one(name: str) -> None:
                started = time.perf_counter()
                assert await store.reserve(name, wide) is None
                waits.append(time.perf_counter() - started)
                store.settle(name, [Change(wide[0], 1)])

            assert await store.reserve("before", [budget]) is None
            assert store.left(budget) == 900
            server.freeze()
            began = time.perf_counter()
            async with asyncio.TaskGroup() as tasks:
                while (passed := time.perf_counter() - began) < seconds:
                    tasks.create_task(one(f"r{passed}"))
                    await asyncio.sleep(1 / RATE)
            paid = [wait for wait in waits if wait > WAITED]
            figure("requests that waited", len(paid), most=15)
            figure("longest wait", max(waits), "s", most=0.06)
            assert len(paid) <= 15
            assert max(waits) <= 4 * 0.06
            late = sorted(waits[100:])
            figure("p99 of waits later", percentile(late, 0.99), "s", most=0.001)
            figure("median of waits later", percentile(late, 0.5), "s", most=0.001)
            assert late[len(late) // 2] <= 0.001
            assert store.degraded is not None

            share = tight.claims("", 0, 0, 0.0)
            admitted = [await store.reserve(f"t{n}", share) for n in range(20)]
            assert admitted.count(None) == 5
            money = [await store.reserve(f"m{n}", [budget]) for n in range(20)]
            assert money.count(None) == 4
            for n in range(4):
                store.settle(f"m{n}", [Change(budget, 50)])
            for n in range(5):
                store.settle(f"t{n}", [Change(share[0], 1)])

            server.thaw()
            await back(store)
            assert await store.reserve("after", [budget._replace(amount=700)]) is None
            assert await store.reserve("over", [budget._replace(amount=1)]) is not None
            again = [await store.reserve(f"u{n}", share) for n in range(20)]
            assert again.count(None) == 5
            assert store.lost == 0


async def test_l6_a_store_that_freezes_fails_nobody(figure: Figure) -> None:
    await frozen_for(3.0, figure)


@pytest.mark.nightly
async def test_l6_a_store_that_freezes_for_half_a_minute_fails_nobody(figure: Figure) -> None:
    await frozen_for(30.0, figure)
