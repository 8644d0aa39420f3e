"""L12: a request that succeeds at its third attempt is one of its caller's and three of the
provider's; its cost is that of the answer, what the others may have cost is told apart."""

from __future__ import annotations

import pytest

from tests.graph.making import failing, said, streamed
from tests.scenarios.scripted import DONE, scripted

pytestmark = pytest.mark.anyio

PROVIDERS = """
  a: {type: openai-compatible, base_url: "http://a.test/v1",
      limits: {requests_per_minute: 100, burst: 10}}"""
MORE = """
limits:
  - {name: callers, by: route.name, routes: [three], requests_per_minute: 5}
prices:
  a/*: {input: 1000, output: 2000}"""
ROUTES = """
  - {name: three, match: m, to: [a/m1, a/m2, a/m3]}
  - {name: one, match: other, to: a/m3}"""


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_l12_one_of_the_callers_three_of_the_targets_and_one_cost(stream: bool) -> None:
    async with scripted(ROUTES, more=MORE, providers=PROVIDERS) as stage:
        # 504: the provider may have worked on it, and bill that.
        stage.answers["a"] = [failing(504), failing(504)]
        stage.answers["a"].append(streamed("a", DONE) if stream else said("a"))
        heard = await stage.ask("[id:1]", stream=stream)
        assert [outcome for _, outcome in heard.attempts] == ["timeout", "timeout", "ok"]
        (row,) = stage.rows
        failed, again, answered = row.attempts
        assert (failed.micro_dollars, again.micro_dollars) == (None, None)
        assert failed.maybe_billed == again.maybe_billed > 0
        assert answered.maybe_billed == 0
        assert row.cost is not None
        assert row.cost["micro_dollars"] == answered.micro_dollars
        assert row.cost["maybe_billed"] == 2 * failed.maybe_billed
        if not stream:
            # As `said` counts: 3 tokens in, 2 out.
            assert answered.micro_dollars == 3 * 1000 + 2 * 2000

        del stage.answers["a"]
        heard_more = [await stage.ask() for _ in range(5)]
        assert [one.error for one in heard_more] == [""] * 4 + ["limit"]
        assert len(stage.sends) == 7
        others = [await stage.ask(model="other") for _ in range(4)]
        assert [one.error for one in others] == [""] * 3 + ["rate_limited"]
        assert len(stage.sends) == 10
