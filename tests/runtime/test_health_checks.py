"""Active health checks: what is asked, when a provider is out and back, and what they leave."""

from __future__ import annotations

import asyncio
import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.faultd import Play
from tests.graph.making import HELLO, said
from tests.scenarios.harness import KEY, bench
from trunkline.compile import load_plan
from trunkline.errors import CallError, UpstreamError
from trunkline.runtime import Engine
from trunkline.transport import Canned, ScriptedTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.policy.health import Event
    from trunkline.ports import Decision, HttpRequest

pytestmark = pytest.mark.anyio

ORIGIN = "http://a.test"


class Hand:
    """A clock that is turned by hand, and knows who waits."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.waiting: list[tuple[float, asyncio.Future[None]]] = []

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_800_000_000.0 + self.now

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append((self.now + seconds, future))
        await future

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async def turn(self, seconds: float) -> None:
        await self.settle()
        self.now += seconds
        due = [future for at, future in self.waiting if at <= self.now]
        self.waiting = [one for one in self.waiting if one[0] > self.now]
        for future in due:
            if not future.done():
                future.set_result(None)
        await self.settle()


def document(check: str, more: str = "") -> str:
    return f"""
version: 1
providers:
  a:
    {{type: openai, dialect: openai-chat, base_url: "{ORIGIN}/v1", api_key: "${{env:KEY}}",
     {check}}}
  b: {{type: openai-compatible, base_url: "http://b.test/v1"}}
routes:
  - {{match: m, to: [a/m, b/m]}}
{more}"""


class Checked:
    """An engine whose provider `a` answers checks by `answer`."""

    def __init__(self, answer: Callable[[HttpRequest], Canned]) -> None:
        self.clock = Hand()
        self.asked: list[HttpRequest] = []
        self.sent: list[HttpRequest] = []
        self.events: list[Event] = []
        self.rows: list[Decision] = []
        self.answer = answer

    def _answer(self, request: HttpRequest) -> Canned:
        check = request.method == "GET" or b"ping" in request.body
        (self.asked if check else self.sent).append(request)
        return self.answer(request) if check else said()

    def open(self, text: str) -> Any:
        return Engine.open(
            load_plan(text),
            transport=lambda: ScriptedTransport(self._answer, self.clock),
            clock=self.clock,
            chance=random.Random(7),
            environ={"KEY": KEY},
            ledger=self.rows.append,
            alert=self.events.append,
        )


def status(code: int) -> Callable[[HttpRequest], Canned]:
    return lambda _: Canned(code, {}, (b"{}",))


async def test_the_list_of_models_is_asked_for_with_the_credential() -> None:
    checked = Checked(status(200))
    async with checked.open(document("health_check: {}")):
        await checked.clock.settle()
        (request,) = checked.asked
        assert (request.method, request.url) == ("GET", f"{ORIGIN}/v1/models")
        assert dict(request.headers)["authorization"] == f"Bearer {KEY}"
        assert request.body == b""


async def test_a_model_is_asked_for_one_token_in_its_own_wire() -> None:
    checked = Checked(lambda _: said())
    async with checked.open(document("health_check: {model: tiny}")):
        await checked.clock.settle()
        (request,) = checked.asked
        body = json.loads(request.body)
        assert request.url == f"{ORIGIN}/v1/chat/completions"
        assert body["model"] == "tiny"
        assert body["max_completion_tokens"] == 1


async def test_it_is_asked_again_and_again_not_all_at_once() -> None:
    checked = Checked(status(200))
    async with checked.open(document("health_check: {every: 10s}")):
        for _ in range(20):
            await checked.clock.settle()
            ((due, _),) = checked.clock.waiting
            assert 9.0 <= due - checked.clock.now <= 11.0
            await checked.clock.turn(11.0)
        assert len(checked.asked) == 21


@pytest.mark.parametrize(
    "broken",
    [
        status(503),
        status(404),
        lambda _: Canned(error=UpstreamError("connect", "refused", stage="connect")),
        lambda _: Canned(delay=60.0),
    ],
    ids=["503", "404", "refused", "silent"],
)
async def test_failures_in_a_row_take_it_out_and_a_pass_brings_it_back(broken: Any) -> None:
    checked = Checked(broken)
    async with checked.open(document("health_check: {every: 10s, fail_after: 2}")) as engine:

        async def answered() -> str:
            reply = await engine.chat(model="m", messages=HELLO)
            return str(reply.decision.attempts[-1].target)

        await checked.clock.settle()
        assert await answered() == "a/m"
        for _ in range(3):
            await checked.clock.turn(11.0)
        assert [event.kind for event in checked.events] == ["down"]
        assert checked.events[0].key == ORIGIN
        reply = await engine.chat(model="m", messages=HELLO)
        assert reply.decision.attempts[-1].target == "b/m"
        assert "health check" in reply.decision.skipped[0].reason
        checked.answer = status(200)
        await checked.clock.turn(11.0)
        assert [event.kind for event in checked.events] == ["down", "restored"]
        assert await answered() == "a/m"


@pytest.mark.parametrize("code", [401, 403, 429])
async def test_what_is_wrong_with_the_credential_takes_nobody_out(code: int) -> None:
    checked = Checked(status(code))
    async with checked.open(document("health_check: {every: 10s, fail_after: 1}")) as engine:
        for _ in range(5):
            await checked.clock.turn(11.0)
        assert len(checked.asked) == 6
        assert checked.events == []
        assert engine._state.calm


async def test_checks_are_in_no_ledger_no_limit_and_no_breaker() -> None:
    checked = Checked(status(500))
    limits = "limits:\n  - {name: all, by: caller.name, requests_per_minute: 5}\n"
    plan = document("limits: {requests_per_minute: 1}, health_check: {every: 1s}", limits)
    async with checked.open(plan) as engine:
        for _ in range(20):
            await checked.clock.turn(2.0)
        assert len(checked.asked) == 21
        assert checked.rows == []
        assert engine._state.in_flight == {}
        troubles = engine._state.health.troubles(checked.clock.now)
        assert [(key, reason) for key, reason, _ in troubles] == [(ORIGIN, "down")]
        assert engine._generation.store.limiter.open == 0


async def test_a_reload_keeps_what_is_known_and_asks_once() -> None:
    checked = Checked(status(500))
    text = document("health_check: {every: 10s, fail_after: 1}")
    async with checked.open(text) as engine:
        await checked.clock.settle()
        assert [event.kind for event in checked.events] == ["down"]
        await engine.reload(load_plan(text))
        await checked.clock.settle()
        before = len(checked.asked)
        await checked.clock.turn(11.0)
        assert len(checked.asked) == before + 1
        assert len(checked.events) == 1
        await engine.reload(load_plan(document("models: {}")))
        await checked.clock.turn(11.0)
        assert len(checked.asked) == before + 1
        assert (await engine.chat(model="m", messages=HELLO)).decision.attempts[0].target == "a/m"


async def test_nothing_is_left_when_the_engine_is_closed() -> None:
    tasks = asyncio.all_tasks()
    checked = Checked(status(200))
    async with checked.open(document("health_check: {}")):
        await checked.clock.settle()
        assert len(asyncio.all_tasks()) > len(tasks)
    assert asyncio.all_tasks() == tasks


async def test_on_real_sockets() -> None:
    check = {"every": "50ms", "timeout": "1s", "fail_after": 2, "model": "gpt-5.1"}
    providers = {"a": {"health_check": check}}
    async with bench("openai-chat", "openai-chat", providers=providers) as b:
        b.servers[0].usual = Play(status=503)
        state = b.engine._state
        async with asyncio.timeout(5):
            while not state.health.troubles(0.0):  # noqa: ASYNC110 — nothing tells of it
                await asyncio.sleep(0.01)
        got = await b.hear()
        assert got.attempts == [("b", "ok")]
        b.servers[0].usual = Play()
        async with asyncio.timeout(5):
            while state.health.troubles(0.0):  # noqa: ASYNC110 — nothing tells of it
                await asyncio.sleep(0.01)
        assert (await b.hear()).attempts == [("a", "ok")]


async def test_a_lone_target_that_is_down_is_told_as_that() -> None:
    checked = Checked(status(500))
    text = document("health_check: {fail_after: 1}").replace("[a/m, b/m]", "a/m")
    async with checked.open(text) as engine:
        await checked.clock.settle()
        with pytest.raises(CallError, match="health check") as raised:
            await engine.chat(model="m", messages=HELLO)
        assert raised.value.kind == "overloaded"
