"""S16: a client that wants no other target than the first gets none, in streams too."""

from __future__ import annotations

import json

import pytest

from tests.faultd import Break, Play
from tests.scenarios.harness_doors import served
from tests.server.doors import Line, asked

pytestmark = pytest.mark.anyio

NONE = "x-trunkline-fallback: none"
FAILS = [Play(status=503), Play(breaks=Break("rst")), Play(breaks=Break("fin", 0))]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fails", FAILS, ids=["503", "reset", "cut"])
async def test_s16_nobody_else_is_asked(stream: bool, fails: Play) -> None:
    async with served(
        "openai-chat", "openai-chat", route={"allow": ["fallback"], "retry": {"same_target": 0}}
    ) as found:
        first, second = found.bench.servers
        first.script(fails)
        async with Line.to(found.port, asked("openai-chat", NONE, stream=stream)) as line:
            assert await line.head() in (502, 503)
            assert "error" in json.loads(await line.body())
        assert (len(first.seen), len(second.seen)) == (1, 0)
        async with Line.to(found.port, asked("openai-chat", stream=stream)) as line:
            assert await line.head() == 200
            await line.body()
        assert len(second.seen) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_s16_only_where_the_route_lets_its_callers_say_so(stream: bool) -> None:
    async with (
        served("openai-chat", "openai-chat") as found,
        Line.to(found.port, asked("openai-chat", NONE, stream=stream)) as line,
    ):
        assert await line.head() == 400
        assert b"`fallback`" in await line.body()
        assert [len(upstream.seen) for upstream in found.bench.servers] == [0, 0]
