"""B3 and B4 at the engine: of a hundred requests that come when an ejection is over one probes, the
others go elsewhere, and nobody sees what becomes of the probe."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.graph.making import HELLO, failing, said, streamed
from tests.scenarios.scripted import scripted

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scenarios.scripted import Stage

pytestmark = pytest.mark.anyio

NODES = {
    "fallback": "[a/m, b/m]",
    "balance": "{balance: {by: weighted, of: [a/m, b/m]}}",
    "least": "{balance: {by: least_connections, of: [a/m, b/m]}}",
}
LIMITED = """
  a: {type: openai-compatible, base_url: "http://a.test/v1", limits: {concurrency: 500}}
  b: {type: openai-compatible, base_url: "http://b.test/v1", limits: {concurrency: 500}}"""


def routes(node: str) -> str:
    return f"  - {{match: m, to: {node}}}\n  - {{match: only-a, to: a/m}}"


async def hundred(stage: Stage, streams: bool) -> list[Any]:
    """A hundred at once, when the ejection of `a` is over, while both take their time."""
    until = await stage.eject("a", "only-a")
    stage.transport.requests.clear()
    assert (await stage.ask("before")).text == "b"
    assert stage.sends == ["b"]
    stage.transport.requests.clear()
    await stage.sleep_until(until)
    stage.answers["a"] = replace(failing(500), delay=0.5)
    if not streams:
        stage.answers["b"] = replace(said("b"), delay=0.2)
    asked = (stage.ask(f"arrives {number}", stream=streams) for number in range(100))
    return await asyncio.gather(*asked)


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("node", NODES)
async def test_b3_one_of_a_hundred_probes_and_its_failure_is_not_seen(
    node: str, streams: bool
) -> None:
    async with scripted(routes(NODES[node])) as stage:
        heard = await hundred(stage, streams)
        assert [(one.text, one.error) for one in heard] == [("b", "")] * 100
        assert Counter(stage.sends) == {"a": 1, "b": 100}
        assert [event.kind for event in stage.events] == ["ejected", "ejected"]


async def test_b3_one_of_a_hundred_probes_while_all_wait_for_shared_limits(tmp_path: Path) -> None:
    state = f"state: {{file: '{tmp_path}/state.db'}}"
    async with scripted(routes(NODES["fallback"]), more=state, providers=LIMITED) as stage:
        heard = await hundred(stage, False)
        assert [(one.text, one.error) for one in heard] == [("b", "")] * 100
        assert Counter(stage.sends) == {"a": 1, "b": 100}


async def test_b3_a_probe_that_answers_brings_the_target_back_slowly() -> None:
    async with scripted(routes(NODES["balance"])) as stage:
        until = await stage.eject("a", "only-a")
        stage.transport.requests.clear()
        await stage.sleep_until(until)
        while stage.sends.count("a") == 0:
            assert (await stage.ask("probes")).error == ""
        assert stage.events[-1].kind == "restored"
        stage.transport.requests.clear()
        for number in range(100):
            await stage.ask(f"after {number}")
        assert 5 <= stage.sends.count("a") <= 20
        await stage.clock.sleep(31)
        stage.transport.requests.clear()
        for number in range(100):
            await stage.ask(f"later {number}")
        assert stage.sends.count("a") == 50


LATE = {"whole": replace(said("a"), delay=30.0), "stream": streamed(30.0, "a")}


@pytest.mark.parametrize("kind", LATE)
async def test_b4_the_permit_of_a_probe_is_free_as_soon_as_its_client_has_gone(kind: str) -> None:
    async with scripted(routes(NODES["fallback"])) as stage:
        until = await stage.eject("a", "only-a")
        await stage.sleep_until(until)
        stage.transport.requests.clear()
        for number in range(20):
            stage.answers["a"] = LATE[kind]
            probe = asyncio.create_task(stage.ask("probes", stream=kind == "stream"))
            await stage.sent(2 * number + 1)
            assert (await stage.ask("meanwhile")).text == "b"
            probe.cancel()
            await asyncio.sleep(0)
            assert probe.done()
            assert probe.cancelled()
        del stage.answers["a"]
        heard = await stage.ask("the next one")
        assert (heard.text, heard.attempts) == ("a", [("a", "ok")])
        assert [event.kind for event in stage.events] == ["ejected", "restored"]
        assert stage.sends == ["a", "b"] * 20 + ["a"]


async def test_b4_a_probe_that_is_left_in_mid_stream_has_shown_what_it_had_to() -> None:
    async with scripted(routes(NODES["fallback"])) as stage:
        until = await stage.eject("a", "only-a")
        await stage.sleep_until(until)
        stage.answers["a"] = streamed("a", 30.0, "a")
        async with stage.engine.stream(model="m", messages=HELLO) as stream:
            assert (await anext(stream)).text == "a"
        assert [event.kind for event in stage.events] == ["ejected", "restored"]
        assert stage.rows[-1].outcome == "cancelled"
        del stage.answers["a"]
        assert (await stage.ask("the next one")).text == "a"
