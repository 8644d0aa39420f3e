"""S11 in process: a model that thinks in silence, after its stream has begun, has not answered yet.
It may be given up for another until its first content comes, and only that is the commit."""

from __future__ import annotations

import pytest

from tests.faultd import Break, Play
from tests.scenarios.harness import QUICK, bench

pytestmark = pytest.mark.anyio

THINKS = 0.5
"""Seconds, for 25."""

DIALECTS = pytest.mark.parametrize(
    "dialect", ["openai-chat", "openai-responses", "anthropic-messages"]
)
TIMES = {**QUICK, "first_byte": "300ms", "idle": "200ms", "first_token": "5s"}
"""The times between two bytes are shorter than the silence: before the first content they do not
run."""


@DIALECTS
async def test_s11_silence_before_the_first_content_is_borne(dialect: str) -> None:
    thinks = Play(before_content=THINKS)
    async with bench(dialect, dialect, usual=thinks, route={"timeouts": TIMES}) as found:
        heard = await found.hear(stream=True)
        assert (heard.text, heard.attempts) == ("000 001 002 ", [("a", "ok")])
        assert found.counts == [1, 0]
        assert heard.first is not None
        assert heard.first >= THINKS
        assert heard.decision is not None
        (attempt,) = heard.decision.attempts
        assert attempt.first_content is not None
        assert THINKS <= attempt.first_content <= heard.first


@DIALECTS
@pytest.mark.parametrize("how", ["fin", "rst", "error", "stall"])
async def test_s11_what_fails_after_the_silence_goes_elsewhere(dialect: str, how: str) -> None:
    breaks = Break(how, "prelude")  # type: ignore[arg-type]
    times = {**TIMES, "first_token": "800ms"}
    async with bench(dialect, "openai-chat", route={"timeouts": times}) as found:
        found.servers[0].script(Play(before_content=THINKS, breaks=breaks))
        heard = await found.hear(stream=True)
        assert (heard.text, heard.finish) == ("000 001 002 ", "stop")
        assert [name for name, _ in heard.attempts] == ["a", "b"]
        assert found.counts == [1, 1]
