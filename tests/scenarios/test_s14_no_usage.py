"""S14: where the provider does not count, we do, and say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faultd import Play
from tests.scenarios.harness import CHATS, bench

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

TEXT = "The answer to that is a matter of taste, of time and of where you stand. " * 4


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", CHATS)
async def test_s14_usage_that_is_not_said_is_estimated(
    dialect: str, stream: bool, figure: Figure
) -> None:
    async with bench(dialect, usual=Play(text=TEXT, usage=False)) as found:
        heard = await found.hear(stream=stream, text="What is the answer to all of that?")
        [seen] = found.servers[0].seen
    assert heard.error == ""
    assert heard.decision is not None
    usage = heard.decision.attempts[0].usage
    assert usage is not None
    assert usage["estimated"] is True
    figure("tokens, off by", abs(usage["output"] / seen.tokens - 1), "%", most=0.1)
    assert 0.9 * seen.tokens <= usage["output"] <= 1.1 * seen.tokens
    assert 5 <= usage["input"] <= 30


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", CHATS)
async def test_s14_a_zero_that_is_said_stays_a_zero(dialect: str, stream: bool) -> None:
    async with bench(dialect, usual=Play(input_tokens=0, output_tokens=0)) as found:
        heard = await found.hear(stream=stream)
    assert heard.decision is not None
    for usage in (heard.usage, heard.decision.attempts[0].usage or {}):
        assert (usage["input"], usage["output"]) == (0, 0)
        assert not usage.get("estimated")
