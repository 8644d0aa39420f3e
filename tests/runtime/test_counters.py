"""Counters that outlive a process are settled before it lets go of them."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from tests.graph.making import HELLO
from trunkline import Engine
from trunkline.errors import CallError, EngineClosed

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio


def routes(file: Path) -> str:
    """One simulated provider that answers slowly, one request at a time."""
    return f"""
version: 1
state: {{file: "{file}"}}
providers:
  sim: {{type: simulated, as: openai, chunk_delay: 20ms, limits: {{concurrency: 1}}}}
routes:
  - {{match: "*", to: sim}}
"""


def held(file: Path) -> int:
    """How many leases are in a file."""
    with closing(sqlite3.connect(file)) as found:
        rows = found.execute("SELECT state FROM counters WHERE kind = 'lease'").fetchall()
    return sum(len(json.loads(state)[1]) for (state,) in rows)


async def test_a_request_older_than_two_reloads_is_settled_where_it_was_counted(
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    async with Engine.open(routes(first)) as engine:
        async with engine.stream(model="m", messages=HELLO) as stream:
            await engine.reload()
            await engine.reload(routes(second))
            old, between = engine._retiring
            await between
            assert held(first) == 1
            await stream.reply.read()
        await old
        assert held(first) == 0


async def test_requests_that_are_cut_by_closing_give_back_what_they_held(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    begun = asyncio.Event()

    async def listen() -> None:
        async with engine.stream(model="m", messages=HELLO) as stream:
            async for _ in stream:
                begun.set()

    engine = await Engine.open(routes(file))
    listening = asyncio.create_task(listen())
    await begun.wait()
    assert held(file) == 1
    await engine.aclose()
    with suppress(CallError, EngineClosed):
        await listening
    assert held(file) == 0
