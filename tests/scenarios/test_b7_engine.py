"""B7 at the engine: where less than half of a tier is well and nobody below it is, ejections for a
low rate of success are overlooked; who is cooled, or fails whatever is asked, stays out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.graph.making import failing, said
from tests.scenarios.scripted import scripted

if TYPE_CHECKING:
    from tests.scenarios.scripted import Stage

pytestmark = pytest.mark.anyio

TIER = "{balance: {by: round_robin, of: [a/m, b/m, c/m, d/m]}}"
ROUTES = "\n".join(
    [
        f"  - {{match: m, to: {TIER}, retry: {{same_target: 0}}}}",
        f"  - {{match: below, to: [{TIER}, e/m], retry: {{same_target: 0}}}}",
        *(f"  - {{match: only-{name}, to: {name}/m}}" for name in "abcde"),
    ]
)


async def fails_often(stage: Stage, provider: str) -> None:
    """Two of three answers are failures, never five in a row, until it is ejected for that."""
    before = len(stage.events)
    for number in range(60):
        stage.answers[provider] = said("well") if number % 3 == 0 else failing(504)
        await stage.ask(f"{provider} {number}", model=f"only-{provider}")
        if len(stage.events) > before:
            break
    assert number >= 19
    assert [event.kind for event in stage.events[before:]] == ["ejected"]
    del stage.answers[provider]


async def unwell(stage: Stage) -> None:
    """Two fail often, one always, and the fourth asks for patience."""
    await stage.eject("c", "only-c")
    await fails_often(stage, "a")
    await fails_often(stage, "b")
    stage.answers["d"] = failing(429, retry_after="9")
    assert (await stage.ask("too fast", model="only-d")).status == 429
    del stage.answers["d"]
    stage.transport.requests.clear()


async def test_b7_who_fails_too_often_is_asked_again_where_there_is_nobody_else() -> None:
    async with scripted(ROUTES) as stage:
        await unwell(stage)
        heard = [await stage.ask(f"panics {number}") for number in range(40)]
        assert [one.error for one in heard] == [""] * 40
        assert Counter(stage.sends) == {"a": 20, "b": 20}


async def test_b7_there_is_no_panic_while_somebody_below_is_well() -> None:
    async with scripted(ROUTES) as stage:
        await unwell(stage)
        for number in range(10):
            assert (await stage.ask(f"goes below {number}", model="below")).text == "e"
        assert stage.sends == ["e"] * 10
        await stage.eject("e", "only-e")
        stage.transport.requests.clear()
        for number in range(10):
            assert (await stage.ask(f"panics {number}", model="below")).text in "ab"
        assert Counter(stage.sends) == {"a": 5, "b": 5}


async def test_b7_there_is_no_panic_while_half_of_the_tier_is_well() -> None:
    async with scripted(ROUTES) as stage:
        await fails_often(stage, "a")
        await fails_often(stage, "b")
        stage.transport.requests.clear()
        for number in range(10):
            assert (await stage.ask(f"half {number}")).text in "cd"
        assert Counter(stage.sends) == {"c": 5, "d": 5}
