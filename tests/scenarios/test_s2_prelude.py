"""S2: an error after the prelude is no answer: the next target is asked, and nothing of the first
one is shown."""

from __future__ import annotations

import pytest

from tests.faultd import Break, Play
from tests.scenarios.harness import CHATS, bench
from tests.scenarios.harness_doors import TIME, served

pytestmark = pytest.mark.anyio

BROKEN = Play(breaks=Break("error", "prelude"))


@pytest.mark.parametrize("loser", CHATS)
async def test_s2_an_error_after_the_prelude_goes_to_the_next(loser: str) -> None:
    async with bench(loser, "openai-chat") as found:
        found.servers[0].script(BROKEN)
        heard = await found.hear(stream=True)
    assert (heard.text, heard.pieces, heard.finish) == ("000 001 002 ", 3, "stop")
    assert heard.attempts[1:] == [("b", "ok")]
    assert found.counts == [1, 1]


@pytest.mark.parametrize(
    ("door", "loser"),
    [
        ("openai-chat", "openai-chat"),
        ("openai-chat", "anthropic-messages"),
        ("anthropic-messages", "openai-responses"),
        ("openai-responses", "bedrock-converse"),
    ],
)
async def test_s2_the_prelude_of_the_loser_is_never_shown(door: str, loser: str) -> None:
    async with served(loser, door) as found:
        found.bench.servers[0].script(BROKEN)
        answer = await found.ask(door, stream=True)
    async with served(door) as backup:
        alone = await backup.ask(door, stream=True)
    assert (answer.status, answer.whole) == (200, True)
    assert found.bench.counts == [1, 1]
    assert TIME.sub(b"", answer.body) == TIME.sub(b"", alone.body)
    assert b"001 " in answer.body
