"""A trace shows what a hedge, a cache and a mirror did for the request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.graph.making import HELLO, plan, said
from tests.graph.test_hedge import engine_on
from trunkline.cli.trace import trace

pytestmark = pytest.mark.anyio

LATE = {"a": replace(said("a"), delay=9)}


@pytest.mark.parametrize(
    ("to", "times", "lines"),
    [
        (
            "{hedge: {of: [a, b], after: 2s, share: 1}}",
            1,
            ["hedge  ← asks beside, after 2 s", "first  a/*  ← 1\n", "then   b/*  ← 2\n"],
        ),
        ("{cache: {ttl: 1h, of: b}}", 2, ["cache  ← cache: hit", "b/*"]),
        (
            "{mirror: {of: b, to: c}}",
            1,
            ["mirror  ← copy", "answers  b/*  ← 1", "copies 100 %  c/*"],
        ),
    ],
    ids=["hedge", "cache", "mirror"],
)
async def test_a_trace_says_what_was_done(to: str, times: int, lines: list[str]) -> None:
    compiled = plan(f"  - {{match: m, to: {to}}}")
    async with engine_on(compiled, LATE) as (engine, _, _clock):
        for _count in range(times):
            reply = await engine.chat(model="m", messages=HELLO)
    shown = "\n".join(trace(reply.decision, compiled, reply))
    for line in lines:
        assert line in shown, shown
