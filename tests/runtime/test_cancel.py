"""Whoever stops listening closes the socket upstream, wherever the call is by then."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from tests.runtime.making import HELLO, providers_of, simulated
from trunkline import Engine, EngineClosed, UpstreamError

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def within(seconds: float = 5) -> Any:
    async with asyncio.timeout(seconds):
        yield


@pytest.mark.parametrize("stream", [False, True])
async def test_cancelling_before_an_answer_closes_the_socket(stream: bool) -> None:
    async def ask() -> None:
        if stream:
            async with engine.stream(model="m", messages=HELLO):
                pass
        else:
            await engine.chat(model="m", messages=HELLO)

    async with Engine.open(simulated("faults: [{stall: true}]")) as engine, within():
        task = asyncio.create_task(ask())
        seen = await providers_of(engine)["sim"].arrival()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await seen.over() == "cancelled"
        assert engine._state.in_flight == {}


async def test_leaving_a_stream_early_closes_the_socket() -> None:
    async with Engine.open(simulated("chunk_delay: 1s")) as engine, within():
        async with engine.stream(model="m", messages=HELLO) as stream:
            async for _ in stream:
                break
        seen = await providers_of(engine)["sim"].arrival()
        assert await seen.over() == "cancelled"
        assert stream.reply.decision.attempts[0].outcome == "cancelled"
        assert engine._state.in_flight == {}


async def test_cancelling_a_reader_closes_the_socket_and_keeps_what_came() -> None:
    async with Engine.open(simulated("chunk_delay: 200ms")) as engine, within():
        stream = engine.stream(model="m", messages=HELLO)
        read: list[str] = []
        heard = asyncio.Event()

        async def listen() -> None:
            async for delta in stream:
                read.append(delta.text)
                heard.set()

        async with stream:
            task = asyncio.create_task(listen())
            await heard.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            seen = await providers_of(engine)["sim"].arrival()
            assert await seen.over() == "cancelled"
            assert stream.reply.decision.attempts[0].outcome == "cancelled"
            assert engine._state.in_flight == {}
        assert stream.reply.text.startswith("".join(read))


@pytest.mark.parametrize("fault", ["stall: true", "status: 429, retry_after: 2s"])
async def test_closing_the_engine_cuts_what_is_under_way(fault: str) -> None:
    engine = await Engine.open(simulated(f"faults: [{{{fault}}}]"))
    async with within():
        task = asyncio.create_task(engine.chat(model="m", messages=HELLO))
        await providers_of(engine)["sim"].arrival()
        await engine.aclose()
        with pytest.raises((UpstreamError, EngineClosed)):
            await task
    assert engine._state.in_flight == {}
    assert engine._generation is not None
    assert engine._generation._users == 0


async def test_a_stream_is_entered_once() -> None:
    async with Engine.open(simulated("reply: hi")) as engine:
        stream = engine.stream(model="m", messages=HELLO)
        async with stream:
            with pytest.raises(RuntimeError, match="begun already"):
                await stream.__aenter__()
        assert engine._state.in_flight == {}
