"""A reload changes what comes next and nothing that is under way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.graph.making import HELLO, ids, opened, plan, said
from tests.runtime.making import providers_of, simulated
from trunkline import ConfigError, Engine

pytestmark = pytest.mark.anyio


async def test_reloads_under_fifty_streams_cut_none() -> None:
    async def listen() -> tuple[str, int]:
        text = ""
        async with engine.stream(model="m", messages=HELLO) as stream:
            await begun.wait()
            async for delta in stream:
                text += delta.text
        assert stream.reply.complete
        return text, stream.reply.decision.generation

    begun = asyncio.Barrier(51)
    async with Engine.open(simulated("chunk_delay: 10ms")) as engine:
        expected = (await engine.chat(model="m", messages=HELLO)).text
        tasks = [asyncio.create_task(listen()) for _ in range(50)]
        await begun.wait()
        old = providers_of(engine)["sim"]
        for turn in range(3):
            await engine.reload(simulated(f"reply: turn {turn}"))
        assert (await engine.chat(model="m", messages=HELLO)).text == "turn 2"
        heard = await asyncio.gather(*tasks)
        assert heard == [(expected, 1)] * 50
        assert old.count == 51


async def test_the_old_generation_is_closed_when_its_last_request_ends() -> None:
    async with Engine.open(simulated("chunk_delay: 5ms")) as engine:
        first = engine._generation
        assert first is not None
        async with engine.stream(model="m", messages=HELLO) as stream:
            await engine.reload()
            assert not first.closed
            await stream.reply.read()
        async with asyncio.timeout(5):
            await asyncio.gather(*engine._retiring)
        assert first.closed


async def test_a_plan_with_a_mistake_is_not_taken() -> None:
    async with Engine.open(simulated("reply: first")) as engine:
        before = engine.plan
        for wrong in (
            "version: 1\nroutes: 3\n",
            simulated(to="nobody"),
            simulated().replace("type: simulated, as: openai", 'api_key: "${env:X}", type: openai'),
        ):
            with pytest.raises(ConfigError):
                await engine.reload(wrong)
            assert engine.plan is before
        assert (await engine.chat(model="m", messages=HELLO)).text == "first"


async def test_reload_without_a_source_reads_the_same_one_again(tmp_path: Any) -> None:
    file = tmp_path / "routes.yaml"
    file.write_text(simulated("reply: one"))
    async with Engine.open(file) as engine:
        file.write_text(simulated("reply: two"))
        assert (await engine.chat(model="m", messages=HELLO)).text == "one"
        await engine.reload()
        assert (await engine.chat(model="m", messages=HELLO)).text == "two"
        await engine.reload(simulated("reply: three"))
        assert (await engine.chat(model="m", messages=HELLO)).text == "three"


async def test_counters_go_on_where_they_were() -> None:
    routes = """
  - name: turns
    match: m
    to: {balance: {by: round_robin, of: [a, b, c]}}"""
    engine, transport = await opened(plan(routes), lambda _request: said())
    for _ in range(2):
        await engine.chat(model="m", messages=HELLO)
    await engine.reload(plan("  - {match: other, to: d}" + routes))
    await engine.chat(model="m", messages=HELLO)
    assert ids(transport) == ["a", "b", "c"]


async def test_other_weights_begin_anew() -> None:
    routes = "  - {match: m, to: {balance: {of: [a, {target: b, weight: %s}]}}}"
    engine, transport = await opened(plan(routes % 1), lambda _request: said())
    await engine.chat(model="m", messages=HELLO)
    await engine.reload(plan(routes % 2))
    for _ in range(3):
        await engine.chat(model="m", messages=HELLO)
    assert sorted(ids(transport)[1:]) == ["a", "b", "b"]


async def test_reloads_at_once_take_turns() -> None:
    async with Engine.open(simulated("reply: zero")) as engine:
        sources = [simulated(f"reply: number {number}") for number in range(5)]
        await asyncio.gather(*(engine.reload(source) for source in sources))
        reply = await engine.chat(model="m", messages=HELLO)
    assert reply.text == "number 4"
    assert reply.decision.generation == 6
