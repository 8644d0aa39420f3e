"""L14, and property 12 of the design: a request that holds everything there is to hold is cancelled
at each step of the loop in turn. Afterwards nothing of it is left."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.graph.making import HELLO, failing, said, streamed
from tests.scenarios.scripted import DONE, at
from trunkline.compile import Plan, load_plan
from trunkline.errors import UpstreamError
from trunkline.runtime import Engine
from trunkline.transport import Canned, ScriptedTransport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.scenarios.figures import Figure
    from trunkline.ports import Decision, HttpRequest

pytestmark = pytest.mark.anyio

LIMITS = (
    "requests_per_minute: 100_000, burst: 90_000, tokens_per_minute: 10_000_000, concurrency: 1"
)
PROVIDERS = "\n".join(
    f'  {name}: {{type: openai-compatible, base_url: "http://{name}.test/v1",'
    f" circuit_breaker: {{consecutive_failures: 3, ramp: off}},"
    f" keys: [{{api_key: '${{env:ONE}}', limits: {{{LIMITS}}}}},"
    f" {{api_key: '${{env:TWO}}', limits: {{{LIMITS}}}}}],"
    f" limits: {{{LIMITS.replace('concurrency: 1', 'concurrency: 2')}}}}}"
    for name in "ab"
)
TOP = f"""
prices: {{a/*: {{input: 1, output: 1}}, b/*: {{input: 2, output: 2}}}}
budgets: [{{name: all, amount: 1000 USD, window: hour}}]
limits: [{{name: callers, by: route.name, {LIMITS}}}]
"""
NODES = {
    "fallback": "[a/m, b/m]",
    "balance": "{balance: {by: least_connections, of: [a/m, b/m]}}",
    "hedge": "{hedge: {of: [a/m, b/m], after: 4s, share: 1}}",
}
STREAMING = {
    "first_content": "{}",
    "restart": "{commit: complete, on_interrupt: restart}",
    "drain": "{on_disconnect: drain}",
}


class Turns:
    """A clock on which a second is a turn of the loop."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_800_000_000.0 + self.now

    async def sleep(self, seconds: float) -> None:
        for _ in range(max(1, round(seconds))):
            await asyncio.sleep(0)


def document(node: str, streaming: str, state: str) -> Plan:
    return load_plan(
        f"version: 1\nproviders:\n{PROVIDERS}\n{TOP}{state}\nroutes:\n"
        f"  - {{match: m, to: {node}, streaming: {streaming},"
        f" retry: {{backoff: {{base: 2s, cap: 3s}}}}}}\n"
    )


CUT = UpstreamError("server_error", "cut")


def answer(request: HttpRequest) -> Canned:
    """`a` takes long and comes to nothing, `b` answers piece by piece."""
    stream = b'"stream":true' in request.body
    if at(request) == "a":
        return streamed(2.0, 2.0, CUT) if stream else replace(failing(500), delay=6.0)
    if stream:
        return replace(streamed("b", 2.0, "b", 1.0, "b", DONE), delay=2.0)
    return replace(said("bbb"), delay=3.0)


async def whole(engine: Engine) -> str:
    return (await engine.chat(model="m", messages=HELLO)).text


async def stream(engine: Engine) -> str:
    async with engine.stream(model="m", messages=HELLO) as answered:
        return "".join([delta.text async for delta in answered])


@dataclass
class Open:
    """An engine, and what its requests left behind."""

    engine: Engine
    rows: list[Decision]

    def held(self) -> dict[str, Any]:
        """What requests hold: of a healthy engine that does nothing, all of it is empty."""
        state = self.engine._state
        generation: Any = self.engine._generation
        breakers = [*state.health._targets.values(), *state.health._origins.values()]
        return {
            "in flight": state.in_flight,
            "probing": [one for one in breakers if one._probing],
            "requests": generation._users,
            "reservations": getattr(getattr(generation.store, "limiter", None), "open", 0),
        }


NOTHING: dict[str, Any] = {"in flight": {}, "probing": [], "requests": 0, "reservations": 0}


async def opened(plan: Plan, half_open: bool) -> Open:
    """An engine; `half_open`: the next request to `a` is a probe."""
    rows: list[Decision] = []
    clock = Turns()
    transport = ScriptedTransport(answer, clock)
    engine = await Engine.open(
        plan,
        transport=lambda: transport,
        clock=clock,
        chance=random.Random(7),
        environ={"ONE": "key-one-0123456789", "TWO": "key-two-0123456789"},
        ledger=rows.append,
        alert=lambda _event: None,
    )
    if half_open:
        while engine._state.calm:
            text = f"fails {len(rows)}"
            await engine.chat(model="m", messages=[{"role": "user", "content": text}])
        clock.now += 30
    return Open(engine, rows)


async def settles(condition: Callable[[], bool]) -> None:
    """Wait for what goes on in the background."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nothing tells when it is over
            await asyncio.sleep(0)


async def cancelled_at_each_step(
    plan: Plan, ask: Callable[[Engine], Awaitable[str]], half_open: bool
) -> int:
    """How many steps there were."""
    step, done = 0, False
    while not done:
        now = await opened(plan, half_open)
        async with now.engine as engine:
            before = len(now.rows)
            tasks = asyncio.all_tasks()
            task = asyncio.create_task(ask(engine))  # type: ignore[arg-type]
            for _ in range(step):
                await asyncio.sleep(0)
            done = task.done()
            task.cancel()
            outcome = (await asyncio.gather(task, return_exceptions=True))[0]
            assert outcome == "bbb" or isinstance(outcome, asyncio.CancelledError)
            await settles(lambda o=now: o.held() == NOTHING)
            await settles(lambda t=tasks: asyncio.all_tasks() <= t)
            rows = now.rows[before:]
            assert len(rows) <= 1
            assert all(row.outcome in ("ok", "cancelled") for row in rows)
            assert rows or step == 0
            # Every place is free again: there is one only, at each limit.
            assert await ask(engine) == "bbb"
        step += 1
    return step


@pytest.mark.parametrize("half_open", [False, True], ids=["well", "probes"])
@pytest.mark.parametrize("ask", [whole, stream])
@pytest.mark.parametrize("streaming", STREAMING)
@pytest.mark.parametrize("node", NODES)
async def test_l14_nothing_is_left_of_a_request_cancelled_at_any_step(
    node: str, streaming: str, ask: Any, half_open: bool, figure: Figure
) -> None:
    plan = document(NODES[node], STREAMING[streaming], "")
    points = await cancelled_at_each_step(plan, ask, half_open)
    figure("points of each of 36 requests", points, least=9)
    assert points >= 9, "36 times 9 are more than the 300 points that are asked for"


def left(path: Path) -> tuple[list[Any], list[float]]:
    """Reservations that are open in a file of state, and what its counters of places hold."""
    with sqlite3.connect(path) as file:
        names = file.execute("SELECT name FROM open WHERE name != ''").fetchall()
        states = file.execute("SELECT state FROM counters WHERE kind = 'lease'").fetchall()
    file.close()
    return names, [who for (text,) in states for who in json.loads(text)[1]]


@pytest.mark.parametrize("ask", [whole, stream])
@pytest.mark.parametrize("node", NODES)
async def test_l14_nothing_is_left_where_limits_have_to_be_waited_for(
    node: str, ask: Any, tmp_path: Path
) -> None:
    """With limits in a file, which another thread counts: how many turns of the loop that takes
    differs, so the request is cancelled after each of many."""
    path = tmp_path / "state.db"
    now = await opened(document(NODES[node], "{}", f"state: {{file: '{path}'}}"), False)
    async with now.engine as engine:
        step, done = 0, False
        while not done:
            task = asyncio.create_task(ask(engine))
            for _ in range(step):
                await asyncio.sleep(0)
            done = task.done()
            task.cancel()
            outcome = (await asyncio.gather(task, return_exceptions=True))[0]
            assert outcome == "bbb" or isinstance(outcome, asyncio.CancelledError)
            await settles(lambda: now.held() == NOTHING)
            assert await ask(engine) == "bbb"
            step += 1 + step // 10
    assert left(path) == ([], [])
