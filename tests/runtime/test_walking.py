"""A walk through a graph that finds everybody out."""

from __future__ import annotations

import pytest

from tests.graph.making import HELLO, Crank, failing, ids, opened, plan
from trunkline.errors import CallError

pytestmark = pytest.mark.anyio

SOONEST = """
  - match: m
    retry: {when_all_out: try_soonest}
    to:
      - {target: a/m, limits: {requests_per_hour: 1, burst: 1}}
      - {target: b/m, limits: {requests_per_hour: 1, burst: 1}}
"""


async def test_when_even_the_soonest_has_no_room_the_caller_hears_when_to_come_back() -> None:
    engine, transport = await opened(
        plan(SOONEST), lambda _: failing(429, retry_after="60"), Crank()
    )
    for _ in range(2):
        with pytest.raises(CallError) as caught:
            await engine.chat(model="m", messages=HELLO)
    assert ids(transport) == ["a", "b"]
    assert (caught.value.kind, caught.value.status) == ("rate_limited", 429)
    assert caught.value.retry_after == 60.0


async def test_the_soonest_is_one_that_its_health_keeps_out_and_no_limit() -> None:
    mixed = SOONEST.replace("{target: a/m, limits: {requests_per_hour: 1, burst: 1}}", "a/m")
    engine, transport = await opened(
        plan(mixed.replace("hour: 1,", "second: 1,")),
        lambda request: failing(429, retry_after="60" if "//a." in request.url else "0.1"),
        clock := Crank(),
    )
    for _ in range(2):
        with pytest.raises(CallError):
            await engine.chat(model="m", messages=HELLO)
        clock.now += 0.2
    assert ids(transport) == ["a", "b", "a"]
