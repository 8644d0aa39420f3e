"""The engine without async: the same calls, which block."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from tests.runtime.making import HELLO, providers_of, simulated
from trunkline import ConfigError, Engine, EngineClosed, RequestError, TrunklineError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from trunkline.runtime import SyncEngine


def test_chat_and_stream_block_until_they_have_something() -> None:
    with Engine.open_sync(simulated("reply: one two three")) as engine:
        assert engine.chat(model="m", messages=HELLO).text == "one two three"
        with engine.stream(model="m", messages=HELLO) as stream:
            assert "".join(delta.text for delta in stream) == "one two three"
        assert stream.reply.complete
        engine.reload(simulated("reply: four"))
        assert engine.chat(model="m", messages=HELLO).text == "four"
        assert engine.plan.routes[0].name == "all"


def test_errors_are_the_same() -> None:
    with Engine.open_sync(simulated()) as engine, pytest.raises(RequestError):
        engine.chat(model="m")
    with pytest.raises(EngineClosed):
        engine.chat(model="m", messages=HELLO)
    engine.close()


def test_a_failed_opening_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    with pytest.raises(ConfigError):
        Engine.open_sync("version: 1\nroutes: 3\n")
    assert threading.active_count() == before


def test_leaving_a_stream_early_is_fine() -> None:
    with Engine.open_sync(simulated("chunk_delay: 1s")) as engine:
        with engine.stream(model="m", messages=HELLO) as stream:
            for _ in stream:
                break
        assert stream.reply.decision.attempts[0].outcome == "cancelled"


def test_threads_may_share_an_engine() -> None:
    def ask() -> None:
        texts.append(engine.chat(model="m", messages=HELLO).text)

    texts: list[str] = []
    with Engine.open_sync(simulated("reply: hi")) as engine:
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert texts == ["hi"] * 8


def outcome_of(engine: SyncEngine) -> tuple[threading.Thread, list[object]]:
    """A thread that asks, and what will have come of it."""

    def ask() -> None:
        try:
            outcome.append(engine.chat(model="m", messages=HELLO).text)
        except Exception as error:
            outcome.append(error)

    outcome: list[object] = []
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    return thread, outcome


@pytest.mark.parametrize("fault", ["stall: true", "status: 429, retry_after: 2s"])
def test_closing_lets_no_thread_wait_for_ever(fault: str) -> None:
    engine = Engine.open_sync(simulated(f"faults: [{{{fault}}}]"))
    thread, outcome = outcome_of(engine)
    simulator = providers_of(engine._engine)["sim"]
    asyncio.run_coroutine_threadsafe(simulator.arrival(), engine._loop).result(5)
    closers = [threading.Thread(target=engine.close) for _ in range(3)]
    for closer in closers:
        closer.start()
    for each in (*closers, thread):
        each.join(5)
        assert not each.is_alive()
    assert isinstance(outcome[0], TrunklineError)
    assert not engine._thread.is_alive()


def test_leaving_a_stream_of_a_closed_engine_is_fine() -> None:
    engine = Engine.open_sync(simulated("chunk_delay: 1s"))
    with engine.stream(model="m", messages=HELLO):
        engine.close()
    with pytest.raises(EngineClosed):
        engine.stream(model="m", messages=HELLO).__enter__()


def test_a_call_inside_a_running_loop_works_although_it_blocks_it() -> None:
    async def ask() -> str:
        with Engine.open_sync(simulated("reply: hi")) as engine:
            return engine.chat(model="m", messages=HELLO).text

    assert asyncio.run(ask()) == "hi"


def test_another_event_loop_is_refused() -> None:
    async def opened() -> Engine:
        return await Engine.open(simulated())

    async def ask(engine: Engine) -> None:
        async with asyncio.timeout(5):
            with pytest.raises(TrunklineError, match="another event loop"):
                await engine.chat(model="m", messages=HELLO)
            with pytest.raises(TrunklineError, match="another event loop"):
                await engine.reload()
            with pytest.raises(TrunklineError, match="another event loop"):
                await engine.aclose()

    with asyncio.Runner() as runner:
        engine = runner.run(opened())
        run_elsewhere(ask(engine))
        runner.run(engine.aclose())


def run_elsewhere(coroutine: Coroutine[None, None, None]) -> None:
    """Run on another loop, in another thread."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(coroutine)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not failures
