"""S4: a stream that falls silent ends in an error, soon, and its socket is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faultd import Break, Play
from tests.scenarios.harness import CHATS, FORMS, bench

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio


@FORMS
@pytest.mark.parametrize("dialect", CHATS)
async def test_s4_a_stall_ends_in_an_error_and_a_closed_socket(
    dialect: str, full: bool, figure: Figure
) -> None:
    idle = 1.0 if full else 0.1
    route = {"timeouts": {"idle": "1s" if full else "100ms"}}
    async with bench(dialect, "openai-chat", route=route) as found:
        found.servers[0].script(Play(chunks=20, breaks=Break("stall", 10)))
        heard = await found.hear(stream=True)
        assert (heard.error, heard.pieces, heard.finish) == ("interrupted", 10, None)
        assert heard.first is not None
        figure("error after, of the idle time", (heard.took - heard.first) / idle, "%", most=1.2)
        assert idle <= heard.took - heard.first < (1 if full else 4) * 1.2 * idle
        assert await found.servers[0].gone() in ("fin", "rst")
        seen = found.servers[0].seen[0]
        assert seen.gone_at is not None
        figure(
            "upstream closed after", seen.gone_at - (heard.asked_at + heard.took), "s", most=0.25
        )
        assert seen.gone_at - (heard.asked_at + heard.took) < 0.25
    assert found.counts == [1, 0]
