"""R2: a provider that hangs costs its callers a moment, and soon no caller any more."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from tests.faultd import Remote
from tests.scenarios.harness import bench

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

RATE, BEFORE, AFTER, TIMEOUT = 40, 1.5, 1.5, 0.5
ROUTE = {"timeouts": {"first_byte": "500ms", "first_token": "500ms", "attempt": "500ms"}}


@pytest.mark.parametrize("stream", [False, True])
async def test_r2_few_callers_pay_for_a_provider_that_hangs(stream: bool, figure: Figure) -> None:
    async with (
        Remote() as primary,
        bench("openai-chat", "openai-chat", elsewhere=[primary.url], route=ROUTE) as found,
    ):
        running = asyncio.create_task(found.load(RATE, BEFORE + AFTER, stream=stream))
        await asyncio.sleep(BEFORE)
        frozen = time.monotonic()
        primary.freeze()
        heard = await running
    assert [one.message for one in heard if one.error] == []
    assert max(one.took for one in heard) < TIMEOUT + 4 * 0.3
    figure(
        "longest wait beyond the timeout", max(one.took for one in heard) - TIMEOUT, "s", most=0.3
    )
    paid = [one for one in heard if one.took >= TIMEOUT]
    flying = [one for one in heard if frozen - 0.05 <= one.asked_at < frozen + TIMEOUT]
    figure("callers who waited, beyond those in flight", max(0, len(paid) - len(flying)), most=5)
    assert paid
    assert len(paid) <= 5 + len(flying)
