"""A fallback asks in order, moves on for the right reasons, and always reaches its last member."""

from __future__ import annotations

import pytest

from tests.graph.making import HELLO, Crank, failing, ids, opened, plan, said, streamed
from trunkline.errors import DEFAULT_KINDS, KINDS, RequestError, UpstreamError
from trunkline.transport import Canned

pytestmark = pytest.mark.anyio

CHAIN = "  - {match: m, to: [a, b, c]}"
DOWN = Canned(error=UpstreamError("overloaded", "busy"))


async def test_the_first_member_that_answers_is_the_last_that_is_asked() -> None:
    engine, transport = await opened(plan(CHAIN), [DOWN, said("b")])
    reply = await engine.chat(model="m", messages=HELLO)
    assert reply.text == "b"
    assert ids(transport) == ["a", "b"]
    assert [(a.target, a.outcome) for a in reply.decision.attempts] == [
        ("a/m", "overloaded"),
        ("b/m", "ok"),
    ]
    assert reply.decision.targets == ["a/m", "b/m"]


async def test_when_all_fail_the_last_failure_is_raised_with_the_record() -> None:
    engine, _ = await opened(plan(CHAIN), [DOWN, DOWN, failing(404)])
    with pytest.raises(UpstreamError) as raised:
        await engine.chat(model="m", messages=HELLO)
    assert raised.value.kind == "not_found"
    assert raised.value.target == "c/m"
    assert raised.value.decision is not None
    assert len(raised.value.decision.attempts) == 3


@pytest.mark.parametrize("kind", sorted(set(KINDS) - DEFAULT_KINDS))
async def test_other_kinds_move_on_only_where_on_lists_them(kind: str) -> None:
    down = Canned(error=UpstreamError(kind, "no"))  # type: ignore[arg-type]
    engine, transport = await opened(plan(CHAIN), [down, said()])
    with pytest.raises(UpstreamError):
        await engine.chat(model="m", messages=HELLO)
    assert ids(transport) == ["a"]


@pytest.mark.parametrize(
    ("on", "answer", "moves"),
    [
        ("[default]", failing(500), True),
        ("[content_filter]", failing(529), False),
        ("[default, content_filter]", said("", "content_filter"), True),
        ("[default]", said("", "content_filter"), False),
        ("[422]", failing(422), True),
        ("[default]", failing(422), False),
        ("[timeout]", failing(529), False),
    ],
)
async def test_on_says_what_moves_on(on: str, answer: Canned, moves: bool) -> None:
    routes = (
        f"  - {{match: m, to: {{fallback: {{of: [a, b], on: {on}}}}}, retry: {{max_sends: 2}}}}"
    )
    engine, transport = await opened(plan(routes), [answer, said("b"), said("b")], Crank())
    try:
        reply = await engine.chat(model="m", messages=HELLO)
    except UpstreamError:
        reply = None
    assert ("b" in ids(transport)) is moves
    assert (reply is not None and reply.text == "b") is moves


async def test_a_filtered_answer_of_the_last_member_is_given_as_it_is() -> None:
    routes = "  - {match: m, to: {fallback: {of: [a, b], on: [content_filter]}}}"
    answers = [said("", "content_filter"), said("", "content_filter")]
    engine, _ = await opened(plan(routes), answers)
    reply = await engine.chat(model="m", messages=HELLO)
    assert reply.finish == "content_filter"


async def test_a_member_that_cannot_carry_the_request_is_passed_over_and_recorded() -> None:
    engine, transport = await opened(
        plan("  - {match: m, to: [{target: a, capabilities: []}, b]}"), [said("b")]
    )
    tool = {"type": "function", "function": {"name": "f"}}
    reply = await engine.chat(model="m", messages=HELLO, tools=[tool])
    assert ids(transport) == ["b"]
    assert [(skip.target, "tools" in skip.reason) for skip in reply.decision.skipped] == [
        ("a/m", True)
    ]


async def test_a_skipped_last_member_does_not_turn_an_outage_into_a_400() -> None:
    engine, _ = await opened(
        plan("  - {match: m, to: [a, {target: b, capabilities: []}]}"), [failing(529)]
    )
    tool = {"type": "function", "function": {"name": "f"}}
    with pytest.raises(UpstreamError) as raised:
        await engine.chat(model="m", messages=HELLO, tools=[tool])
    assert raised.value.kind == "overloaded"


async def test_when_no_target_can_carry_it_the_caller_hears_why_of_each() -> None:
    node = "{target: %s, capabilities: []}"
    engine, transport = await opened(
        plan(f"  - {{match: m, to: [{node % 'a'}, {node % 'b'}]}}"), []
    )
    with pytest.raises(RequestError) as raised:
        await engine.chat(model="m", messages=HELLO, response_format={"type": "json_object"})
    assert raised.value.kind == "unsupported"
    assert raised.value.status == 400
    assert "a/m" in raised.value.message
    assert "b/m" in raised.value.message
    assert transport.requests == []


async def test_unsupported_can_be_refused_at_once_or_dropped() -> None:
    routes = (
        "  - {match: r, to: [{target: a, capabilities: [], unsupported: refuse}, b]}\n"
        "  - {match: d, to: [{target: a, capabilities: [], unsupported: drop}, b]}"
    )
    tools = [{"type": "function", "function": {"name": "f"}}]
    engine, transport = await opened(plan(routes), [said("a")])
    with pytest.raises(RequestError):
        await engine.chat(model="r", messages=HELLO, tools=tools)
    assert (await engine.chat(model="d", messages=HELLO, tools=tools)).text == "a"
    assert ids(transport) == ["a"]


async def test_the_same_target_is_asked_again_for_what_passes_but_not_at_the_others_expense() -> (
    None
):
    clock = Crank()
    engine, transport = await opened(plan(CHAIN), lambda _request: failing(500), clock)
    with pytest.raises(UpstreamError):
        await engine.chat(model="m", messages=HELLO)
    assert ids(transport) == ["a", "a", "b", "c"]
    assert len(clock.slept) == 1
    assert 0.05 <= clock.slept[0] <= 0.1


async def test_max_sends_of_an_inner_group_holds_for_it() -> None:
    routes = "  - {match: m, to: [{target: a, retry: {max_sends: 1}}, b], retry: {max_sends: 4}}"
    engine, transport = await opened(plan(routes), lambda _request: failing(500), Crank())
    with pytest.raises(UpstreamError):
        await engine.chat(model="m", messages=HELLO)
    assert ids(transport) == ["a", "b", "b"]


async def test_no_further_target_is_asked_when_less_than_a_second_is_left() -> None:
    clock = Crank()
    slow = Canned(delay=9.5, error=UpstreamError("timeout", "late"))
    routes = "  - {match: m, to: [a, b], timeouts: {total: 10s}}"
    engine, transport = await opened(plan(routes), [slow, said()], clock)
    with pytest.raises(Exception, match="total time") as raised:
        await engine.chat(model="m", messages=HELLO)
    assert raised.value.kind == "deadline"  # type: ignore[attr-defined]
    assert ids(transport) == ["a"]


async def test_a_stream_moves_on_until_its_first_content() -> None:
    cut = streamed(b": ping\n\n", UpstreamError("server_error", "cut"))
    engine, transport = await opened(plan(CHAIN), [cut, streamed("hello", b"data: [DONE]\n\n")])
    async with engine.stream(model="m", messages=HELLO) as stream:
        text = "".join([delta.text async for delta in stream])
    assert text == "hello"
    assert ids(transport) == ["a", "b"]
