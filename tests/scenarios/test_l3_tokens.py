"""L3: 1,000 tokens a minute and 50 requests at once of at most 200 each, at every store.

No more than 1,000 are reserved, what was not used is back within 100 ms (asserted at four times
that, on a shared machine), and in the end the balance is the capacity less what was used.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from tests.state.stores import KINDS, opened
from trunkline.policy.limits import LimitRule, Quota, refund

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

RULE = LimitRule("l3", (Quota("tokens", 1000, 1e9),))
"""A minute so long that nothing comes back meanwhile but what was refunded."""


@pytest.mark.parametrize("kind", KINDS)
async def test_l3_no_more_than_the_limit_is_reserved_and_the_balance_is_exact(
    kind: str, tmp_path: Path, figure: Figure
) -> None:
    async with opened(kind, tmp_path) as store:
        claims = RULE.claims("", 200, 0, 0.0)
        asked = await asyncio.gather(*(store.reserve(str(n), claims) for n in range(50)))
        taken = [str(n) for n, refused in enumerate(asked) if refused is None]
        assert len(taken) == 5
        spent = 0
        for place, name in enumerate(taken):
            store.settle(name, RULE.changes(claims, 37 * place, 0))
            spent += 37 * place
        ended = time.perf_counter()
        rest = RULE.claims("", 1000 - spent, 0, 0.0)
        while (refused := await store.reserve("rest", rest)) is not None:
            assert time.perf_counter() - ended < 0.4, refused
        figure("refunded after", time.perf_counter() - ended, "s", most=0.1)
        assert await store.reserve("more", RULE.claims("", 1, 0, 0.0)) is not None
        store.settle("rest", refund(rest))
