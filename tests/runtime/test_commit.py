"""Before the first content all may be rescued; after it nothing is replayed or glossed over."""

from __future__ import annotations

import pytest

from tests.graph.making import HELLO, ids, opened, plan, streamed
from tests.runtime.making import simulated
from trunkline import DeadlineError, Engine, InterruptedAnswer, UpstreamError

pytestmark = pytest.mark.anyio

DONE = b"data: [DONE]\n\n"


async def collect(stream: object) -> tuple[str, Exception | None]:
    text = ""
    try:
        async for delta in stream:  # type: ignore[attr-defined]
            text += delta.text
    except Exception as error:
        return text, error
    return text, None


@pytest.mark.parametrize(
    "fault",
    ["status: 500", "cut_after: 0", "reset_after: 0", "malformed_after: 0", "status: 529"],
)
async def test_a_failure_before_the_first_content_goes_unnoticed(fault: str) -> None:
    text = simulated(f"faults: [{{{fault}}}]", to="[sim, spare]")
    async with Engine.open(text) as engine, engine.stream(model="m", messages=HELLO) as stream:
        said, error = await collect(stream)
    assert error is None
    assert "spare" in said
    assert stream.reply.decision.attempts[-1].target == "spare/m"
    assert stream.reply.decision.attempts[0].outcome != "ok"


@pytest.mark.parametrize("fault", ["cut_after: 3", "reset_after: 3", "malformed_after: 3"])
async def test_an_answer_that_breaks_off_after_content_raises_and_is_not_replayed(
    fault: str,
) -> None:
    text = simulated(f"faults: [{{{fault}}}]", to="[sim, spare]")
    async with Engine.open(text) as engine, engine.stream(model="m", messages=HELLO) as stream:
        said, error = await collect(stream)
    assert isinstance(error, InterruptedAnswer)
    assert error.kind == "interrupted"
    assert error.target == "sim/m"
    assert error.decision is stream.reply.decision
    assert said == stream.reply.text != ""
    assert [(a.target, a.outcome) for a in error.decision.attempts] == [("sim/m", "interrupted")]


async def test_a_clean_end_without_the_terminal_marker_is_a_break_too() -> None:
    engine, _ = await opened(plan("  - {match: m, to: a}"), [streamed("half")])
    async with engine.stream(model="m", messages=HELLO) as stream:
        said, error = await collect(stream)
    assert said == "half"
    assert isinstance(error, InterruptedAnswer)


async def test_an_error_inside_the_stream_before_content_moves_on() -> None:
    failed = streamed(b'data: {"error": {"message": "busy", "code": 503}}\n\n')
    engine, transport = await opened(
        plan("  - {match: m, to: [a, b]}"), [failed, streamed("ok", DONE)]
    )
    async with engine.stream(model="m", messages=HELLO) as stream:
        assert await collect(stream) == ("ok", None)
    assert ids(transport) == ["a", "b"]


async def test_a_stream_that_says_nothing_in_time_is_left_for_the_next() -> None:
    silent = streamed(60.0, "late", DONE)
    routes = "  - {match: m, to: [a, b], timeouts: {first_token: 50ms}}"
    engine, transport = await opened(plan(routes), [silent, streamed("ok", DONE)])
    async with engine.stream(model="m", messages=HELLO) as stream:
        assert await collect(stream) == ("ok", None)
    assert stream.reply.decision.attempts[0].outcome == "timeout"
    assert transport.responses[0].closed


@pytest.mark.parametrize("limit", ["idle", "idle_content", "total"])
async def test_silence_after_content_interrupts(limit: str) -> None:
    answer = streamed("one", 60.0, "two", DONE)
    routes = f"  - {{match: m, to: a, timeouts: {{{limit}: 50ms}}}}"
    engine, transport = await opened(plan(routes), [answer])
    async with engine.stream(model="m", messages=HELLO) as stream:
        said, error = await collect(stream)
    assert said == "one"
    assert isinstance(error, InterruptedAnswer)
    assert transport.responses[0].closed


async def test_the_total_time_ends_a_call_that_has_shown_nothing() -> None:
    routes = "  - {match: m, to: [a, b], timeouts: {total: 50ms}}"
    engine, transport = await opened(plan(routes), [streamed(60.0, "late", DONE)])
    with pytest.raises(DeadlineError):
        await engine.chat(model="m", messages=HELLO)
    assert ids(transport) == ["a"]


async def test_a_whole_answer_is_given_the_time_of_an_attempt() -> None:
    text = simulated(
        "latency: 300ms", more="    timeouts: {first_token: 10ms, idle: 10ms, attempt: 20s}\n"
    )
    async with Engine.open(text) as engine:
        assert (await engine.chat(model="m", messages=HELLO)).text
        with pytest.raises(UpstreamError) as raised:
            async with engine.stream(model="m", messages=HELLO):
                pass
    assert raised.value.kind == "timeout"


async def test_an_answer_with_an_empty_text_is_still_an_answer() -> None:
    engine, _ = await opened(plan("  - {match: m, to: a}"), [streamed(b"", DONE)])
    with pytest.raises(UpstreamError) as raised:
        async with engine.stream(model="m", messages=HELLO):
            pass
    assert raised.value.kind == "malformed"


async def test_what_is_left_for_another_target_is_closed_first() -> None:
    script = [streamed(b"data: {odd}\n\n", "late", DONE), streamed("ok", DONE)]
    engine, transport = await opened(plan("  - {match: m, to: [a, b]}"), script)
    async with engine.stream(model="m", messages=HELLO):
        assert transport.responses[0].closed
        assert not transport.responses[0].read
