"""The engine without async: the same calls, which block."""

from __future__ import annotations

import threading

import pytest

from tests.runtime.making import HELLO, simulated
from trunkline import ConfigError, Engine, EngineClosed, RequestError


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
