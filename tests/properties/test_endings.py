"""Properties 6 and 11: whatever the graph, whoever is out, whatever limits lend and whoever goes
away, every request ends within its sends and its time, is settled once, and adds up."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.graph.making import failing, said, streamed
from tests.graph.timed import timed
from tests.scenarios.scripted import DONE, at
from trunkline.compile import load_plan
from trunkline.errors import CallError, ConfigError, UpstreamError
from trunkline.runtime import Engine
from trunkline.transport import Canned, ScriptedTransport
from trunkline.wire.jsontext import dumps

if TYPE_CHECKING:
    from trunkline.compile import Plan
    from trunkline.ports import Decision, HttpRequest

TOTAL = 30.0
NAMES = "abcde"
LIMITS = "{requests_per_minute: 600, burst: 8, concurrency: 3, tokens_per_minute: 20_000}"
PROVIDERS = "\n".join(
    f'  {name}: {{type: openai-compatible, base_url: "http://{name}.test/v1", limits: {LIMITS}}}'
    for name in NAMES
)
TOP = """
prices: {"a/*": {input: 1, output: 1}, "b/*": {input: 9, output: 9}}
budgets: [{name: all, amount: 0.05 USD, window: hour, unpriced: allow}]
limits:
  - {name: callers, by: request.user, trust: client, concurrency: 5, tokens_per_minute: 60_000}
"""

leaves = st.builds(lambda p, n: f"{p}/m{n}", st.sampled_from(NAMES), st.integers(0, 2))


def _wider(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    by = st.sampled_from(["weighted", "random", "least_connections", "lowest_latency"])
    return (
        several
        | st.builds(lambda of, by: {"balance": {"by": by, "of": of}}, several, by)
        | st.builds(lambda of: {"hedge": {"of": of, "after": "2s", "share": 1}}, several)
    )


graphs = st.recursive(leaves, _wider, max_leaves=6)
ANSWERS = [
    said(),
    said("long", "length"),
    failing(500),
    failing(529),
    failing(429),
    failing(429, retry_after="1"),
    failing(404),
    failing(400),
    Canned(error=UpstreamError("connect", "refused", stage="connect")),
    Canned(error=UpstreamError("timeout", "late", stage="sent")),
    Canned(200, {}, (b"not json",)),
]
CUT = UpstreamError("server_error", "cut")
STREAMS = [
    *ANSWERS[2:],
    streamed("a", 1.0, "b", DONE),
    streamed(3.0, "a", DONE),
    streamed("a", CUT),
    streamed(1.0, CUT),
]


def compiled(node: Any, sends: int) -> Plan | None:
    route = {
        "name": "all",
        "match": "m",
        "to": node,
        "retry": {"max_sends": sends},
        "timeouts": {"total": f"{TOTAL:g}s"},
    }
    text = f"version: 1\nproviders:\n{PROVIDERS}\n{TOP}\nroutes: {dumps([route]).decode()}\n"
    try:
        return load_plan(text)
    except ConfigError as error:
        wrong = {one.code for one in error.diagnostics if one.severity == "error"}
        assert wrong <= {"TL404", "TL413"}
        return None


async def perform(plan: Plan, chance: random.Random) -> tuple[list[Decision], list[str]]:
    """Waves of requests at once, of which some are given up; the ledger, and who was asked."""
    rows: list[Decision] = []

    def answer(request: HttpRequest) -> Canned:
        stream = b'"stream":true' in request.body
        found = chance.choice(STREAMS if stream else ANSWERS)
        return replace(found, delay=chance.choice([0.0, 0.0, 1.0, 5.0]))

    async def ask(engine: Engine, number: int) -> None:
        asked: dict[str, Any] = {
            "model": "m",
            "messages": [{"role": "user", "content": f"{number}"}],
            "user": f"{number % 2}",
            "max_completion_tokens": 900,
        }
        if number % 2:
            async with engine.stream(asked, request_id=str(number)) as stream:
                async for _delta in stream:
                    pass
        else:
            await engine.chat(asked, request_id=str(number))

    async def give_up(task: asyncio.Task[None], after: float, clock: Any) -> None:
        await clock.sleep(after)
        task.cancel()

    async with timed() as clock:
        transport = ScriptedTransport(answer, clock)
        opening = Engine.open(
            plan,
            transport=lambda: transport,
            clock=clock,
            chance=random.Random(7),
            environ={},
            ledger=rows.append,
            alert=lambda _event: None,
        )
        async with opening as engine:
            for wave in range(4):
                await clock.sleep(chance.choice([0.0, 12.0, 70.0]))
                tasks = [asyncio.create_task(ask(engine, wave * 8 + n)) for n in range(8)]
                leaving = [
                    asyncio.create_task(give_up(task, chance.uniform(0, 6), clock))
                    for task in tasks
                    if chance.random() < 0.25
                ]
                async with asyncio.timeout(30):
                    ended = await asyncio.gather(*tasks, return_exceptions=True)
                    await asyncio.gather(*leaving)
                allowed = CallError | asyncio.CancelledError | None
                assert [one for one in ended if not isinstance(one, allowed)] == []
            generation: Any = engine._generation
            assert engine._state.in_flight == {}
            assert generation.store.limiter.open == 0
            assert generation._users == 0
    return rows, [at(request) for request in transport.requests]


@settings(max_examples=100)
@given(graphs, st.integers(1, 5), st.integers(0, 2**32))
def test_every_request_ends_is_settled_once_and_adds_up(node: Any, sends: int, seed: int) -> None:
    plan = compiled(node, sends)
    if plan is None:
        return
    rows, asked = asyncio.run(perform(plan, random.Random(seed)))
    assert set(Counter(row.request_id for row in rows).values()) <= {1}
    attempts = [attempt for row in rows for attempt in row.attempts]
    for row in rows:
        assert row.outcome
        assert len(row.attempts) <= sends
        assert all(attempt.outcome for attempt in row.attempts)
        assert [one.outcome for one in row.attempts].count("ok") == (row.outcome == "ok")
        later = row.attempts[1:]
        assert all(attempt.started <= TOTAL - 1 for attempt in later)
        most = Counter(attempt.target for attempt in row.attempts).most_common(1)
        # A target that stands in a graph several times may be come to as often.
        assert not most or most[0][1] <= 2 * str(node).count(most[0][0])
        money = sum(attempt.micro_dollars or 0 for attempt in row.attempts)
        maybe = sum(attempt.maybe_billed for attempt in row.attempts)
        cost = row.cost or {}
        assert (cost.get("micro_dollars", 0), cost.get("maybe_billed", 0)) == (money, maybe)
    assert len(asked) <= len(attempts)
    assert not Counter(asked) - Counter(attempt.target[0] for attempt in attempts)
