"""S9 at the doors: whoever leaves is in the books once, with what was said until then, and what the
request held is free again."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tests.faultd import Break, Faultd, Play, faultd
from tests.scenarios.harness import KEY, routes, until
from tests.server.conftest import serving
from tests.server.doors import Line, asked
from trunkline.runtime import Engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.scenarios.figures import Figure
    from trunkline.ports import Decision

pytestmark = pytest.mark.anyio

WITHIN = 0.5 * 4
"""Seconds; four times what is asked for, because the machine is shared."""

DOOR = pytest.mark.parametrize("door", ["openai-chat", "anthropic-messages", "gemini-generate"])


@asynccontextmanager
async def kept(play: Play) -> AsyncIterator[tuple[int, Faultd, list[Decision]]]:
    """A gateway that lets one request in at a time, its upstream, and its ledger."""
    rows: list[Decision] = []
    async with faultd(play) as upstream:
        text = routes(["openai-chat"], [upstream.url], route={"limits": {"concurrency": 1}})
        async with (
            Engine.open(text, environ={"KEY": KEY}, ledger=rows.append) as engine,
            serving(engine) as address,
        ):
            yield int(address.rpartition(":")[2]), upstream, rows


@DOOR
@pytest.mark.parametrize("where", ["mid-stream", "before-first-byte", "whole"])
async def test_s9_one_row_and_nothing_held_after_a_client_has_gone(
    door: str, where: str, figure: Figure
) -> None:
    at = 200 if where == "mid-stream" else "request"
    play = Play(chunks=300, breaks=Break("stall", at))  # type: ignore[arg-type]
    async with kept(play) as (port, upstream, rows):
        data = asked(door)
        if where == "whole":
            stream = {} if door == "gemini-generate" else {"stream": False}
            data = asked(door, **stream).replace(
                b":streamGenerateContent?alt=sse", b":generateContent"
            )
        async with Line.to(port, data) as line:
            if where == "mid-stream":
                assert await line.head() == 200
                await line.reader.readuntil(b"199 ")
            await until(lambda: len(upstream.seen) == 1)
            assert rows == []
        left = time.monotonic()
        await until(lambda: len(rows) == 1)
        figure("in the books after", time.monotonic() - left, "s", most=0.5)
        assert time.monotonic() - left < WITHIN
        upstream.usual = Play()
        async with Line.to(port, asked(door)) as line:
            assert await line.head() == 200, "its place among the concurrent ones is not free"
            await line.body()
        await until(lambda: len(rows) == 2)
    gone, whole = rows
    assert (gone.outcome, whole.outcome) == ("cancelled", "ok")
    assert [attempt.outcome for attempt in gone.attempts] == ["cancelled"]
    if where == "mid-stream":
        assert gone.usage is not None
        said = upstream.seen[0].tokens
        figure("tokens, off by", abs(gone.usage["output"] / said - 1), "%", most=0.1)
        assert gone.usage["output"] == pytest.approx(said, rel=0.1)
        assert gone.usage["estimated"] is True


@DOOR
async def test_s9_an_answer_that_was_read_is_one_row_as_the_provider_counted(door: str) -> None:
    play = Play(input_tokens=7, output_tokens=0)
    async with kept(play) as (port, _, rows):
        async with Line.to(port, asked(door, "connection: close")) as line:
            assert await line.head() == 200
            await line.body()
            assert await line.reader.read() == b""
        await until(lambda: len(rows) == 1)
    (row,) = rows
    assert row.outcome == "ok"
    if door != "openai-chat":
        assert row.usage is not None
        assert (row.usage["input"], row.usage.get("output", 0)) == (7, 0)
        assert "estimated" not in row.usage
