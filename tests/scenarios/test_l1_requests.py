"""L1: five requests a minute are five, however many come at once and whoever they come to."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.faultd import Play
from tests.scenarios.harness import KEY, bench
from tests.scenarios.harness_doors import DOORS, post
from tests.scenarios.harness_processes import gateways

if TYPE_CHECKING:
    from pathlib import Path

    from tests.state.redis_server import RedisServer

pytestmark = pytest.mark.anyio

FIVE: Any = [{"name": "five", "by": "route.name", "requests_per_minute": 5}]
USUAL = Play(before_head=0.05)


async def test_l1_five_of_ten_are_admitted() -> None:
    async with bench("openai-chat", usual=USUAL, limits=FIVE) as found:
        heard = await asyncio.gather(*(found.hear(stream=number % 2 > 0) for number in range(10)))
    assert Counter(one.error for one in heard) == {"": 5, "limit": 5}
    refused = [one for one in heard if one.error]
    assert {one.status for one in refused} == {429}
    assert all(one.retry_after is not None and 0 < one.retry_after <= 60 for one in refused)
    assert found.counts == [5]


async def test_l1_five_of_twenty_are_admitted_by_two_processes(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    state = {"redis": {"url": redis_server.url, "timeout": "5s"}, "replicas": 2}
    path, body = DOORS["openai-chat"]
    async with (
        bench("openai-chat", usual=USUAL, limits=FIVE, state=state) as found,
        gateways(2, found.document, tmp_path, {"KEY": KEY}) as ports,
    ):
        asked = [post(ports[number % 2], path, body) for number in range(20)]
        answers = await asyncio.gather(*asked)
    assert Counter(one.status for one in answers) == {200: 5, 429: 15}
    assert found.counts == [5]
