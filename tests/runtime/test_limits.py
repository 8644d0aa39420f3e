"""Limits of callers, routes, providers and keys, from the route file to the refusal."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.graph.making import HELLO, Crank, ids, opened, plan, said, streamed
from tests.graph.timed import Timed
from trunkline.errors import CallError
from trunkline.policy.health import Event
from trunkline.runtime import Engine
from trunkline.transport import ScriptedTransport

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio


async def asked(engine: Any, **fields: Any) -> str:
    """The kind of what comes of a request: `ok` or an error's."""
    try:
        await engine.chat(model="m", messages=HELLO, **fields)
    except CallError as error:
        return error.kind
    return "ok"


async def test_a_callers_limit_is_shared_by_all_with_the_same_value_and_by_nobody_else() -> None:
    more = "limits: [{name: team, by: caller.name, requests_per_minute: 2}]"
    clock = Crank()
    engine, _ = await opened(plan("  - {match: m, to: a/m}", more), lambda _: said(), clock)
    teams = ["x", "x", "x", "y", "x", "y"]
    kinds = [await asked(engine, caller={"name": team}) for team in teams]
    assert kinds == ["ok", "ok", "limit", "ok", "limit", "ok"]
    clock.now += 30
    assert await asked(engine, caller={"name": "x"}) == "ok"


async def test_a_refusal_names_the_limit_and_when_there_is_room_again() -> None:
    more = "limits: [{name: team, by: caller.name, requests_per_minute: 1}]"
    engine, _ = await opened(plan("  - {match: m, to: a/m}", more), lambda _: said(), Crank())
    await engine.chat(model="m", messages=HELLO)
    with pytest.raises(CallError, match="`team` is used up: try again in 60 s") as caught:
        await engine.chat(model="m", messages=HELLO)
    assert (caught.value.status, caught.value.retry_after) == (429, pytest.approx(60))


async def test_a_providers_limit_passes_it_over_and_the_next_one_answers() -> None:
    text = "  - {match: m, to: [{target: a/m, limits: {requests_per_minute: 10}}, b/m]}"
    engine, transport = await opened(plan(text), lambda _: said(), Crank())
    decisions = [(await engine.chat(model="m", messages=HELLO)).decision for _ in range(3)]
    assert ids(transport) == ["a", "b", "b"]
    [skip] = decisions[1].skipped
    assert skip.target == "a/m"
    assert skip.reason.startswith("a limit on it leaves no room")


async def test_tokens_that_were_not_used_come_back() -> None:
    more = "limits: [{name: all, by: caller.name, tokens_per_minute: 1000}]"
    engine, _ = await opened(plan("  - {match: m, to: a/m}", more), lambda _: said(), Crank())
    # Each reserves 600 and more, and uses 5.
    kinds = [await asked(engine, max_completion_tokens=600) for _ in range(3)]
    assert kinds == ["ok", "ok", "ok"]


async def test_what_can_never_fit_is_refused_for_good() -> None:
    more = "limits: [{name: all, by: caller.name, tokens_per_minute: 1000}]"
    engine, _ = await opened(plan("  - {match: m, to: a/m}", more), lambda _: said(), Crank())
    with pytest.raises(CallError, match="larger than the limit `all` ever allows") as caught:
        await engine.chat(model="m", messages=HELLO, max_completion_tokens=2000)
    assert (caught.value.status, caught.value.retry_after) == (400, None)


async def test_a_strict_limit_wants_to_know_how_much_may_be_answered() -> None:
    more = "limits: [{name: all, by: caller.name, tokens_per_minute: 100_000, strict: true}]"
    engine, _ = await opened(plan("  - {match: m, to: a/m}", more), lambda _: said(), Crank())
    with pytest.raises(CallError, match="say `max_completion_tokens`") as caught:
        await engine.chat(model="m", messages=HELLO)
    assert caught.value.status == 400
    assert await asked(engine, max_completion_tokens=10) == "ok"


async def test_a_routes_limit_counts_its_requests_alone() -> None:
    text = "  - {match: m, to: a/m, limits: {requests_per_hour: 1}}\n  - {match: other, to: a/m}"
    engine, _ = await opened(plan(text), lambda _: said(), Crank())
    assert [await asked(engine) for _ in range(2)] == ["ok", "limit"]
    assert (await engine.chat(model="other", messages=HELLO)).text == "hi"


async def test_a_budget_is_paid_by_what_answers_cost_and_then_refuses() -> None:
    more = (
        "prices: {a/m: {input: 0, output: 100}}\n"
        "budgets: [{name: b, by: caller.name, amount: 0.01 USD, window: hour}]"
    )
    engine, _ = await opened(plan("  - {match: m, to: a/m}", more), lambda _: said(), Crank())
    kinds = [await asked(engine, max_completion_tokens=50) for _ in range(60)]
    # Each answer has 2 tokens at 100 micro-dollars; one that might cost 5,000 must still fit.
    assert kinds.count("ok") == 26
    assert set(kinds[26:]) == {"budget"}


async def test_a_budget_that_is_nearly_used_up_is_told_once_a_window() -> None:
    more = (
        "prices: {a/m: {input: 0, output: 100}}\n"
        "budgets: [{name: b, by: caller.name, amount: 0.01 USD, window: hour}]"
    )
    events: list[Event] = []
    clock, transport = Crank(), ScriptedTransport(lambda _: said())
    engine = await Engine.open(
        plan("  - {match: m, to: a/m}", more),
        transport=lambda: transport,
        clock=clock,
        environ={},
        alert=events.append,
    )
    assert {await asked(engine, max_completion_tokens=1) for _ in range(40)} == {"ok"}
    assert not events
    assert {await asked(engine, max_completion_tokens=1) for _ in range(9)} == {"ok"}
    left = 3600 - clock.time() % 3600
    assert events == [Event("budget_low", "b", clock.now + left)]
    clock.now += left
    assert {await asked(engine, max_completion_tokens=1) for _ in range(49)} == {"ok"}
    assert [event.kind for event in events] == ["budget_low"] * 2


async def test_nobody_is_told_to_come_back_to_a_budget_in_more_than_an_hour(
    tmp_path: Path,
) -> None:
    more = (
        "prices: {a/m: {input: 0, output: 100}}\n"
        f'state: {{file: "{tmp_path}/spent.db"}}\n'
        "budgets: [{name: b, by: caller.name, amount: 0.01 USD, window: WINDOW}]"
    )
    for window, told in (("hour", True), ("month", False)):
        compiled = plan("  - {match: m, to: a/m}", more.replace("WINDOW", window))
        engine, _ = await opened(compiled, lambda _: said(), Crank())
        async with engine:
            assert await asked(engine, max_completion_tokens=90) == "ok"
            with pytest.raises(CallError) as caught:
                await engine.chat(model="m", messages=HELLO, max_completion_tokens=99)
        assert caught.value.kind == "budget"
        assert (caught.value.retry_after is not None) is told


async def test_what_tells_callers_apart_may_be_long() -> None:
    by = "limits: [{name: c, by: metadata.who, trust: client, requests_per_hour: 1}]"
    engine, _ = await opened(plan("  - {match: m, to: a/m}", by), lambda _: said(), Crank())
    names = ["x" * 100_000 + end for end in "aab"]
    heard = [await asked(engine, metadata={"who": name}) for name in names]
    assert heard == ["ok", "limit", "ok"]
    assert engine._generation is not None
    (one,) = engine._generation.plan.limits
    assert max(len(subject) for subject, _ in one.rule._drafts) < 100


@pytest.mark.parametrize(
    "asking",
    [{"max_completion_tokens": -900_000}, {"max_completion_tokens": 900_000, "n": -1}],
    ids=["tokens below 0", "answers below 0"],
)
async def test_a_number_below_0_lends_nobody_anything(asking: dict[str, Any]) -> None:
    more = (
        "prices: {a/m: {input: 1, output: 10}}\n"
        "limits: [{name: t, by: caller.name, tokens_per_hour: 1_000_000}]\n"
        "budgets: [{name: b, by: caller.name, amount: 10 USD, window: hour}]"
    )
    clock = Timed()
    transport = ScriptedTransport(lambda _: replace(said(), delay=5.0), clock)
    engine = await Engine.open(
        plan("  - {match: m, to: a/m}", more),
        transport=lambda: transport,
        clock=clock,
        environ={},
    )
    held = asyncio.create_task(asked(engine, **asking))
    while not transport.requests:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert engine._generation is not None
    store = engine._generation.store
    (budget,) = engine._generation.plan.budgets
    (limit,) = engine._generation.plan.limits
    money = budget.rule.claim("", 0, clock.time())
    (tokens,) = limit.rule.claims("", 0, 0, 0.0)
    for claim in (money, tokens):
        left = store.left(claim)
        assert left is not None
        assert left < claim.capacity
    held.cancel()


async def test_a_full_house_has_room_again_at_any_moment() -> None:
    text = "  - {match: m, to: a/m, limits: {concurrency: 1}}"
    engine, _ = await opened(plan(text), lambda _: streamed("one", b"data: [DONE]\n\n"), Crank())
    async with engine.stream(model="m", messages=HELLO):
        with pytest.raises(CallError, match="try again in 1 s") as caught:
            await engine.chat(model="m", messages=HELLO)
    assert caught.value.retry_after == 1.0
