"""B8 at the engine and its doors: when everybody is out, that is told at once and until when, and
nobody is asked; a route may have the soonest one asked all the same."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import pytest

from tests.faultd import Play
from tests.graph.making import failing
from tests.scenarios.harness_doors import served
from tests.scenarios.scripted import scripted

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

AT_ONCE = 4 * 0.01
"""Seconds; four times what is asked for, because the machine is shared."""


def routes(when: str) -> str:
    retry = f"{{same_target: 0, when_all_out: {when}}}"
    return "\n".join(
        [
            f"  - {{match: m, to: [a/m, b/m, c/m], retry: {retry}}}",
            *(f"  - {{match: only-{name}, to: {name}/m}}" for name in "abc"),
        ]
    )


async def test_b8_when_all_are_out_it_is_told_until_when_and_nobody_is_asked(
    figure: Figure,
) -> None:
    async with scripted(routes("fail_fast")) as stage:
        stage.answers["c"] = failing(401)
        await stage.ask(model="only-c")
        stage.answers["b"] = failing(429, retry_after="25")
        await stage.ask(model="only-b")
        until = await stage.eject("a", "only-a")
        stage.transport.requests.clear()
        began = time.monotonic()
        heard = [await stage.ask(f"all out {number}") for number in range(20)]
        figure("refused after, on average", (time.monotonic() - began) / 20, "s", most=0.01)
        assert (time.monotonic() - began) / 20 < AT_ONCE
        assert {(one.error, one.status) for one in heard} == {("overloaded", 503)}
        left = until - stage.clock.now
        assert 8 <= left <= 12
        assert [one.retry_after for one in heard] == pytest.approx([left] * 20)
        assert stage.sends == []
        del stage.answers["b"]
        await stage.sleep_until(until)
        assert (await stage.ask("back")).text == "a"


async def test_b8_where_all_are_only_cooled_it_is_a_matter_of_pace() -> None:
    async with scripted(routes("fail_fast")) as stage:
        for name, wait in {"a": 20, "b": 7, "c": 30}.items():
            stage.answers[name] = failing(429, retry_after=str(wait))
            await stage.ask(model=f"only-{name}")
            del stage.answers[name]
        stage.transport.requests.clear()
        heard = await stage.ask()
        assert (heard.error, heard.status) == ("rate_limited", 429)
        assert heard.retry_after == pytest.approx(7)
        assert stage.sends == []


async def test_b8_the_soonest_is_asked_exactly_once_where_the_route_wants_that() -> None:
    async with scripted(routes("try_soonest")) as stage:
        for name, wait in {"a": 20, "b": 7, "c": 30}.items():
            stage.answers[name] = failing(429, retry_after=str(wait))
            await stage.ask(model=f"only-{name}")
        stage.answers["b"] = failing(500)
        stage.transport.requests.clear()
        heard = await stage.ask("fails")
        assert (heard.error, heard.attempts) == ("server_error", [("b", "server_error")])
        assert stage.sends == ["b"]
        del stage.answers["b"]
        heard = await stage.ask("answers")
        assert (heard.text, stage.sends) == ("b", ["b", "b"])


@pytest.mark.parametrize("door", ["openai-chat", "anthropic-messages"])
async def test_b8_the_doors_say_503_and_when_to_come_back(door: str, figure: Figure) -> None:
    once = {"retry": {"same_target": 0}}
    usual = Play(status=503)
    async with served("openai-chat", "openai-chat", usual=usual, route=once) as found:
        servers = found.bench.servers
        for number in range(12):
            said = [{"role": "user", "content": f"fails {number}"}]
            answer = await found.ask(door, messages=said)
            assert answer.status in (502, 503)
        before = found.bench.counts
        answers = [await found.ask(door, stream=number % 2 > 0) for number in range(10)]
        assert found.bench.counts == before
        assert [len(server.seen) for server in servers] == before
    assert {one.status for one in answers} == {503}
    waits = [int(one.headers["retry-after"]) for one in answers]
    assert all(1 <= wait <= math.ceil(10 * 1.2) for wait in waits)
    assert all("error" in one.json for one in answers)
    figure("503 at the door after, median", sorted(one.took for one in answers)[5], "s", most=0.01)
    assert sorted(one.took for one in answers)[5] < AT_ONCE
