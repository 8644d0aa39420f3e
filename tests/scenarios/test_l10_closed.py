"""L10: a hard budget whose store is away is refused at once, not spent on trust. 60 ms, asserted
at four times that on a shared machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.state.redis_server import running
from tests.state.stores import redis_store
from trunkline.policy.budgets import BudgetRule
from trunkline.policy.limits import LimitRule, Quota
from trunkline.store import StoreDownError

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

LIMIT = LimitRule("l10", (Quota("requests", 100, 60.0),)).claims("", 0, 0, 0.0)


@pytest.mark.parametrize("how", ["freeze", "stop"])
async def test_l10_a_closed_budget_is_refused_within_60_ms(how: str, figure: Figure) -> None:
    budget = BudgetRule("l10", 1000, "day").claim("", 1, time.time())
    with running() as server:
        async with redis_store(server, on_down_budgets="closed") as store:
            assert await store.reserve("before", [*LIMIT, budget]) is None
            getattr(server, how)()
            for n in range(8):
                began = time.perf_counter()
                with pytest.raises(StoreDownError) as refused:
                    await store.reserve(f"b{n}", [*LIMIT, budget])
                figure("refused after", time.perf_counter() - began, "s", most=0.06)
                assert time.perf_counter() - began <= 4 * 0.06
                assert refused.value.budget
            assert await store.reserve("limits alone", LIMIT) is None


async def test_l10_a_closed_limit_is_no_budget_and_open_ones_let_through() -> None:
    budget = BudgetRule("l10", 1, "day").claim("", 1, time.time())
    with running() as server:
        async with redis_store(server, on_down_limits="closed", on_down_budgets="open") as store:
            server.stop()
            with pytest.raises(StoreDownError) as refused:
                await store.reserve("a", LIMIT)
            assert not refused.value.budget
            assert [await store.reserve(f"o{n}", [budget]) for n in range(3)] == [None] * 3
