"""L11: the wall clock jumps by five minutes either way and steps back an hour. What is decided
differs by no more than one request from what a true clock decides."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.state.redis_server import running
from tests.state.stores import KINDS, CrankedClock
from trunkline.policy.budgets import BudgetRule
from trunkline.policy.limits import LimitRule, Quota
from trunkline.policy.state_settings import StateSettings
from trunkline.state import open_store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

NOON = 1_800_014_400.0 // 86400 * 86400 + 43200
RULE = LimitRule("l11", (Quota("requests", 30, 60.0),), concurrency=40)
MONEY = BudgetRule("l11", 60, "day")


async def admitted(settings: StateSettings, jumps: bool) -> int:
    clock, chance, let_in = CrankedClock(epoch=NOON), random.Random(11), 0
    store = await open_store(settings, clock)
    try:
        for n in range(200):
            clock.now += 0.5
            clock.epoch += 0.5
            if jumps:
                clock.epoch += chance.choice([-300.0, 0.0, 0.0, 300.0])
                if n == 100:
                    clock.epoch -= 3600.0
            claims = [*RULE.claims("", 0, 0, 1000.0), MONEY.claim("", 1, clock.epoch)]
            let_in += await store.reserve(f"{jumps}{n}", claims) is None
    finally:
        await store.aclose()
    return let_in


@pytest.mark.parametrize("kind", KINDS)
async def test_l11_a_wall_clock_that_jumps_decides_as_a_true_one(
    kind: str, tmp_path: Path, figure: Figure
) -> None:
    if kind == "redis":
        with running() as server:
            settings = [
                StateSettings("redis", url=server.url, prefix=f"{{{n}}}:", timeout=1.0)
                for n in range(2)
            ]
            let_in = [await admitted(one, jumps) for jumps, one in enumerate(settings)]
    else:
        let_in = [
            await admitted(StateSettings(kind, path=str(tmp_path / f"{jumps}.db")), jumps)  # type: ignore[arg-type]
            for jumps in (False, True)
        ]
    assert let_in[0] >= 30
    figure("requests decided otherwise", abs(let_in[0] - let_in[1]), most=1)
    assert abs(let_in[0] - let_in[1]) <= 1
