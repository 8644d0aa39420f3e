"""A balance gives each member its share, and moves on inside the group before it fails."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.graph.making import HELLO, Crank, failing, ids, opened, plan, said, streamed
from trunkline.errors import UpstreamError
from trunkline.transport import Canned

if TYPE_CHECKING:
    from trunkline.ports import HttpRequest

pytestmark = pytest.mark.anyio

DOWN = Canned(error=UpstreamError("overloaded", "busy"))


def group(members: str, by: str = "weighted") -> str:
    return f"  - {{match: m, to: {{balance: {{by: {by}, of: [{members}]}}}}}}"


async def test_weights_are_exact_shares_with_fractions_too() -> None:
    routes = group("{target: a, weight: 0.5}, {target: b, weight: 0.3}, {target: c, weight: 0.2}")
    engine, transport = await opened(plan(routes), lambda _request: said())
    for _ in range(30):
        await engine.chat(model="m", messages=HELLO)
    assert Counter(ids(transport)) == {"a": 15, "b": 9, "c": 6}
    assert Counter(ids(transport)[:10]) == {"a": 5, "b": 3, "c": 2}


async def test_round_robin_takes_turns() -> None:
    engine, transport = await opened(plan(group("a, b, c", "round_robin")), lambda _r: said())
    for _ in range(6):
        await engine.chat(model="m", messages=HELLO)
    assert ids(transport) == ["a", "b", "c", "a", "b", "c"]


async def test_random_asks_everybody_sometimes() -> None:
    engine, transport = await opened(plan(group("a, b", "random")), lambda _request: said())
    for _ in range(40):
        await engine.chat(model="m", messages=HELLO)
    assert min(Counter(ids(transport)).values()) > 5


async def test_least_connections_counts_streams_until_they_end() -> None:
    answer = streamed("one", "two", b"data: [DONE]\n\n")
    engine, transport = await opened(plan(group("a, b", "least_connections")), lambda _r: answer)
    first = engine.stream(model="m", messages=HELLO)
    async with first:
        [first_id] = ids(transport)
        for _ in range(5):
            await engine.stream(model="m", messages=HELLO).__aenter__()
        others = Counter(ids(transport)[1:])
        assert others[first_id] == 2
    assert sum(others.values()) == 5


async def test_a_failed_pick_moves_on_inside_the_group_and_gives_up_after_two() -> None:
    engine, transport = await opened(plan(group("a, b, c", "round_robin")), [DOWN, said("b")])
    reply = await engine.chat(model="m", messages=HELLO)
    assert reply.text == "b"
    assert [picked for _, picked in reply.decision.picks] == ["a/*", "b/*"]
    engine, transport = await opened(plan(group("a, b, c", "round_robin")), lambda _request: DOWN)
    with pytest.raises(UpstreamError):
        await engine.chat(model="m", messages=HELLO)
    assert ids(transport) == ["a", "b"]


async def test_members_that_cannot_carry_the_request_do_not_count_as_tries() -> None:
    nodes = ", ".join(f"{{target: {name}, capabilities: []}}" for name in "abc")
    engine, transport = await opened(plan(group(f"{nodes}, d, e", "round_robin")), [DOWN, said()])
    await engine.chat(
        model="m", messages=HELLO, tools=[{"type": "function", "function": {"name": "f"}}]
    )
    assert ids(transport) == ["d", "e"]


async def test_an_error_of_the_callers_own_is_not_tried_on_another_member() -> None:
    engine, transport = await opened(plan(group("a, b")), [failing(400)])
    with pytest.raises(UpstreamError) as raised:
        await engine.chat(model="m", messages=HELLO)
    assert (raised.value.kind, raised.value.status) == ("bad_request", 400)
    assert len(transport.requests) == 1


async def test_groups_nest_and_the_tier_below_is_still_reached() -> None:
    routes = "  - {match: m, to: [{balance: {by: round_robin, of: [[a, b], c]}}, d]}"
    engine, transport = await opened(plan(routes), lambda _request: failing(500), Crank())
    with pytest.raises(UpstreamError):
        await engine.chat(model="m", messages=HELLO)
    assert len(transport.requests) == 4
    assert ids(transport)[-1] == "d"


async def test_many_requests_at_once_keep_exact_shares() -> None:
    async def answer() -> None:
        await engine.chat(model="m", messages=HELLO)

    def script(_request: HttpRequest) -> Canned:
        return said()

    routes = group("{target: a, weight: 3}, {target: b, weight: 1}")
    engine, transport = await opened(plan(routes), script)
    await asyncio.gather(*(answer() for _ in range(80)))
    assert Counter(ids(transport)) == {"a": 60, "b": 20}
