"""R16: a request's own time is kept to, whatever its targets do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faultd import Break, Play
from tests.scenarios.harness import FORMS, bench

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

STALLED = Play(breaks=Break("stall"))


@FORMS
@pytest.mark.parametrize("stream", [False, True])
async def test_r16_three_stalling_targets_end_at_the_deadline(
    stream: bool, full: bool, figure: Figure
) -> None:
    slack = 1 if full else 4
    route = {"timeouts": {"total": "2s", "first_byte": "3s", "first_token": "3s"}}
    async with bench(*["openai-chat"] * 3, usual=STALLED, route=route) as found:
        heard = await found.hear(stream=stream)
        assert (heard.error, heard.status) == ("deadline", 504)
        figure("504 after 2 s and", heard.took - 2, "s", most=0.1)
        assert 1.99 < heard.took < 2 + slack * 0.1
        assert await found.servers[0].gone() == "fin"
        seen = found.servers[0].seen[0]
        assert seen.gone_at is not None
        figure(
            "upstream closed after", seen.gone_at - (heard.asked_at + heard.took), "s", most=0.25
        )
        assert seen.gone_at - (heard.asked_at + heard.took) < slack * 0.25
    assert found.counts == [1, 0, 0]


async def test_r16_no_attempt_begins_with_less_than_a_second_left() -> None:
    route = {"timeouts": {"total": "1600ms", "first_byte": "400ms", "first_token": "400ms"}}
    async with bench(*["openai-chat"] * 3, usual=STALLED, route=route) as found:
        heard = await found.hear(stream=True)
    assert heard.status == 504
    assert heard.took < 1.7
    assert found.counts == [1, 1, 0]
    for server in found.servers[:2]:
        assert heard.asked_at + 1.6 - server.seen[0].at > 0.99
