"""Whole answers that are asked for as streams, and events of a stream that nobody can read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.faultd import Break, Play
from tests.graph.making import HELLO, Crank, chunk, failing, ids, opened, plan, said, streamed
from tests.scenarios.harness import CHATS, bench
from trunkline.errors import CallError, InterruptedAnswer, UpstreamError

if TYPE_CHECKING:
    from trunkline.compile import Plan
    from trunkline.transport import Canned

pytestmark = pytest.mark.anyio

CUT = UpstreamError("server_error", "the connection broke", stage="body")
DONE = b"data: [DONE]\n\n"
BAD = b"data: {not json\n\n"


def asking(streaming: str, more: str = "") -> Plan:
    return plan(f"  - {{match: m, to: [a/m, b/m], streaming: {{{streaming}}}{more}}}")


def whole(text: str = "good") -> Canned:
    counted = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    usage = {"id": "x", "model": "m", "choices": [], "usage": counted}
    ending = b"data: " + json.dumps(usage).encode() + b"\n\n"
    return streamed(*text, chunk(finish="stop"), ending, DONE)


STREAMED = "upstream_stream: true"


async def test_a_whole_answer_is_asked_for_as_a_stream_with_its_usage() -> None:
    engine, transport = await opened(asking(STREAMED), [whole()])
    async with engine:
        reply = await engine.chat(model="m", messages=HELLO)
        assert (reply.text, reply.finish) == ("good", "stop")
        assert reply.usage is not None
        assert (reply.usage["input"], reply.usage["output"]) == (7, 2)
        assert reply.complete
        sent = json.loads(transport.requests[0].body)
        assert sent["stream"] is True
        assert sent["stream_options"] == {"include_usage": True}


async def test_without_it_a_whole_answer_is_asked_for() -> None:
    engine, transport = await opened(asking("upstream_stream: false"), [said()])
    async with engine:
        await engine.chat(model="m", messages=HELLO)
        assert "stream" not in json.loads(transport.requests[0].body)


async def test_sound_is_asked_for_whole() -> None:
    """In streams it has other formats."""
    engine, transport = await opened(asking(STREAMED), [said()])
    sound = {"modalities": ["text", "audio"], "audio": {"voice": "x", "format": "mp3"}}
    async with engine:
        await engine.chat({"model": "m", "messages": HELLO, **sound})
        assert "stream" not in json.loads(transport.requests[0].body)


async def test_a_cut_moves_on_whatever_came_before() -> None:
    engine, transport = await opened(asking(STREAMED), [streamed("half", CUT), whole()])
    async with engine:
        reply = await engine.chat(model="m", messages=HELLO)
        assert reply.text == "good"
        assert ids(transport) == ["a", "b"]
        assert [one.outcome for one in reply.decision.attempts] == ["server_error", "ok"]


async def test_a_silence_is_noticed_by_the_times_of_streams() -> None:
    clock = Crank()
    stalled = streamed("half", 200.0, "more", chunk(finish="stop"), DONE)
    engine, transport = await opened(asking(STREAMED), [stalled, whole()], clock)
    async with engine:
        reply = await engine.chat(model="m", messages=HELLO)
        assert reply.text == "good"
        assert ids(transport) == ["a", "b"]
        assert clock.slept[0] == 60.0


async def test_a_model_may_think_longer_than_it_may_pause() -> None:
    times = ", timeouts: {first_token: 100s, idle: 10s}"
    answers = [streamed(50.0, "good", chunk(finish="stop"), DONE)]
    engine, transport = await opened(asking(STREAMED, times), answers, Crank())
    async with engine:
        assert (await engine.chat(model="m", messages=HELLO)).text == "good"
        assert ids(transport) == ["a"]


async def test_an_answer_that_takes_long_and_keeps_coming_is_whole() -> None:
    """What waits for the first content does not end an answer that has begun."""
    times = {"first_token": "400ms", "idle_content": "400ms"}
    settings = {"streaming": {"upstream_stream": True}, "timeouts": times}
    async with bench("openai-chat", route=settings) as b:
        b.servers[0].usual = Play(chunks=10, between=0.1)
        got = await b.hear()
        assert (got.error, got.attempts) == ("", [("a", "ok")])
        assert got.took > 0.5


async def test_content_that_stops_coming_moves_on() -> None:
    times = {"first_token": "5s", "idle": "10s", "idle_content": "200ms"}
    settings = {"streaming": {"upstream_stream": True}, "timeouts": times}
    async with bench("openai-chat", "openai-chat", route=settings) as b:
        b.servers[0].usual = Play(breaks=Break("stall", 2))
        got = await b.hear()
        assert got.attempts == [("a", "timeout"), ("b", "ok")]
        assert got.decision is not None
        assert "no content came for 0.2 s" in got.decision.attempts[0].message


async def test_a_filter_that_stops_it_moves_on_where_the_route_says_so() -> None:
    to = "{fallback: {of: [a/m, b/m], on: [default, content_filter]}}"
    route = f"  - {{match: m, to: {to}, streaming: {{{STREAMED}}}}}"
    filtered = streamed("half", chunk(finish="content_filter"), DONE)
    engine, transport = await opened(plan(route), [filtered, whole()])
    async with engine:
        assert (await engine.chat(model="m", messages=HELLO)).text == "good"
        assert ids(transport) == ["a", "b"]


async def test_when_all_are_cut_the_failure_is_told() -> None:
    engine, _ = await opened(asking(STREAMED), [streamed("half", CUT)] * 2)
    async with engine:
        with pytest.raises(CallError) as raised:
            await engine.chat(model="m", messages=HELLO)
        assert raised.value.kind == "server_error"
        assert engine._state.in_flight == {}


@pytest.mark.parametrize("dialect", CHATS)
async def test_every_wire_says_the_same_as_a_whole_answer(dialect: str) -> None:
    """On real sockets; the second server answers after a cut of the first one's stream."""
    settings = {"streaming": {"upstream_stream": True}}
    async with bench(dialect, dialect, route=settings) as b:
        plain = await b.hear()
        assert b.servers[0].seen[0].stream
        b.servers[0].usual = Play(breaks=Break("rst", 2))
        rescued = await b.hear()
        assert rescued.attempts == [("a", rescued.attempts[0][1]), ("b", "ok")]
    async with bench(dialect) as b:
        usual = await b.hear()
        assert not b.servers[0].seen[0].stream
    for got in (plain, rescued):
        assert (got.error, got.text, got.finish) == ("", usual.text, usual.finish)
        assert got.usage == usual.usage


async def test_an_event_that_nobody_can_read_is_left_out_and_noted() -> None:
    script = [streamed("one", BAD, " two", BAD, chunk(finish="stop"), DONE)]
    engine, transport = await opened(asking("on_malformed: skip"), script)
    async with engine, engine.stream(model="m", messages=HELLO) as stream:
        assert "".join([delta.text async for delta in stream if delta.text]) == "one two"
        assert ids(transport) == ["a"]
        (attempt,) = stream.reply.decision.attempts
        assert attempt.outcome == "ok"
        assert attempt.message == "events left out because they could not be read: 2"


async def test_an_event_that_nobody_can_read_is_a_failure_otherwise() -> None:
    engine, _ = await opened(asking("on_malformed: fail"), [streamed("one", BAD, " two")])
    async with engine, engine.stream(model="m", messages=HELLO) as stream:
        with pytest.raises(InterruptedAnswer, match="not JSON"):
            await stream.reply.read()


async def test_a_stream_of_nothing_else_is_no_answer() -> None:
    engine, transport = await opened(asking("on_malformed: skip"), [streamed(BAD, DONE), whole()])
    async with engine, engine.stream(model="m", messages=HELLO) as stream:
        assert (await stream.reply.read()).text == "good"
        assert ids(transport) == ["a", "b"]


async def test_a_frame_that_is_too_long_stays_a_failure() -> None:
    endless = b"data: " + b"x" * (1 << 20)
    answers = [streamed("one", *[endless] * 8, DONE)]
    engine, _ = await opened(asking("on_malformed: skip"), answers)
    async with engine, engine.stream(model="m", messages=HELLO) as stream:
        with pytest.raises(InterruptedAnswer, match="cannot be read"):
            await stream.reply.read()


async def test_an_answer_that_is_cut_stays_a_failure() -> None:
    answers: list[Any] = [streamed("one", BAD), failing(500)]
    engine, _ = await opened(asking("on_malformed: skip"), answers)
    async with engine, engine.stream(model="m", messages=HELLO) as stream:
        with pytest.raises(InterruptedAnswer):
            await stream.reply.read()
