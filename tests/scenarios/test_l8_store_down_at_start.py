"""L8: started while Redis is down: up within 2 s and known to be degraded, or refused where a rule
says `closed`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.state.redis_server import RedisServer, running
from tests.state.stores import redis_store
from trunkline.policy.limits import LimitRule, Quota
from trunkline.store import StoreDownError, StoreSetupError

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

pytest.importorskip("redis")


async def test_l8_a_start_without_the_store_is_degraded_and_admits_its_share(
    figure: Figure,
) -> None:
    began, epoch = time.perf_counter(), time.time()
    async with redis_store(RedisServer(), replicas=2) as store:
        figure("up after, with the store down", time.perf_counter() - began, "s", most=2)
        assert time.perf_counter() - began < 2.0
        assert epoch <= store.degraded <= time.time()
        claims = LimitRule("l8", (Quota("requests", 10, 1e9),)).claims("", 0, 0, 0.0)
        assert [await store.reserve(str(n), claims) for n in range(9)].count(None) == 5
        assert await store.get("k") is None
        await store.put("k", b"", 1.0)


@pytest.mark.parametrize("rule", ["on_down_limits", "on_down_budgets"])
async def test_l8_a_start_without_the_store_is_refused_if_it_is_closed_then(rule: str) -> None:
    settings: dict[str, Any] = {rule: "closed"}
    with pytest.raises(StoreDownError) as refused:
        async with redis_store(RedisServer(), **settings):
            pass
    assert refused.value.budget is (rule == "on_down_budgets")


async def test_l8_a_frozen_store_does_not_hold_up_the_start(figure: Figure) -> None:
    with running() as server:
        server.freeze()
        began = time.perf_counter()
        async with redis_store(server) as store:
            assert store.degraded is not None
        figure("up after, with the store frozen", time.perf_counter() - began, "s", most=2)
        assert time.perf_counter() - began < 2 * 2.0


async def test_l8_a_wrong_password_is_no_outage() -> None:
    with running() as server:
        server.acl(">a-password-of-its-own", "resetpass", ">another-password")
        with pytest.raises(StoreSetupError, match="refuses us"):
            async with redis_store(server):
                pass
