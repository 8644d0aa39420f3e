"""S8 and S9 in process: whoever stops waiting takes the upstream request along, is in the books
once with what was said until then, and holds nothing any more."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.faultd import Break, Faultd, Play, faultd
from tests.scenarios.harness import KEY, hear, routes, until
from trunkline.runtime import Engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.scenarios.figures import Figure
    from trunkline.ports import Decision

pytestmark = pytest.mark.anyio

GONE = 4 * 0.25
FREE = 4 * 0.5
"""Seconds; four times what is asked for, because the machine is shared."""

DIALECTS = pytest.mark.parametrize(
    "dialect", ["openai-chat", "anthropic-messages", "gemini-generate"]
)
PLACES = pytest.mark.parametrize("where", ["mid-stream", "before-first-byte", "whole"])


@asynccontextmanager
async def kept(
    dialect: str, play: Play
) -> AsyncIterator[tuple[Engine, list[Faultd], list[Decision]]]:
    """An engine that lets one request in at a time, its upstreams, and its ledger."""
    rows: list[Decision] = []
    async with faultd(play) as first, faultd() as second:
        urls = [first.url, second.url]
        one = {"limits": {"concurrency": 1, "tokens_per_minute": 100_000}}
        text = routes([dialect, dialect], urls, route=one)
        async with Engine.open(text, environ={"KEY": KEY}, ledger=rows.append) as engine:
            yield engine, [first, second], rows


def play(where: str) -> Play:
    at: Any = 200 if where == "mid-stream" else "request"
    return Play(chunks=300, breaks=Break("stall", at))


async def leave(engine: Engine, upstream: Faultd, where: str) -> float:
    """Ask, and give up in the middle; when that was."""
    task = asyncio.create_task(hear(engine, stream=where != "whole"))
    chunks = 200 if where == "mid-stream" else 0
    await until(lambda: len(upstream.seen) == 1 and upstream.seen[0].chunks >= chunks)
    await asyncio.sleep(0.1)  # What was sent has been read.
    left = time.monotonic()
    task.cancel()
    assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], BaseException)
    assert task.cancelled()
    return left


@DIALECTS
@PLACES
async def test_s8_the_upstream_sees_that_nobody_waits(
    dialect: str, where: str, figure: Figure
) -> None:
    async with kept(dialect, play(where)) as (engine, (first, second), _):
        left = await leave(engine, first, where)
        assert await first.gone(0, seconds=5) in ("fin", "rst")
        gone_at = first.seen[0].gone_at
        assert gone_at is not None
        figure("upstream closed after", gone_at - left, "s", most=0.25)
        assert gone_at - left < GONE
        assert len(second.seen) == 0


@DIALECTS
@PLACES
async def test_s9_one_row_and_nothing_held(dialect: str, where: str, figure: Figure) -> None:
    async with kept(dialect, play(where)) as (engine, (first, _), rows):
        left = await leave(engine, first, where)
        assert [row.outcome for row in rows] == ["cancelled"]
        said = first.seen[0].tokens
        first.usual = Play()
        heard = await hear(engine)
        assert heard.error == "", "its place among the concurrent ones is not free"
        figure("free again after", time.monotonic() - left, "s", most=0.5)
        assert time.monotonic() - left < FREE
    gone, whole = rows
    assert (whole.outcome, engine._state.in_flight) == ("ok", {})
    assert [attempt.outcome for attempt in gone.attempts] == ["cancelled"]
    if where == "mid-stream":
        assert gone.usage is not None
        figure("tokens, off by", abs(gone.usage["output"] / said - 1), "%", most=0.1)
        assert gone.usage["output"] == pytest.approx(said, rel=0.1)
        assert gone.usage["estimated"] is True


@DIALECTS
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_s9_a_zero_of_the_provider_stays_zero(dialect: str, stream: bool) -> None:
    counted = Play(input_tokens=7, output_tokens=0)
    async with kept(dialect, counted) as (engine, _, rows):
        assert (await hear(engine, stream=stream)).error == ""
    (row,) = rows
    assert row.outcome == "ok"
    assert row.usage is not None
    assert (row.usage["input"], row.usage.get("output", 0)) == (7, 0)
    assert "estimated" not in row.usage
