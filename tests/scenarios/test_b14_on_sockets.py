"""B14: a request that makes every target fail takes no target from those who ask something else."""

from __future__ import annotations

import asyncio

import pytest

from tests.faultd import Play
from tests.scenarios.harness import bench, load

pytestmark = pytest.mark.anyio


async def test_b14_one_caller_ejects_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async with bench("openai-chat", "openai-chat") as found:
        for server in found.servers:
            server.script(Play(status=500), id="poison")
        await found.hear()
        poison = load(lambda _: found.hear(text="[id:poison]"), 30, 1.5)
        failed, heard = await asyncio.gather(poison, found.load(60, 1.5))
    assert all(one.error for one in failed)
    assert [one.message for one in heard if one.error] == []
    assert [one.getMessage() for one in caplog.records] == []
    assert {one.attempts[0] for one in heard} == {("a", "ok")}
