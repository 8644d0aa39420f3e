"""R8: a rate limit that says nothing of time: five seconds, then ten, up to sixty."""

from __future__ import annotations

import pytest

from tests.faultd import Play
from tests.scenarios.harness import bench

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("dialect", ["vertex-anthropic", "gemini-generate", "openai-chat"])
async def test_r8_the_cooldown_doubles_up_to_a_minute(dialect: str) -> None:
    async with bench(dialect, "openai-chat", usual=Play()) as found:
        await found.hear()  # reads the list of prices, once a process
        found.servers[0].script(Play(status=429))
        for rest in (5, 10, 20, 40, 60, 60):
            heard = await found.hear()
            assert heard.attempts == [("a", "rate_limited"), ("b", "ok")]
            assert heard.took < 0.2
            for later in (0.0, rest - 0.5):
                found.clock.by += later
                heard = await found.hear()
                assert heard.attempts == [("b", "ok")]
            found.clock.by += 0.6
        found.servers[0].heal()
        assert (await found.hear()).attempts == [("a", "ok")]
