"""`adaptive_concurrency`: a target gets as many sends at once as it can take, and no more."""

from __future__ import annotations

import pytest

from tests.graph.making import HELLO, Crank, failing, ids, opened, plan, said, streamed
from trunkline.compile import load_plan
from trunkline.errors import CallError

pytestmark = pytest.mark.anyio

ROUTES = """\
version: 1
providers:
  a: {type: openai-compatible, base_url: "http://a.test/v1", adaptive_concurrency: true}
  b: {type: openai-compatible, base_url: "http://b.test/v1"}
routes: [{match: m, to: [a/m, b/m]}]
"""


async def test_beyond_what_a_target_is_known_to_take_the_next_one_is_asked() -> None:
    answer = streamed("one", "two", b"data: [DONE]\n\n")
    engine, transport = await opened(load_plan(ROUTES), lambda _: answer, Crank())
    streams = [engine.stream(model="m", messages=HELLO) for _ in range(12)]
    for stream in streams:
        await stream.__aenter__()
    assert ids(transport) == ["a"] * 10 + ["b"] * 2
    for stream in streams:
        await stream.aclose()
    async with engine.stream(model="m", messages=HELLO):
        assert ids(transport)[-1] == "a"


async def test_one_that_says_that_it_is_overloaded_is_asked_less() -> None:
    clock = Crank()
    answers = [failing(529), said(), failing(529), said()]
    engine, transport = await opened(load_plan(ROUTES), lambda _: answers.pop(0), clock)
    for _ in range(2):
        await engine.chat(model="m", messages=HELLO)
        clock.now += 1.5
    assert engine._state.adaptive("a/m openai-chat").limit < 10
    assert ids(transport) == ["a", "b", "a", "b"]


async def test_without_the_time_for_another_try_the_caller_hears_what_the_provider_said() -> None:
    route = "  - {match: m, to: [a/m, b/m], timeouts: {total: 500ms}}"
    engine, transport = await opened(plan(route), lambda _: failing(429), Crank())
    with pytest.raises(CallError) as caught:
        await engine.chat(model="m", messages=HELLO)
    assert (caught.value.kind, ids(transport)) == ("rate_limited", ["a"])
