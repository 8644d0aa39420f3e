"""L4: a budget of $1.00 and 200 requests at once that cost at most $0.02 each, at every store.

What is spent never passes $1.00; once refunds have landed at least $0.98 of it can be used.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

import pytest

from tests.state.stores import KINDS, opened
from trunkline.policy.budgets import BudgetRule
from trunkline.store import Change

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

DOLLAR = 1_000_000
RULE = BudgetRule("l4", DOLLAR, "month")


@pytest.mark.parametrize("kind", KINDS)
async def test_l4_a_dollar_is_never_overspent_and_is_used_up(
    kind: str, tmp_path: Path, figure: Figure
) -> None:
    chance = random.Random(4)
    claim = RULE.claim("", DOLLAR // 50, time.time())
    spent = 0
    async with opened(kind, tmp_path) as store:

        async def one(name: str) -> None:
            nonlocal spent
            if await store.reserve(name, [claim]) is None:
                await asyncio.sleep(0)
                cost = chance.randrange(DOLLAR // 50 + 1)
                spent += cost
                assert spent <= DOLLAR
                store.settle(name, [Change(claim, cost)])

        for wave in range(12):
            await asyncio.gather(*(one(f"{wave}.{n}") for n in range(200)))
        figure("used of the budget, most", spent / DOLLAR, "%", most=1)
        figure("used of the budget, least", spent / DOLLAR, "%", least=0.98)
        assert 0.98 * DOLLAR <= spent <= DOLLAR
