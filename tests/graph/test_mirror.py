"""A mirror copies requests, and nothing that becomes of a copy is heard by the caller."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.graph.making import HELLO, failing, ids, plan, said, streamed
from tests.graph.test_hedge import Upstreams, at, engine_on, slow
from tests.graph.timed import timed
from trunkline.draw import draw
from trunkline.errors import CallError
from trunkline.explain import explain
from trunkline.runtime import Engine
from trunkline.transport import ScriptedTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.ports import Decision, HttpRequest
    from trunkline.transport import Canned

pytestmark = pytest.mark.anyio

COPIED = "{mirror: {of: a, to: b}}"
DONE = b"data: [DONE]\n\n"


async def settled(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come about")


def copies_under_way(engine: Engine) -> int:
    kept: Any = engine._state._kept["routes[0].to"][1]
    count: int = kept.under_way
    return count


async def test_the_copy_goes_elsewhere_and_the_caller_hears_the_first() -> None:
    async with engine_on(COPIED, {"b": slow("b", 60)}) as (engine, transport, clock):
        reply = await engine.chat(model="m", messages=HELLO)
        assert reply.text == "a"
        assert clock.now < 1_001
        assert [one.target for one in reply.decision.attempts] == ["a/m"]
        assert reply.decision.picks == [("routes[0].to", "copy")]
        await settled(lambda: sorted(ids(transport)) == ["a", "b"])
        bodies = {at(one): one.body for one in transport.requests}
        assert bodies["a"] == bodies["b"]


@pytest.mark.parametrize("answer", [failing(500), failing(401), failing(400)])
async def test_a_copy_that_fails_is_nobodys_trouble(answer: Canned) -> None:
    async with engine_on(COPIED, {"b": answer}) as (engine, transport, _):
        for _count in range(8):
            assert (await engine.chat(model="m", messages=HELLO)).text == "a"
        await settled(lambda: "b" in ids(transport))


async def test_a_caller_whose_answer_fails_hears_that_whatever_the_copy_got() -> None:
    async with engine_on(COPIED, {"a": failing(404)}) as (engine, transport, _):
        with pytest.raises(CallError) as raised:
            await engine.chat(model="m", messages=HELLO)
        assert raised.value.target == "a/m"
        await settled(lambda: "b" in ids(transport))


async def test_a_share_is_copied() -> None:
    async with engine_on("{mirror: {of: a, to: b, sample: 0.25}}", {}) as (engine, transport, _):
        for count in range(200):
            await engine.chat(model="m", messages=HELLO)
            if count % 10 == 9:
                await settled(lambda: not copies_under_way(engine))
        assert 30 <= ids(transport).count("b") <= 70


async def test_no_more_than_so_many_copies_are_under_way_and_what_comes_then_is_counted() -> None:
    node = "{mirror: {of: a, to: b, at_once: 2}}"
    async with engine_on(node, {"b": slow("b", 60)}) as (engine, transport, _):
        replies = [await engine.chat(model="m", messages=HELLO) for _count in range(5)]
        said_of = [reply.decision.picks[0][1] for reply in replies]
        assert said_of == ["copy", "copy", *["no copy: 2 are under way"] * 3]
        await settled(lambda: ids(transport).count("b") == 2)
        kept: Any = engine._state._kept["routes[0].to"][1]
        assert (kept.under_way, kept.left_out) == (2, 3)


async def test_a_copy_has_a_record_of_its_own_that_names_what_it_copies() -> None:
    records: list[Decision] = []
    prices = "prices: {'a/*': {input: 1, output: 1}, 'b/*': {input: 1000, output: 1000}}"
    compiled = plan(f"  - {{match: m, to: {COPIED}}}", prices)
    async with timed() as clock:
        transport = ScriptedTransport(Upstreams({"b": slow("b", 1)}), clock)
        async with Engine.open(
            compiled, transport=lambda: transport, clock=clock, ledger=records.append, environ={}
        ) as engine:
            reply = await engine.chat(model="m", messages=HELLO, request_id="r1")
            await settled(lambda: len(records) == 2)
    first, copy = records
    assert first.request_id == "r1"
    assert first is reply.decision
    assert first.cost is not None
    assert first.cost["micro_dollars"] < 100
    assert copy.request_id == "r1-copy"
    assert copy.why == "a copy of r1, by routes[0].to"
    assert copy.outcome == "ok"
    assert [one.target for one in copy.attempts] == ["b/m"]
    assert copy.cost is not None
    assert copy.cost["micro_dollars"] > 1_000


async def test_a_copy_takes_nothing_from_the_callers_limits_and_budgets() -> None:
    top = (
        "limits: [{name: all, by: caller.name, requests_per_minute: 4, concurrency: 1}]\n"
        "budgets: [{name: month, by: caller.name, amount: 0.01 USD, window: hour}]\n"
        "prices: {'a/*': {input: 1, output: 1}, 'b/*': {input: 100000, output: 100000}}"
    )
    compiled = plan(f"  - {{match: m, to: {COPIED}}}", top)
    async with engine_on(compiled, {"b": slow("b", 60)}) as (engine, transport, _):
        for _count in range(4):
            reply = await engine.chat(model="m", messages=HELLO, max_tokens=9)
            assert reply.text == "a"
        await settled(lambda: ids(transport).count("b") == 4)


async def test_a_copy_has_its_own_sends_and_goes_its_own_way_among_several() -> None:
    node = "{mirror: {of: a, to: [b, c]}}"
    async with engine_on(node, {"b": failing(529)}, ", retry: {max_sends: 1}") as (
        engine,
        transport,
        _,
    ):
        await engine.chat(model="m", messages=HELLO)
        await settled(lambda: sorted(ids(transport)) == ["a", "b", "c"])


async def test_the_copy_of_a_stream_is_read_to_its_end() -> None:
    answers = {"a": streamed("a", DONE), "b": streamed("b", 5.0, "c", 5.0, "d", DONE)}
    async with engine_on(COPIED, answers) as (engine, transport, clock):
        async with engine.stream(model="m", messages=HELLO) as stream:
            assert "".join([delta.text async for delta in stream]) == "a"
        await settled(lambda: clock.now >= 1_010 and not engine._state.in_flight)
        assert all(response.read for response in transport.responses)


async def test_copies_under_way_are_cancelled_and_awaited_when_the_engine_closes() -> None:
    records: list[Decision] = []
    tasks = asyncio.all_tasks()
    async with timed() as clock:
        transport = ScriptedTransport(Upstreams({"b": slow("b", 600)}), clock)
        compiled = plan(f"  - {{match: m, to: {COPIED}}}")
        opening = Engine.open(
            compiled, transport=lambda: transport, clock=clock, ledger=records.append, environ={}
        )
        async with opening as engine:
            await engine.chat(model="m", messages=HELLO)
            await engine.chat(model="m", messages=HELLO)
        generation: Any = engine._generation
        assert generation._users == 0
        assert engine._state.in_flight == {}
        outcomes = [one.outcome for one in records]
        assert outcomes == ["ok", "ok", "cancelled", "cancelled"]
    assert asyncio.all_tasks() == tasks


async def test_a_reload_lets_copies_of_the_old_plan_come_to_their_end() -> None:
    async with engine_on(COPIED, {"b": slow("b", 30)}) as (engine, transport, clock):
        await engine.chat(model="m", messages=HELLO)
        old: Any = engine._generation
        await settled(lambda: "b" in ids(transport))
        await engine.reload(plan("  - {match: m, to: c}"))
        assert not old.closed
        await settled(lambda: old.closed)
        assert clock.now >= 1_030
        assert all(response.read for response in transport.responses)


async def test_one_request_is_copied_once_whatever_stands_around_the_mirror() -> None:
    node = "{hedge: {of: [{mirror: {of: a, to: c}}, b], after: 1s, share: 1}}"
    async with engine_on(node, {"a": slow("a", 9)}) as (engine, transport, _):
        assert (await engine.chat(model="m", messages=HELLO)).text == "b"
        await settled(lambda: not engine._state.in_flight)
        assert sorted(ids(transport)) == ["a", "b", "c"]


async def test_what_must_not_happen_twice_is_not_copied() -> None:
    async with engine_on(COPIED, {}, ", unsupported: drop") as (engine, transport, _):
        await engine.chat(model="m", messages=HELLO, store=True)
        await asyncio.sleep(0)
        assert ids(transport) == ["a"]


async def test_a_lone_target_is_not_ejected_because_there_is_a_copy() -> None:
    assert plan(f"  - {{match: m, to: {COPIED}}}").routes[0].lone


async def test_an_explanation_shows_who_answers_and_a_graph_both() -> None:
    compiled = plan("  - {match: m, to: {mirror: {of: a, to: b, sample: 0.5}}}")
    found = await explain(compiled, {"model": "m", "messages": HELLO}, environ={})
    assert [sending.target for sending in found.sendings] == ["a/m"]
    assert "copies 50%" in draw(compiled)


async def test_vectors_may_be_copied_to_another_model() -> None:
    routes = "  - {match: {model: m, operation: embeddings}, to: {mirror: {of: a/x, to: b/y}}}"
    body = {"model": "m", "data": [{"index": 0, "embedding": [1.0]}]}

    def script(request: HttpRequest) -> Canned:
        return replace(said(), body=(json.dumps(body).encode(),))

    async with timed() as clock:
        transport = ScriptedTransport(script, clock)
        async with Engine.open(
            plan(routes), transport=lambda: transport, clock=clock, environ={}
        ) as engine:
            assert (await engine.embed(model="m", input="x")).vectors == [[1.0]]
            await settled(lambda: sorted(ids(transport)) == ["a", "b"])
