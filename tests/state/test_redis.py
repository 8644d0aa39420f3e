"""What only Redis does: connections that die, replies that come late, what waits to be sent."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from tests.state.redis_server import running
from tests.state.stores import CrankedClock, back, redis_store
from trunkline.policy.limits import refund
from trunkline.policy.state_settings import StateSettings
from trunkline.state import open_store
from trunkline.store import Change, Claim, StoreSetupError

if TYPE_CHECKING:
    from tests.state.redis_server import RedisServer

pytestmark = pytest.mark.anyio

BUCKET = Claim("b", "bucket", 1, 10, 1e-9)
MONEY = Claim("w", "window", 10, 100, start=0.0, end=1e10)


async def test_a_connection_that_the_server_closed_is_replaced(shared_redis: RedisServer) -> None:
    async with redis_store(shared_redis, timeout=1.0) as store:
        for n in range(5):
            shared_redis.run("CLIENT", "KILL", "TYPE", "normal")
            assert await store.reserve(str(n), [BUCKET]) is None
        assert store.degraded is None
        asked = [await store.reserve(f"x{n}", [BUCKET]) for n in range(6)]
        assert asked.count(None) == 5


async def test_valkey_addresses_are_understood(shared_redis: RedisServer) -> None:
    url = shared_redis.url.replace("redis://", "valkey://")
    settings = StateSettings("redis", url=url, prefix="{valkey}:", timeout=1.0)
    store = await open_store(settings, CrankedClock())
    assert store.degraded is None  # type: ignore[attr-defined]
    assert await store.reserve("a", [BUCKET]) is None
    await store.aclose()


async def test_what_is_settled_before_the_end_is_sent_at_the_end(shared_redis: RedisServer) -> None:
    for n in range(3):
        async with redis_store(shared_redis, prefix="{end}:", timeout=1.0) as store:
            assert await store.reserve(str(n), [BUCKET._replace(amount=10)]) is None
            store.settle(str(n), refund([BUCKET._replace(amount=10)]))
        assert store.lost == 0


async def test_a_closed_store_goes_on_alone_and_counts_what_it_cannot_send(
    shared_redis: RedisServer,
) -> None:
    async with redis_store(shared_redis, timeout=1.0) as store:
        assert await store.reserve("a", [BUCKET]) is None
    store.settle("a", refund([BUCKET]))
    assert await store.reserve("b", [BUCKET]) is None
    assert store.lost >= 1


async def test_replies_that_come_late_are_nobody_elses() -> None:
    """A frozen server answers in the end; what it says then belongs to nobody any more."""
    with running() as server:
        async with redis_store(server) as store:
            await store.put("k", b"v", 60.0)
            server.freeze()
            for n in range(2):
                assert await store.reserve(f"slow{n}", [BUCKET]) is None
                store.settle(f"slow{n}", refund([BUCKET]))
            server.thaw()
            for _ in range(50):
                value = await store.get("k")
                assert value in (b"v", None)
            await back(store)
            # What was taken on its way is given back when the server wakes.
            assert await store.reserve("all", [BUCKET._replace(amount=10)]) is None


async def test_what_was_reserved_before_an_outage_is_settled_after_it() -> None:
    with running() as server:
        async with redis_store(server) as store:
            assert await store.reserve("a", [MONEY]) is None
            server.freeze()
            for n in range(4):
                assert await store.reserve(f"x{n}", [BUCKET]) is None
            assert store.degraded is not None
            store.settle("a", [Change(MONEY, 70)])
            server.thaw()
            await back(store)
            assert (await store.reserve("b", [MONEY._replace(amount=31)])) is not None
            assert await store.reserve("c", [MONEY._replace(amount=30)]) is None
            assert store.left(MONEY) == 0


async def test_an_error_of_the_server_is_an_outage_and_fails_nobody() -> None:
    with running() as server:
        async with redis_store(server, replicas=2, timeout=1.0) as store:
            server.run("CONFIG", "SET", "maxmemory", "1")
            asked = [await store.reserve(str(n), [BUCKET]) for n in range(20)]
            assert asked.count(None) == 5
            assert store.degraded is not None


async def test_a_reservation_that_waits_when_the_store_closes_is_not_left_waiting() -> None:
    with running() as server:
        async with redis_store(server, timeout=30.0) as store:
            server.freeze()
            waiting = asyncio.ensure_future(store.reserve("a", [BUCKET]))
            await asyncio.sleep(0.05)
            store._line._timeout = 0.05
        assert await asyncio.wait_for(waiting, 5) is None


async def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(StoreSetupError, match=r"pip install 'trunkline\[redis\]'"):
        await open_store(StateSettings("redis", url="redis://127.0.0.1:1"), CrankedClock())


def test_an_address_is_not_shown() -> None:
    assert "secret" not in repr(StateSettings("redis", url="redis://:secret@127.0.0.1"))
