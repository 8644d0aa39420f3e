"""B6 at the engine: a thousand clients that hang up eject nobody, throttle nobody, and are all in
the books."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from tests.graph.making import said, streamed
from tests.scenarios.scripted import DONE, scripted

pytestmark = pytest.mark.anyio

ROUTES = "  - {match: m, to: a/m}\n  - {match: both, to: [a/m, b/m]}"
LATE = {"whole": replace(said("a"), delay=30.0), "stream": streamed("a", 30.0, "b", DONE)}


@pytest.mark.parametrize("model", ["m", "both"])
@pytest.mark.parametrize("kind", LATE)
async def test_b6_a_thousand_clients_that_hang_up_say_nothing(kind: str, model: str) -> None:
    async with scripted(ROUTES) as stage:
        for number in range(10):
            assert (await stage.ask(f"before {number}", model=model)).text == "a"
        stage.answers["a"] = LATE[kind]
        for wave in range(10):
            asked = [
                asyncio.create_task(
                    stage.ask(f"{wave} {number}", stream=kind == "stream", model=model)
                )
                for number in range(100)
            ]
            await stage.sent(10 + 100 * (wave + 1))
            for one in asked:
                one.cancel()
            await asyncio.wait(asked)
            assert all(one.cancelled() for one in asked)
        del stage.answers["a"]
        state = stage.engine._state
        assert (state.in_flight, state.calm, stage.events) == ({}, True, [])
        for number in range(100):
            heard = await stage.ask(f"after {number}", model=model)
            assert (heard.text, heard.attempts) == ("a", [("a", "ok")])
        assert stage.sends == ["a"] * 1110
        assert Counter(row.outcome for row in stage.rows) == {"cancelled": 1000, "ok": 110}
