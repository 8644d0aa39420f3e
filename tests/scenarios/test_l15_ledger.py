"""L15: of thousands of requests, many of which their clients give up at some time, each is in the
ledger once, and the tokens of those that were answered are those that the provider counted."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.faultd import Break, Play, faultd
from tests.scenarios.harness import KEY, routes
from trunkline.errors import CallError
from trunkline.runtime import Engine

if TYPE_CHECKING:
    from tests.faultd import Faultd
    from tests.scenarios.figures import Figure
    from trunkline.ports import Decision

pytestmark = pytest.mark.anyio

PRICES = {"a/gpt-5.1": {"input": 1, "output": 1}, "b/claude-haiku-4-5": {"input": 1, "output": 1}}
WORKERS = 30


async def ask(engine: Engine, number: int, stream: bool) -> None:
    """Read one answer to its end."""
    asked: dict[str, Any] = {
        "model": "m",
        "messages": [{"role": "user", "content": f"[id:{number}]"}],
        "max_completion_tokens": 100,
    }
    if not stream:
        await engine.chat(asked, request_id=str(number))
        return
    async with engine.stream(asked, request_id=str(number)) as answer:
        async for _delta in answer:
            pass


def fails_now_and_then(first: Faultd, second: Faultd) -> None:
    cut = Play(chunks=8, breaks=Break("fin", 3))
    for play in (Play(status=529), Play(breaks=Break("rst", "head")), cut):
        first.script(play, chance=0.07)
    first.usual = Play(chunks=8, between=0.002)
    second.usual = Play(chunks=5, between=0.001)


@pytest.mark.parametrize(
    "count", [300, pytest.param(10_000, marks=pytest.mark.nightly)], ids=["short", "full"]
)
async def test_l15_every_request_is_one_row_and_adds_up_to_what_was_served(
    count: int, figure: Figure
) -> None:
    chance = random.Random(15)
    rows: list[Decision] = []
    budget = [{"name": "all", "amount": "1000 USD", "window": "hour"}]
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(faultd(seed=number)) for number in range(2)]
        fails_now_and_then(*servers)
        text = routes(
            ["openai-chat", "anthropic-messages"],
            [server.url for server in servers],
            route={"limits": {"concurrency": WORKERS, "tokens_per_minute": 10**9}},
            prices=PRICES,
            budgets=budget,
        )
        opening = Engine.open(
            text, environ={"KEY": KEY}, chance=chance, ledger=rows.append, alert=lambda _event: None
        )
        engine = await stack.enter_async_context(opening)
        numbers = iter(range(count))

        async def work() -> None:
            for number in numbers:
                task = asyncio.create_task(ask(engine, number, number % 2 > 0))
                if chance.random() < 0.4:
                    await asyncio.wait({task}, timeout=chance.uniform(0, 0.03))
                    task.cancel()
                (found,) = await asyncio.gather(task, return_exceptions=True)
                assert isinstance(found, asyncio.CancelledError | CallError | None)

        await asyncio.gather(*(work() for _ in range(WORKERS)))
        assert engine._state.in_flight == {}

    assert set(Counter(row.request_id for row in rows).values()) == {1}
    asked = {one.id for server in servers for one in server.seen}
    assert asked <= {row.request_id for row in rows} <= {str(number) for number in range(count)}
    outcomes = Counter(row.outcome for row in rows)
    assert min(outcomes["ok"], outcomes["cancelled"]) > count / 10
    completed = {row.request_id for row in rows if row.outcome == "ok"}
    served = [
        one
        for server in servers
        for one in server.seen
        if one.id in completed and (one.status, one.outcome) == (200, "complete")
    ]
    assert Counter(one.id for one in served) == Counter(completed)
    charged = [row.usage for row in rows if row.request_id in completed]
    counted = sum(usage["output"] for usage in charged if usage)
    told = sum(one.tokens for one in served)
    figure("tokens served of answered requests", told)
    figure("tokens in the books beyond them", abs(counted - told), most=0)
    assert counted == told
    assert all(usage and "estimated" not in usage for usage in charged)
    for row in rows:
        paid = [attempt.micro_dollars for attempt in row.attempts if attempt.micro_dollars]
        maybe = sum(attempt.maybe_billed for attempt in row.attempts)
        assert (row.cost or {}).get("micro_dollars", 0) == sum(paid)
        assert (row.cost or {}).get("maybe_billed", 0) == maybe
