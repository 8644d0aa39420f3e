"""L1 at the doors: five requests a minute are five, whichever door they come to, in one process and
in two that share Redis."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.faultd import Play
from tests.scenarios.harness import KEY, bench
from tests.scenarios.harness_doors import DOORS, post, served
from tests.scenarios.harness_processes import gateways

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scenarios.harness_doors import Door
    from tests.state.redis_server import RedisServer

pytestmark = pytest.mark.anyio

FIVE: Any = [{"name": "five", "by": "route.name", "requests_per_minute": 5}]
USUAL = Play(before_head=0.05)
BOTH = ["openai-chat", "anthropic-messages"]


def check(answers: list[Door]) -> None:
    """Five were admitted; the others were told when to come back, in their door's own words."""
    assert Counter(one.status for one in answers) == {200: 5, 429: len(answers) - 5}
    for place, one in enumerate(answers):
        if one.status == 429:
            assert 1 <= int(one.headers["retry-after"]) <= 60
            assert "`five`" in one.json["error"]["message"]
            assert ("type" in one.json) is (place % 2 > 0)


async def test_l1_five_of_twenty_are_admitted_by_two_doors() -> None:
    async with served("openai-chat", usual=USUAL, limits=FIVE) as found:
        asked = [found.ask(BOTH[n % 2], stream=n % 4 > 1) for n in range(20)]
        check(await asyncio.gather(*asked))
        assert found.bench.counts == [5]


async def test_l1_five_of_twenty_are_admitted_by_two_doors_of_two_processes(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    state = {"redis": {"url": redis_server.url, "timeout": "5s"}, "replicas": 2}
    async with (
        bench("openai-chat", usual=USUAL, limits=FIVE, state=state) as found,
        gateways(2, found.document, tmp_path, {"KEY": KEY}) as ports,
    ):
        asked = [post(ports[n // 10], *DOORS[BOTH[n % 2]]) for n in range(20)]
        check(await asyncio.gather(*asked))
        assert found.counts == [5]
