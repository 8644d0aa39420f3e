"""What only the file does: several processes, crashes, restarts of the machine, a locked file."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.state.stores import CrankedClock, back
from trunkline.policy.budgets import BudgetRule
from trunkline.policy.state_settings import StateSettings
from trunkline.runtime.clock import SystemClock
from trunkline.state import open_store
from trunkline.store import Change, Claim, StoreSetupError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

BUCKET = Claim("b", "bucket", 1, 5, 1e-9)
LEASE = Claim("l", "lease", 1, 3, ttl=60.0)

ASKING = """
import asyncio, json, sys
from trunkline.policy.state_settings import StateSettings
from trunkline.runtime.clock import SystemClock
from trunkline.state import open_store
from trunkline.store import Claim

async def main(path, name):
    store = await open_store(StateSettings("file", path=path), SystemClock())
    claims = [Claim("b", "bucket", 1, 5, 1e-9), Claim("l", "lease", 1, 30, ttl=60.0)]
    print("ready", flush=True)
    sys.stdin.readline()
    asked = await asyncio.gather(*(store.reserve(f"{name}{n}", claims) for n in range(10)))
    print(asked.count(None), flush=True)
    sys.stdin.readline()

asyncio.run(main(*sys.argv[1:]))
"""


def asking(path: Path, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ASKING, str(path), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def line(process: subprocess.Popen[str], say: str = "") -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    if say:
        process.stdin.write(say)
        process.stdin.flush()
    return process.stdout.readline().strip()


async def opened(path: Path, clock: Any = None) -> Any:
    return await open_store(StateSettings("file", path=str(path)), clock or SystemClock())


def test_l1_two_processes_admit_together_what_one_would_and_a_kill_loses_nothing(
    tmp_path: Path,
) -> None:
    """L1, L5 at the store: five of twenty; what a killed process held is held until it runs out."""
    path = tmp_path / "state.db"
    processes = [asking(path, name) for name in "ab"]
    try:
        assert [line(process) for process in processes] == ["ready", "ready"]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        assert sum(int(line(process)) for process in processes) == 5
    finally:
        for process in processes:
            process.send_signal(signal.SIGKILL)
            process.communicate()

    async def after() -> None:
        store = await opened(path)
        assert await store.reserve("c", [BUCKET]) is not None
        assert await store.reserve("d", [LEASE._replace(capacity=5)]) is not None
        assert await store.reserve("e", [LEASE._replace(capacity=6)]) is None
        await store.aclose()

    asyncio.run(after())


async def test_what_was_counted_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "state.db"
    budget = BudgetRule("b", 100, "month").claim("", 60, SystemClock().time())
    store = await opened(path)
    assert await store.reserve("a", [budget]) is None
    store.settle("a", [Change(budget, 70)])
    await store.put("k", b"v", 60.0)
    await store.aclose()
    store = await opened(path)
    assert await store.reserve("b", [budget]) is not None
    assert store.left(budget) is None
    assert await store.reserve("c", [budget._replace(amount=30)]) is None
    assert store.left(budget) == 0
    assert await store.get("k") == b"v"
    await store.aclose()


async def test_a_start_of_the_machine_frees_leases_and_fills_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = await opened(path, CrankedClock(1e6))
    assert await store.reserve("a", [LEASE, BUCKET._replace(amount=5)]) is None
    await store.aclose()
    store = await opened(path, CrankedClock(10.0))
    asked = [await store.reserve(f"l{n}", [LEASE]) for n in range(4)]
    assert asked.count(None) == 3
    refused = await store.reserve("b", [BUCKET._replace(rate=0.5)])
    assert refused.retry_after == pytest.approx(2.0)
    await store.aclose()


async def test_what_is_idle_goes_from_the_file(tmp_path: Path) -> None:
    path, clock = tmp_path / "state.db", CrankedClock()
    store = await opened(path, clock)
    for n in range(40):
        assert await store.reserve(str(n), [Claim(f"k{n}", "bucket", 1, 5, 1.0)]) is None
        await store.put(str(n), b"x", 5.0)
    clock.now += 7200.0
    for n in range(4):
        assert await store.reserve(f"x{n}", [Claim("k", "bucket", 0, 5, 1.0)]) is None
    await store.aclose()
    with sqlite3.connect(path) as file:
        counts = [
            file.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("counters", "open", "cache")
        ]
    file.close()
    assert counts == [0, 4, 0]


async def test_a_file_that_is_locked_is_an_outage_and_is_told_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = await opened(path)
    budget = BudgetRule("b", 100, "month").claim("", 10, SystemClock().time())
    assert await store.reserve("a", [budget]) is None
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    store.settle("a", [Change(budget, 20)])
    assert await store.reserve("b", [budget]) is None
    assert store.degraded is not None
    assert await store.get("k") is None
    store.settle("b", [Change(budget, 30)])
    lock.execute("ROLLBACK")
    lock.close()
    await back(store)
    assert await store.reserve("c", [budget._replace(amount=50)]) is None
    assert await store.reserve("d", [budget._replace(amount=1)]) is not None
    assert store.lost == 0
    await store.aclose()


async def test_what_begins_in_an_outage_and_ends_after_it_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = await opened(path)
    budget = BudgetRule("b", 100, "month").claim("", 10, SystemClock().time())
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    assert await store.reserve("a", [budget]) is None
    assert store.degraded is not None
    lock.execute("ROLLBACK")
    lock.close()
    await back(store)
    store.settle("a", [Change(budget, 30)])
    assert await store.reserve("b", [budget._replace(amount=70)]) is None
    assert await store.reserve("c", [budget._replace(amount=1)]) is not None
    await store.aclose()


async def test_a_store_that_closes_in_an_outage_says_what_was_lost(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = await opened(path)
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    assert await store.reserve("a", [BUCKET]) is None
    store.settle("a", [Change(BUCKET, 1)])
    await store.aclose()
    await store.aclose()
    assert store.lost == 1
    lock.close()


@pytest.mark.parametrize("made", ["text", "folder"])
async def test_what_is_no_file_of_ours_is_refused_at_the_start(tmp_path: Path, made: str) -> None:
    path = tmp_path / "state.db"
    if made == "text":
        path.write_text(json.dumps({"not": "a database"}) * 100)
    else:
        path.mkdir()
    with pytest.raises(StoreSetupError, match="cannot be used"):
        await opened(path)


async def test_a_damaged_counter_begins_anew_and_stops_no_other(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = await opened(path)
    assert await store.reserve("a", [BUCKET, LEASE]) is None
    with closing(sqlite3.connect(path)) as file:
        file.execute("UPDATE counters SET state = '[1, ' WHERE key = 'b'")
        file.commit()
    store.settle("a", [Change(BUCKET, 1), Change(LEASE, 0)])
    asked = [await store.reserve(str(n), [BUCKET]) for n in range(6)]
    assert asked.count(None) == 5
    leases = [LEASE._replace(amount=1, capacity=1)]
    assert await store.reserve("lease", leases) is None
    await store.aclose()
    assert store.lost == 0
    await (await opened(path)).aclose()


async def test_a_closed_store_answers_by_what_this_process_knows(tmp_path: Path) -> None:
    store = await opened(tmp_path / "state.db")
    await store.aclose()
    assert await store.reserve("a", [BUCKET]) is None
    store.settle("a", [Change(BUCKET, 0)])
    assert await store.get("k") is None
    await store.put("k", b"", 1.0)
