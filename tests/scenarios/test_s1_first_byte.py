"""S1: a target whose first byte does not come is left, and the caller cannot tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faultd import Break, Play
from tests.scenarios.harness_doors import TIME, served

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

TIMEOUT = 0.1
ROUTE = {"timeouts": {"first_byte": "100ms", "first_token": "100ms"}}


@pytest.mark.parametrize(
    ("door", "backup", "at"),
    [
        ("openai-chat", "openai-chat", "request"),
        ("openai-chat", "openai-chat", "head"),
        ("openai-chat", "anthropic-messages", "prelude"),
        ("anthropic-messages", "anthropic-messages", "prelude"),
        ("anthropic-messages", "gemini-generate", "request"),
        ("openai-responses", "openai-responses", "head"),
    ],
)
async def test_s1_the_stream_is_that_of_the_backup_alone(
    door: str, backup: str, at: str, figure: Figure
) -> None:
    stalled = Play(breaks=Break("stall", at))  # type: ignore[arg-type]
    async with served(backup, route=ROUTE) as alone:
        wanted = await alone.ask(door, stream=True)
    async with served("openai-chat", backup, route=ROUTE) as found:
        found.bench.servers[0].script(stalled)
        got = await found.ask(door, stream=True)
    assert got.whole
    assert found.bench.counts == [1, 1]
    assert b"001" in got.body
    assert TIME.sub(b"", got.body) == TIME.sub(b"", wanted.body)
    figure("first byte after the timeout and", got.times[0] - TIMEOUT, "s", most=0.3)
    assert TIMEOUT <= got.times[0] < TIMEOUT + 4 * 0.3
