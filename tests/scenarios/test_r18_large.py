"""R18: a large body is sent again as it was."""

from __future__ import annotations

import pytest

from tests.faultd import Play
from tests.scenarios.harness import bench

pytestmark = pytest.mark.anyio


async def test_r18_a_large_body_is_the_same_each_time() -> None:
    async with bench(*["openai-chat"] * 3) as found:
        for server in found.servers[:2]:
            server.script(Play(status=503))
        route = {"messages": [{"role": "user", "content": "ä" * 2**20}]}
        heard = await found.hear(**route)
    assert heard.error == ""
    seen = [one for server in found.servers for one in server.seen]
    assert len(seen) >= 3
    assert len({one.digest for one in seen}) == 1
    assert seen[0].size > 2**21
