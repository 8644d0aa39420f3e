"""A caller goes away: the answer is cancelled, or read to its end for its exact cost."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.faultd import Play
from tests.graph.making import HELLO, chunk, opened, plan, streamed
from tests.scenarios.harness import bench
from trunkline.errors import UpstreamError
from trunkline.graph.drain import MOST_DRAINS

if TYPE_CHECKING:
    from trunkline.compile import Plan
    from trunkline.ports import Decision
    from trunkline.runtime import Engine

pytestmark = pytest.mark.anyio

COUNTED = {"prompt_tokens": 70, "completion_tokens": 20, "total_tokens": 90}
USAGE = json.dumps({"id": "x", "model": "m", "choices": [], "usage": COUNTED}).encode()
REST = [" two", " three", chunk(finish="stop"), b"data: " + USAGE + b"\n\n", b"data: [DONE]\n\n"]


def leaving(what: str) -> Plan:
    prices = "prices:\n  a/m: {input: 1, output: 2}"
    return plan(f"  - {{match: m, to: a/m, streaming: {{on_disconnect: {what}}}}}", prices)


class Gate:
    """Holds a stream of the script back until it is opened."""

    def __init__(self, transport: Any) -> None:
        self.event = asyncio.Event()
        send = transport.send

        async def held(request: Any, timeouts: Any) -> Any:
            response = await send(request, timeouts)
            chunks = response.chunks

            async def some() -> Any:
                first = True
                async for one in chunks():
                    if not first:
                        await self.event.wait()
                    first = False
                    yield one

            response.chunks = some
            return response

        transport.send = held


async def left(engine: Engine) -> Decision:
    """Read the first word, and go."""
    async with engine.stream(model="m", messages=HELLO) as stream:
        assert (await anext(stream)).text == "one"
    return stream.reply.decision


def read_and_wrote(usage: Any) -> tuple[int, int]:
    """What was counted, not estimated."""
    assert "estimated" not in usage
    return usage["input"], usage["output"]


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 — nothing tells of the end
            await asyncio.sleep(0)


async def test_the_answer_is_read_on_and_its_cost_is_exact() -> None:
    rows: list[Decision] = []
    engine, transport = await opened(leaving("drain"), [streamed("one", *REST)])
    engine._ledger = rows.append
    gate = Gate(transport)
    async with engine:
        decision = await left(engine)
        assert rows == []
        assert engine._state.in_flight == {"a/m": 1}
        gate.event.set()
        await until(lambda: rows)
        assert rows == [decision]
        (attempt,) = decision.attempts
        assert (attempt.outcome, decision.outcome) == ("ok", "cancelled")
        assert read_and_wrote(attempt.usage) == (70, 20)
        assert decision.cost is not None
        assert decision.cost["micro_dollars"] == 110
        assert not decision.cost["estimated"]
        assert engine._state.in_flight == {}
        assert transport.responses[0].read


async def test_without_it_the_socket_is_closed_at_once() -> None:
    rows: list[Decision] = []
    engine, transport = await opened(leaving("cancel"), [streamed("one", *REST)])
    engine._ledger = rows.append
    Gate(transport)
    async with engine:
        decision = await left(engine)
        assert rows == [decision]
        assert transport.responses[0].closed
        assert not transport.responses[0].read
        assert decision.attempts[0].outcome == "cancelled"
        assert decision.attempts[0].usage is not None
        assert decision.attempts[0].usage["estimated"]


async def test_a_caller_cancelled_while_it_waits_leaves_the_answer_to_be_read() -> None:
    rows: list[Decision] = []
    engine, transport = await opened(leaving("drain"), [streamed("one", *REST)])
    engine._ledger = rows.append
    gate = Gate(transport)
    async with engine:

        async def reading() -> None:
            async with engine.stream(model="m", messages=HELLO) as stream:
                async for _ in stream:
                    pass

        task = asyncio.create_task(reading())
        await until(lambda: engine._state.in_flight)
        for _ in range(10):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert rows == []
        gate.event.set()
        await until(lambda: rows)
        assert read_and_wrote(rows[0].attempts[0].usage) == (70, 20)
        assert rows[0].attempts[0].outcome == "ok"


async def test_so_many_are_read_on_and_the_others_are_cancelled() -> None:
    rows: list[Decision] = []
    script = [streamed("one", *REST) for _ in range(MOST_DRAINS + 3)]
    engine, transport = await opened(leaving("drain"), script)
    engine._ledger = rows.append
    gate = Gate(transport)
    async with engine:
        for _ in script:
            await left(engine)
        assert [row.attempts[0].outcome for row in rows] == ["cancelled"] * 3
        gate.event.set()
        await until(lambda: len(rows) == len(script))
        assert [row.attempts[0].outcome for row in rows[3:]] == ["ok"] * MOST_DRAINS


async def test_one_that_breaks_off_is_settled_by_what_came() -> None:
    rows: list[Decision] = []
    cut = UpstreamError("server_error", "the connection broke", stage="body")
    engine, transport = await opened(leaving("drain"), [streamed("one", " two", cut)])
    engine._ledger = rows.append
    gate = Gate(transport)
    async with engine:
        await left(engine)
        gate.event.set()
        await until(lambda: rows)
        (attempt,) = rows[0].attempts
        assert attempt.outcome == "interrupted"
        assert attempt.usage is not None
        assert attempt.usage["estimated"]


@pytest.mark.parametrize("turns", [0, 1, 3])
async def test_closing_the_engine_ends_what_is_read_on(turns: int) -> None:
    rows: list[Decision] = []
    engine, transport = await opened(leaving("drain"), [streamed("one", *REST)])
    engine._ledger = rows.append
    Gate(transport)
    async with engine:
        await left(engine)
        for _ in range(turns):
            await asyncio.sleep(0)
    assert [row.attempts[0].outcome for row in rows] == ["cancelled"]
    assert engine._state.in_flight == {}


async def test_no_longer_than_the_request_may_take() -> None:
    rows: list[Decision] = []
    route = {"streaming": {"on_disconnect": "drain"}, "timeouts": {"total": "500ms"}}
    async with bench("openai-chat", route=route) as b:
        b.engine._ledger = rows.append
        b.servers[0].usual = Play(chunks=50, between=0.1)
        asked = {"model": "m", "messages": HELLO, "max_completion_tokens": 9}
        async with b.engine.stream(asked) as stream:
            await anext(stream)
        async with asyncio.timeout(2):
            while not rows:  # noqa: ASYNC110 — nothing tells of the end
                await asyncio.sleep(0.01)
        assert rows[0].attempts[0].usage is not None
        assert rows[0].attempts[0].usage["estimated"]


@pytest.mark.parametrize("what", ["drain", "cancel"])
async def test_on_real_sockets(what: str) -> None:
    rows: list[Decision] = []
    route = {"streaming": {"on_disconnect": what}}
    async with bench("openai-chat", route=route) as b:
        b.engine._ledger = rows.append
        b.servers[0].usual = Play(chunks=5, between=0.05, input_tokens=70, output_tokens=20)
        asked = {"model": "m", "messages": HELLO, "max_completion_tokens": 9}
        async with b.engine.stream(asked) as stream:
            await anext(stream)
        async with asyncio.timeout(5):
            while not rows:  # noqa: ASYNC110 — nothing tells of the end
                await asyncio.sleep(0.01)
        usage = rows[0].attempts[0].usage or {}
        assert ("estimated" in usage) is (what == "cancel")
        if what == "drain":
            assert (usage["input"], usage["output"]) == (70, 20)


async def test_nothing_is_left_of_a_caller_cancelled_at_any_step() -> None:
    """Property: whenever the caller is cancelled, one row comes, and no send stays under way."""

    async def reading(engine: Engine) -> None:
        async with engine.stream(model="m", messages=HELLO) as stream:
            async for _ in stream:
                await asyncio.sleep(0)

    step, finished = 0, False
    exact = 0
    while not finished:
        rows: list[Decision] = []
        engine, transport = await opened(leaving("drain"), [streamed("one", *REST)])
        engine._ledger = rows.append
        Gate(transport).event.set()
        async with engine:
            task = asyncio.create_task(reading(engine))
            for _ in range(step):
                await asyncio.sleep(0)
            finished = task.done()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            generation: Any = engine._generation
            await until(lambda generation=generation: generation._users == 0)
            assert engine._state.in_flight == {}
            assert len(rows) <= 1
            if rows and rows[0].outcome == "cancelled" and rows[0].attempts:
                exact += rows[0].attempts[0].outcome == "ok"
        step += 1
    assert exact > 2
