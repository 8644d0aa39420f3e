"""R17: where a few answers are slow a second target is asked, at no more than its share, and who
comes second is stopped and paid for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.faultd import Play
from tests.scenarios.harness import FORMS, bench, full_rate, load, percentile

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

USUAL = Play(before_head=0.05, chunks=5)
SLOW = Play(before_head=0.5, chunks=5)


def hedge(**more: Any) -> Any:
    return {"hedge": {"of": ["a", "b"], **more}}


async def test_r17_the_loser_is_closed_at_once_and_both_are_paid(figure: Figure) -> None:
    to = hedge(after="100ms", share=1)
    async with bench("openai-chat", "openai-chat", usual=USUAL, to=to) as found:
        slow, other = found.servers
        await found.hear(stream=True)
        slow.script(Play(before_content=5, chunks=60), first=1)
        heard = await found.hear(stream=True)
        assert await slow.gone(1) == "fin"
    assert heard.text == "000 001 002 003 004 "
    assert heard.first is not None
    assert 0.15 <= heard.first < 0.1 + 4 * 0.1
    lost = slow.seen[1]
    assert lost.gone_at is not None
    figure("loser closed after", lost.gone_at - (heard.asked_at + heard.first), "s", most=0.1)
    assert lost.gone_at - (heard.asked_at + heard.first) < 4 * 0.1
    assert len(other.seen) == 1
    assert heard.decision is not None
    loser, winner = heard.decision.attempts
    assert (loser.target, winner.target) == ("a/gpt-5.1", "b/gpt-5.1")
    assert (loser.outcome, winner.outcome) == ("cancelled", "ok")
    for one in (loser, winner):
        assert one.usage is not None
        assert (one.micro_dollars or 0) + (one.maybe_billed or 0) > 0


@FORMS
async def test_r17_a_twentieth_of_load_takes_the_tail_away(full: bool, figure: Figure) -> None:
    rate, seconds = (min(150, await full_rate()), 40) if full else (60, 3)
    figure("requests a second", rate)
    firsts = {}
    for name, to in {"plain": ["a", "b"], "hedged": hedge(after="150ms")}.items():
        async with bench("openai-chat", "openai-chat", usual=USUAL, to=to) as found:
            await found.hear(stream=True)
            for server in found.servers:
                server.script(SLOW, every=20)
                server.clear()
            heard = await load(lambda _, f=found: f.hear(stream=True), rate, seconds)
        assert [one.message for one in heard if one.error] == []
        # Of 180 requests two stalls of the machine are all of the last hundredth.
        firsts[name] = percentile([one.first or 0 for one in heard], 0.99 if full else 0.96)
        figure("extra load", sum(found.counts) / len(heard) - 1, "%", most=0.05)
        assert sum(found.counts) <= 1.05 * len(heard) + 1
    figure(
        f"{'p99' if full else 'p96'} of the first token, less by",
        1 - firsts["hedged"] / firsts["plain"],
        "%",
        least=0.4,
    )
    assert firsts["hedged"] <= 0.6 * firsts["plain"]
