"""A hedge asks a second target when the first is late, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.graph.making import HELLO, PROVIDERS, failing, ids, plan, said, streamed
from tests.graph.timed import timed
from trunkline.compile import compile_document, load_plan
from trunkline.config.source import parse
from trunkline.errors import CallError, UpstreamError
from trunkline.runtime import Engine
from trunkline.transport import Canned, ScriptedTransport
from trunkline.wire.jsontext import dumps

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from trunkline.compile import Plan
    from trunkline.ports import HttpRequest

pytestmark = pytest.mark.anyio

BOTH = "{hedge: {of: [a, b], after: 2s, share: 1}}"
DONE = b"data: [DONE]\n\n"


def at(request: HttpRequest) -> str:
    return request.url.split("/")[2].split(".")[0]


class Upstreams:
    """Answers by the provider's name; who is not named says its name at once."""

    def __init__(self, answers: Mapping[str, Canned | list[Canned]]) -> None:
        self.answers = {n: list(a) if isinstance(a, list) else a for n, a in answers.items()}

    def __call__(self, request: HttpRequest) -> Canned:
        answer = self.answers.get(at(request), said(at(request)))
        return answer.pop(0) if isinstance(answer, list) else answer


@asynccontextmanager
async def engine_on(
    to: str | Plan, answers: Mapping[str, Canned | list[Canned]], more: str = ""
) -> AsyncIterator[tuple[Engine, ScriptedTransport, Any]]:
    compiled = plan(f"  - {{match: m, to: {to}{more}}}") if isinstance(to, str) else to
    async with timed() as clock:
        transport = ScriptedTransport(Upstreams(answers), clock)
        opening = Engine.open(
            compiled,
            transport=lambda: transport,
            clock=clock,
            chance=random.Random(7),
            environ={},
        )
        async with opening as engine:
            yield engine, transport, clock


def slow(name: str, seconds: float) -> Canned:
    return replace(said(name), delay=seconds)


def outcomes(decision: Any) -> list[tuple[str, str]]:
    return [(one.target[0], one.outcome) for one in decision.attempts]


async def test_a_late_answer_is_asked_for_elsewhere_and_the_first_content_wins() -> None:
    async with engine_on(BOTH, {"a": slow("a", 20), "b": slow("b", 1)}) as (engine, _, clock):
        reply = await engine.chat(model="m", messages=HELLO)
        assert reply.text == "b"
        assert clock.now == pytest.approx(1_003.0)
        assert outcomes(reply.decision) == [("a", "cancelled"), ("b", "ok")]
        assert reply.decision.picks == [("routes[0].to", "asks beside, after 2 s")]
        assert engine._state.in_flight == {}


async def test_an_answer_in_time_is_not_hedged() -> None:
    async with engine_on(BOTH, {"a": slow("a", 1.9)}) as (engine, transport, _):
        reply = await engine.chat(model="m", messages=HELLO)
        assert (reply.text, ids(transport), reply.decision.picks) == ("a", ["a"], [])


async def test_the_first_may_still_win_and_then_the_second_is_cancelled() -> None:
    async with engine_on(BOTH, {"a": slow("a", 3), "b": slow("b", 9)}) as (engine, _, _clock):
        reply = await engine.chat(model="m", messages=HELLO)
        assert reply.text == "a"
        assert outcomes(reply.decision) == [("a", "ok"), ("b", "cancelled")]


async def test_a_stream_is_hedged_until_its_first_content_and_the_loser_is_closed() -> None:
    late = streamed(20.0, "a", DONE)
    async with engine_on(BOTH, {"a": late, "b": streamed("b", 1.0, "c", DONE)}) as (
        engine,
        transport,
        _,
    ):
        async with engine.stream(model="m", messages=HELLO) as stream:
            assert transport.responses[0].closed
            assert not transport.responses[0].read
            assert "".join([delta.text async for delta in stream]) == "bc"
        assert outcomes(stream.reply.decision) == [("a", "cancelled"), ("b", "ok")]


async def test_after_its_first_content_a_stream_is_not_hedged() -> None:
    async with engine_on(BOTH, {"a": streamed("a", 30.0, "b", DONE)}) as (engine, transport, _):
        async with engine.stream(model="m", messages=HELLO) as stream:
            assert "".join([delta.text async for delta in stream]) == "ab"
        assert ids(transport) == ["a"]


async def test_the_error_of_a_stream_that_breaks_names_who_answered() -> None:
    cut = UpstreamError("server_error", "cut")
    loser = streamed(20.0, "b", DONE)
    answers = {"a": streamed(3.0, "a", 1.0, cut), "b": loser}
    async with engine_on(BOTH, answers) as (engine, _, _clock):
        with pytest.raises(CallError) as raised:
            async with engine.stream(model="m", messages=HELLO) as stream:
                assert [delta.text async for delta in stream] == ["never"]
        assert raised.value.target == "a/m"


@pytest.mark.parametrize("more", ["", ", streaming: {on_disconnect: drain}"], ids=["", "drain"])
async def test_when_both_begin_at_once_one_is_read_and_the_other_closed(more: str) -> None:
    answers = {"a": streamed(3.0, "a", 9.0, DONE), "b": streamed(1.0, "b", 9.0, DONE)}
    async with engine_on(BOTH, answers, more) as (engine, transport, _):
        async with engine.stream(model="m", messages=HELLO) as stream:
            first = [attempt.first_content for attempt in stream.reply.decision.attempts]
            assert first == pytest.approx([3.0, 3.0])
            assert [response.closed for response in transport.responses] == [False, True]
            assert "".join([delta.text async for delta in stream]) == "a"
        assert outcomes(stream.reply.decision) == [("a", "ok"), ("b", "cancelled")]
        assert engine._state.in_flight == {}


@pytest.mark.parametrize("failed", ["a", "b"])
async def test_when_one_fails_the_other_is_waited_for(failed: str) -> None:
    down = replace(failing(529), delay=3)
    other = "b" if failed == "a" else "a"
    async with engine_on(BOTH, {failed: down, other: slow(other, 9)}) as (engine, transport, _):
        reply = await engine.chat(model="m", messages=HELLO)
        assert reply.text == other
        assert sorted(outcomes(reply.decision)) == sorted([(failed, "overloaded"), (other, "ok")])
        assert ids(transport) == ["a", "b"]


async def test_when_both_fail_the_first_real_failure_is_raised() -> None:
    answers = {"a": replace(failing(404), delay=4), "b": replace(failing(529), delay=1)}
    async with engine_on(BOTH, answers) as (engine, transport, _):
        with pytest.raises(UpstreamError) as raised:
            await engine.chat(model="m", messages=HELLO)
        assert raised.value.kind == "not_found"
        assert ids(transport) == ["a", "b"]
        assert engine._state.in_flight == {}


async def test_a_failure_before_the_delay_is_moved_on_from_without_a_hedge() -> None:
    async with engine_on(BOTH, {"a": failing(529)}) as (engine, transport, _):
        reply = await engine.chat(model="m", messages=HELLO)
        assert (ids(transport), reply.decision.picks) == (["a", "b"], [])


async def test_nobody_is_asked_twice_where_nobody_else_can_be_asked() -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    only = "{hedge: {of: {balance: {of: [a, b]}}, after: 2s, share: 1}, limits: {concurrency: 1}}"
    async with engine_on(only, {"a": slow("a", 9), "b": slow("b", 9)}) as (engine, transport, _):
        reply = await engine.chat(model="m", messages=HELLO, tools=[tool])
        assert len(transport.requests) == 1
        assert outcomes(reply.decision) == [(reply.text, "ok")]


@pytest.mark.parametrize(
    ("share", "hedged"), [(0, 0), (0.05, 2), (0.5, 20), (1, 40)], ids=["none", "5%", "half", "all"]
)
async def test_no_more_than_the_share_is_hedged(share: float, hedged: int) -> None:
    node = f"{{hedge: {{of: [a, b], after: 100ms, share: {share}}}}}"
    async with engine_on(node, {"a": slow("a", 0.3)}) as (engine, transport, _):
        for _count in range(40):
            await engine.chat(model="m", messages=HELLO)
        assert ids(transport).count("b") == hedged


async def test_auto_waits_for_what_95_of_a_hundred_answers_took_and_never_less_than_half_a_second(
) -> None:  # fmt: skip
    node = "{hedge: {of: [a, b], share: 1}}"
    times = [*[0.2] * 24, 9.0, *[1.4] * 30, 9.0]
    answers = {"a": [slow("a", one) for one in times], "b": slow("b", 0.1)}
    async with engine_on(node, answers) as (engine, transport, clock):
        for _count in range(24):
            await engine.chat(model="m", messages=HELLO)
        assert ids(transport) == ["a"] * 24
        began = clock.now
        assert (await engine.chat(model="m", messages=HELLO)).text == "b"
        assert clock.now - began == pytest.approx(0.6)
    async with engine_on(node, {**answers, "a": [slow("a", one) for one in times[25:]]}) as (
        engine,
        transport,
        clock,
    ):
        for _count in range(30):
            await engine.chat(model="m", messages=HELLO)
        began = clock.now
        assert (await engine.chat(model="m", messages=HELLO)).text == "b"
        assert clock.now - began == pytest.approx(1.5)


async def test_several_further_requests_where_max_says_so_each_elsewhere() -> None:
    node = "{hedge: {of: [a, b, c], after: 2s, share: 1, max: 2}}"
    late = {"a": [said("a"), slow("a", 50)], "b": slow("b", 50)}
    async with engine_on(node, late) as (engine, transport, clock):
        await engine.chat(model="m", messages=HELLO)
        reply = await engine.chat(model="m", messages=HELLO)
        assert (reply.text, ids(transport)) == ("c", ["a", "a", "b", "c"])
        assert clock.now == pytest.approx(1_004.0)
        assert outcomes(reply.decision) == [("a", "cancelled"), ("b", "cancelled"), ("c", "ok")]


@pytest.mark.parametrize(
    "asked",
    [{"store": True}, {"tools": [{"type": "wire", "owner": "openai", "data": {"type": "x"}}]}],
    ids=["store", "tools"],
)
async def test_what_must_not_happen_twice_is_not_hedged(asked: dict[str, Any]) -> None:
    more = ", unsupported: drop"
    async with engine_on(BOTH, {"a": slow("a", 9)}, more) as (engine, transport, _):
        try:
            await engine.chat(model="m", messages=HELLO, **asked)
        except CallError as error:
            assert error.kind in ("bad_request", "unsupported")
            assert "tools" in asked
        assert "b" not in ids(transport)


async def test_what_an_overlay_makes_act_is_not_hedged_either() -> None:
    more = ", request: {store: true}"
    async with engine_on(BOTH, {"a": slow("a", 9)}, more) as (engine, transport, _):
        assert (await engine.chat(model="m", messages=HELLO)).text == "a"
        assert ids(transport) == ["a"]


async def test_a_caller_who_wants_no_other_target_gets_no_hedge() -> None:
    async with engine_on(BOTH, {"a": slow("a", 9)}, ", allow: [fallback]") as (engine, _, _clock):
        reply = await engine.chat(model="m", messages=HELLO, options={"fallback": "none"})
        assert reply.text == "a"


async def test_a_hedge_counts_in_the_sends_of_the_request() -> None:
    node = "{hedge: {of: {balance: {by: round_robin, of: [a, b]}}, after: 2s, share: 1}}"
    async with engine_on(node, {"a": slow("a", 9)}, ", retry: {max_sends: 1}") as (
        engine,
        transport,
        _,
    ):
        assert (await engine.chat(model="m", messages=HELLO)).text == "a"
        assert ids(transport) == ["a"]


async def test_too_late_in_the_requests_time_there_is_no_hedge() -> None:
    more = ", timeouts: {total: 2500ms}"
    async with engine_on(BOTH, {"a": slow("a", 2.2)}, more) as (engine, transport, _):
        assert (await engine.chat(model="m", messages=HELLO)).text == "a"
        assert ids(transport) == ["a"]


async def test_a_fallback_goes_on_when_a_hedge_within_it_has_failed() -> None:
    node = "[{hedge: {of: {balance: {of: [a, b]}}, after: 2s, share: 1}}, c]"
    down = replace(failing(529), delay=3)
    async with engine_on(node, {"a": down, "b": down}) as (engine, transport, _):
        reply = await engine.chat(model="m", messages=HELLO)
        assert reply.text == "c"
        assert sorted(ids(transport)) == ["a", "b", "c"]


async def test_the_loser_is_paid_for_as_far_as_it_went() -> None:
    prices = "prices: {'a/*': {input: 1, output: 1}, 'b/*': {input: 1, output: 1}}"
    compiled = plan(f"  - {{match: m, to: {BOTH}}}", prices)
    async with engine_on(compiled, {"a": slow("a", 20)}) as (engine, _, _clock):
        decision = (await engine.chat(model="m", messages=HELLO)).decision
        lost, won = decision.attempts
        assert lost.usage is not None
        assert lost.usage["estimated"]
        assert (lost.micro_dollars or 0) > 0
        assert decision.cost is not None
        paid = (lost.micro_dollars or 0) + (won.micro_dollars or 0)
        assert decision.cost["micro_dollars"] == paid


def leases(engine: Engine) -> int:
    """Reservations that were not settled."""
    generation: Any = engine._generation
    open_ones: int = generation.store.limiter.open
    return open_ones


@pytest.mark.parametrize("stream", [False, True])
async def test_nothing_is_left_of_a_hedge_cancelled_at_any_step(stream: bool) -> None:
    node = "{hedge: {of: [a, b], after: 2s, share: 1}, limits: {concurrency: 2}}"
    answers = {"a": slow("a", 4), "b": replace(streamed("b", DONE), delay=2)}
    if not stream:
        answers["b"] = slow("b", 2)
    async with engine_on(node, answers) as (engine, transport, _):
        generation: Any = engine._generation

        async def ask() -> str:
            if not stream:
                return (await engine.chat(model="m", messages=HELLO)).text
            async with engine.stream(model="m", messages=HELLO) as answer:
                return "".join([delta.text async for delta in answer])

        step, finished = 0, False
        while not finished:
            task = asyncio.create_task(ask())
            for _count in range(step):
                await asyncio.sleep(0)
            finished = task.done()
            task.cancel()
            outcome = (await asyncio.gather(task, return_exceptions=True))[0]
            assert outcome in ("a", "b") or isinstance(outcome, asyncio.CancelledError), outcome
            assert engine._state.in_flight == {}
            assert generation._users == 0
            assert leases(engine) == 0
            assert all(response.closed for response in transport.responses)
            step += 1
        assert step > 30
        assert await ask() in ("a", "b")


leaves = st.sampled_from([f"{name}/m{number}" for name in "abcde" for number in range(3)])
nodes = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.builds(
            lambda of: {"balance": {"by": "round_robin", "of": of}},
            st.lists(inner, min_size=1, max_size=3),
        )
        | st.builds(
            lambda of, extra: {"hedge": {"of": of, "after": "1s", "share": 1, "max": extra}},
            st.lists(inner, min_size=2, max_size=3),
            st.integers(1, 3),
        )
        | st.builds(lambda of: {"cache": {"ttl": "1h", "of": of}}, inner)
        | st.builds(lambda of: {"mirror": {"of": of, "to": "a/copy", "sample": 0}}, inner)
    ),
    max_leaves=7,
)
ANSWERS = [
    said(),
    slow("s", 1.5),
    slow("s", 7),
    failing(500),
    failing(404),
    replace(failing(529), delay=1.5),
    failing(400),
    Canned(error=UpstreamError("connect", "refused")),
]


@settings(max_examples=60, deadline=None)
@given(nodes, st.integers(1, 6), st.randoms(use_true_random=False))
def test_whatever_the_graph_it_ends_within_max_sends_and_asks_no_target_at_once_twice(
    node: Any, sends: int, chance: random.Random
) -> None:
    asyncio.run(_performed(node, sends, chance))


async def _performed(node: Any, sends: int, chance: random.Random) -> None:
    route = {"match": "m", "to": node, "retry": {"max_sends": sends}}
    text = f"version: 1\nproviders:\n{PROVIDERS}\nroutes: {dumps([route]).decode()}\n"
    document, _ = parse(text, "test")
    assert document is not None
    compiled, found = compile_document(document)
    if compiled is None:
        assert {finding.code for finding in found} <= {"TL404", "TL413"}
        return
    async with timed() as clock:
        transport = ScriptedTransport(lambda _request: chance.choice(ANSWERS), clock)
        async with Engine.open(
            compiled, transport=lambda: transport, clock=clock, chance=chance, environ={}
        ) as engine:
            try:
                decision = (await engine.chat(model="m", messages=HELLO)).decision
                answered = 1
            except CallError as error:
                assert error.decision is not None
                decision, answered = error.decision, 0
            assert len(transport.requests) <= sends
            assert all(one.outcome for one in decision.attempts)
            assert [one.outcome for one in decision.attempts].count("ok") == answered
            assert engine._state.in_flight == {}
            for one in decision.attempts:
                ends = one.started + one.seconds
                long = [other for other in decision.attempts if other.seconds > 0]
                beside = [other for other in long if one.started <= other.started < ends]
                assert [o.target for o in beside].count(one.target) <= 1


def test_a_hedge_over_one_target_is_refused() -> None:
    with pytest.raises(Exception, match="TL413"):
        load_plan("version: 1\nproviders: {openai: {api_key: k}}\nroutes:\n  - match: m\n"
                  "    to: {hedge: {of: openai/gpt-4o}}\n")  # fmt: skip
