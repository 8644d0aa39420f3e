"""R5: refusing here what would be refused there, and nothing else."""

from __future__ import annotations

import pytest

from tests.faultd import Play
from tests.scenarios.harness import bench

pytestmark = pytest.mark.anyio


async def test_r5_what_is_slow_is_not_taken_for_what_refuses() -> None:
    async with bench("openai-chat", usual=Play(before_head=1.0)) as found:
        heard = await found.load(60, 1.5)
    assert [one.message for one in heard if one.error] == []
    assert found.counts == [len(heard)]


async def test_r5_what_fails_now_and_then_is_asked_all_the_same() -> None:
    async with bench("openai-chat", usual=Play(before_head=0.3)) as found:
        found.servers[0].script(Play(status=503, before_head=0.3), chance=0.3)
        heard = await found.load(60, 1.5)
    assert [one.message for one in heard if not one.attempts] == []
