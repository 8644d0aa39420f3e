"""Counters and cached answers in a file of this machine (sqlite), for several of its processes.

A write-ahead log lets readers be while one writes; each reservation is one transaction that
takes the write lock first (sqlite.org/lang_transaction.html), so two processes never both take
the last of something. It runs in a thread of its own, never on the loop.

Times in the file are of the machine's monotonic clock, which all its processes share and which
begins anew when it starts; what a start left behind is counted from the next one on.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from trunkline.policy.limiter import HOLD, Limiter, State
from trunkline.policy.limits import refund
from trunkline.state.outage import BACKLOG
from trunkline.state.shared import SharedStore, Unreachable
from trunkline.store import Change, StoreSetupError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

    from trunkline.policy.state_settings import StateSettings
    from trunkline.ports import Clock
    from trunkline.store import Claim, Refused

__all__ = ["FileStore"]

_BUSY: Final = 0.25
"""Seconds to wait for another process's transaction, which takes well under one."""
_REST: Final = 2.0
_LONGEST: Final = 400 * 86400.0
_Verb = Literal["reserve", "settle", "charge"]
_Counted = tuple["Refused | None", list[tuple[str, float, int]]]
T = TypeVar("T")
_SWEPT: Final = 16
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS counters
  (key TEXT PRIMARY KEY, kind TEXT, state TEXT, due REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS open (name TEXT PRIMARY KEY, state TEXT, due REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cache (key TEXT PRIMARY KEY, value BLOB, due REAL);
CREATE INDEX IF NOT EXISTS counters_due ON counters (due);
CREATE INDEX IF NOT EXISTS open_due ON open (due);
CREATE INDEX IF NOT EXISTS cache_due ON cache (due);
"""


class FileStore(SharedStore):
    """See `trunkline.store.Store`. A file that cannot be written for a while, because the disk is
    full or the file locked, is an outage like any other."""

    def __init__(self, settings: StateSettings, clock: Clock) -> None:
        super().__init__(settings, clock)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="trunkline-state")
        self._file: sqlite3.Connection | None = None
        self._late: deque[tuple[_Verb, str, Sequence[Change]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def open(self) -> None:
        """Raises `StoreSetupError` if the path is no file that we can write."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._open)
        except BaseException:
            await self.aclose()
            raise

    def _open(self) -> None:
        import sqlite3

        try:
            Path(self._settings.path).parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(
                self._settings.path, timeout=_BUSY, isolation_level=None, check_same_thread=False
            )
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = NORMAL")
            self._file.executescript(_TABLES)
            with self._transaction() as file:
                _after_a_start(file, self._clock.monotonic())
        except (sqlite3.Error, OSError, ValueError, Unreachable) as error:
            why = f"the file of shared state cannot be used: {self._settings.path}: {error}"
            raise StoreSetupError(why) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing, alone. Raises `Unreachable`."""
        import sqlite3

        file = self._file
        if file is None:
            raise Unreachable
        try:
            file.execute("BEGIN IMMEDIATE")
            try:
                yield file
                file.execute("COMMIT")
            finally:
                if file.in_transaction:
                    file.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise Unreachable(str(error)) from error

    async def _take(self, reservation: str, claims: Sequence[Claim]) -> Refused | None:
        if self._closed:
            raise Unreachable
        changes = [Change(claim, claim.amount) for claim in claims]
        asked = self._thread.submit(self._count, "reserve", reservation, changes)
        try:
            refused, budgets = await asyncio.wrap_future(asked)
        except asyncio.CancelledError:
            # The thread may go on; what it takes is given back behind it.
            self._give(reservation, refund(claims))
            raise
        except Unreachable:
            self._went()
            raise
        for budget in budgets:
            self._outage.learn(*budget)
        return refused

    def _give(self, reservation: str, changes: Sequence[Change]) -> None:
        self._tell("settle", reservation, changes)

    def _charge(self, name: str, changes: Sequence[Change]) -> None:
        self._tell("charge", name, changes)

    def _tell(self, verb: _Verb, name: str, changes: Sequence[Change]) -> None:
        with suppress(RuntimeError):  # It is closed.
            self._thread.submit(self._count_or_keep, verb, name, changes)

    def _count_or_keep(self, verb: _Verb, name: str, changes: Sequence[Change]) -> None:
        """In the thread: what cannot be written now is written when something can."""
        self._late.append((verb, name, changes))
        with suppress(Unreachable):
            while self._late:
                self._count(*self._late[0])
                self._late.popleft()
        while len(self._late) > BACKLOG:
            self._late.popleft()
            self._outage.lost += 1

    def _count(self, verb: _Verb, name: str, changes: Sequence[Change]) -> _Counted:
        """In the thread: one transaction; what was refused, and the budgets as they are now."""
        with self._transaction() as file:
            now, epoch = self._clock.monotonic(), self._clock.time()
            claims = [change.claim for change in changes]
            limiter = _load(file, name, claims, now, epoch)
            refused = None
            if verb == "reserve":
                refused = limiter.reserve(name, claims, now, epoch)
            elif verb == "settle":
                limiter.settle(name, changes, now, epoch)
            else:
                limiter.charge(name, changes, now, epoch)
            if refused is None:
                budgets = _save(file, limiter, name, claims, now, epoch)
                return None, budgets
            return refused, []

    def _went(self) -> None:
        if self.degraded is None:
            self.degraded = self._clock.time()
            self._outage.begin()
            self._later()

    def _later(self) -> None:
        loop = asyncio.get_running_loop()
        if not self._closed:
            self._timer = loop.call_later(_REST, lambda: self._probing(loop))

    def _probing(self, loop: asyncio.AbstractEventLoop) -> None:
        def answered(probe: Future[_Counted]) -> None:
            if not probe.cancelled():
                loop.call_soon_threadsafe(self._came if probe.exception() is None else self._later)

        self._thread.submit(self._count, "charge", "", ()).add_done_callback(answered)

    def _came(self) -> None:
        self.degraded = None
        self._tell_owed()

    def _again(self) -> float:
        if self._timer is None:
            return 0.0
        return max(0.0, self._timer.when() - asyncio.get_running_loop().time())

    async def get(self, key: str) -> bytes | None:
        def read() -> bytes | None:
            with self._transaction() as file:
                found = file.execute(
                    "SELECT value, due FROM cache WHERE key = ?", (key,)
                ).fetchone()
            return found[0] if found and found[1] > self._clock.monotonic() else None

        return await self._quietly(read)

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        def write() -> None:
            with self._transaction() as file:
                now = self._clock.monotonic()
                file.execute("REPLACE INTO cache VALUES (?, ?, ?)", (key, value, now + ttl))
                _sweep(file, now)

        await self._quietly(write)

    async def _quietly(self, work: Callable[[], T]) -> T | None:
        if self._closed:
            return None
        try:
            return await asyncio.wrap_future(self._thread.submit(work))
        except Unreachable:
            return None

    async def aclose(self) -> None:
        """Write what is still to be written, and close the file."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._tell_owed()

        def close() -> None:
            self._outage.lost += len(self._late)
            if self._file is not None:
                self._file.close()
                self._file = None

        with suppress(RuntimeError):  # It is closed.
            await asyncio.wrap_future(self._thread.submit(close))
        self._thread.shutdown(wait=False)


def _after_a_start(file: sqlite3.Connection, now: float) -> None:
    """A time that lies ahead is of an earlier start of the machine: it counts as now, and whoever
    held a lease then is gone."""
    for key, kind, text in file.execute("SELECT key, kind, state FROM counters").fetchall():
        state = _state(text)
        if state is None:
            continue
        if kind == "lease" and state[0] > now:
            file.execute("DELETE FROM counters WHERE key = ?", (key,))
        elif kind == "bucket" and state[1] > now:
            state[1] = now
            file.execute("UPDATE counters SET state = ? WHERE key = ?", (json.dumps(state), key))
    file.execute("DELETE FROM open WHERE due > ?", (now + HOLD,))


def _load(
    file: sqlite3.Connection, name: str, claims: Sequence[Claim], now: float, epoch: float
) -> Limiter:
    """A limiter that holds the counters of these claims, and the reservation."""
    places = ",".join("?" * len(claims))
    rows = file.execute(
        f"SELECT key, state FROM counters WHERE key IN ({places})", [claim.key for claim in claims]
    )
    counters = {key: state for key, text in rows if (state := _state(text)) is not None}
    opened = file.execute("SELECT state FROM open WHERE name = ?", (name,)).fetchone()
    limiter = Limiter()
    taken = json.loads(opened[0]) if opened else None
    limiter.load(name, taken, counters, claims, now, epoch)
    return limiter


def _state(text: str) -> State | None:
    """A counter as it was written; None if it is damaged, and begins anew: what cannot be read
    must not stop what is written behind it."""
    try:
        state: State = json.loads(text)
    except ValueError:
        return None
    return state


def _save(
    file: sqlite3.Connection,
    limiter: Limiter,
    name: str,
    claims: Sequence[Claim],
    now: float,
    epoch: float,
) -> list[tuple[str, float, int]]:
    """Write back what `_load` read; the budgets as they are now: key, start and what is used."""
    budgets = []
    for claim in claims:
        dumped = limiter.dump(claim, now, epoch)
        if dumped is not None:
            state, due = dumped
            row = (claim.key, claim.kind, json.dumps(state), min(due, now + _LONGEST))
            file.execute("REPLACE INTO counters VALUES (?, ?, ?, ?)", row)
            if claim.kind == "window":
                budgets.append((claim.key, state[0], state[2]))
    taken = limiter.taken(name)
    if taken is None:
        file.execute("DELETE FROM open WHERE name = ?", (name,))
    elif name:
        file.execute("REPLACE INTO open VALUES (?, ?, ?)", (name, json.dumps(taken), now + HOLD))
    _sweep(file, now)
    return budgets


def _sweep(file: sqlite3.Connection, now: float) -> None:
    """Drop a few of those that are idle, forgotten and run out."""
    for table, key in (("counters", "key"), ("open", "name"), ("cache", "key")):
        file.execute(
            f"DELETE FROM {table} WHERE {key} IN"
            f" (SELECT {key} FROM {table} WHERE due <= ? LIMIT {_SWEPT})",
            (now,),
        )
