"""S4: a stream that falls silent ends in an error, soon, and its socket is closed."""

from __future__ import annotations

import pytest

from tests.faultd import Break, Play
from tests.scenarios.harness import CHATS, bench

pytestmark = pytest.mark.anyio

IDLE = 0.1
"""A tenth of the second that the row speaks of."""
ROUTE = {"timeouts": {"idle": "100ms"}}


@pytest.mark.parametrize("dialect", CHATS)
async def test_s4_a_stall_ends_in_an_error_and_a_closed_socket(dialect: str) -> None:
    async with bench(dialect, "openai-chat", route=ROUTE) as found:
        found.servers[0].script(Play(chunks=20, breaks=Break("stall", 10)))
        heard = await found.hear(stream=True)
        assert (heard.error, heard.pieces, heard.finish) == ("interrupted", 10, None)
        assert heard.first is not None
        assert IDLE <= heard.took - heard.first < 4 * 1.2 * IDLE
        assert await found.servers[0].gone() in ("fin", "rst")
        seen = found.servers[0].seen[0]
        assert seen.gone_at is not None
        assert seen.gone_at - (heard.asked_at + heard.took) < 0.25
    assert found.counts == [1, 0]
