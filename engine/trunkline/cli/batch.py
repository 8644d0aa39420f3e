"""`trunkline run --batch`: a file of calls, so many at a time, and resumable at any moment."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from trunkline.cli.progress import progress
from trunkline.cli.routes import find_routes, say_quickstart
from trunkline.cli.rows import Output, check_rows, read_rows
from trunkline.cli.run import failure_text
from trunkline.cli.stops import FAILED, FINE, UPSTREAM, UsageError
from trunkline.cli.terminal import note

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from trunkline.cli.progress import Progress
    from trunkline.cli.rows import Row
    from trunkline.compile import Plan
    from trunkline.dialect import Door
    from trunkline.errors import CallError
    from trunkline.runtime import Engine

__all__ = ["perform_batch"]

CONCURRENCY: Final = 8
MOST_AT_A_TIME: Final = 1_000


def perform_batch(args: argparse.Namespace) -> int:
    """Perform the rows that the output does not have; the exit code says if any failed."""
    _check(args)
    source, target = Path(args.batch), Path(args.output)
    doors = _doors()
    ids = check_rows(source, doors)
    routes = find_routes(args.routes)
    plan = routes.plan(args)
    with Output(target) as output:
        say_quickstart(routes, "simulated answers")
        missing = [name for name in ids if name not in output.done]
        before = len(ids) - len(missing)
        if before:
            note(f"{before:,} of {len(ids):,} rows are in {target} already")
        rows = (row for row in read_rows(source) if row.custom_id not in output.done)
        try:
            with progress(len(ids), before) as shown:
                asyncio.run(_Batch(rows, output, doors, shown, before, args).perform(plan))
        except KeyboardInterrupt:
            done = sum(name in output.done for name in ids)
            note(f"stopped at {done:,} of {len(ids):,} rows; the same command goes on from here")
            raise
        failed = [output.failed[name] for name in ids if name in output.failed]
    return _conclusion(len(ids), failed, target)


def _check(args: argparse.Namespace) -> None:
    if args.output is None:
        raise UsageError("`--batch` needs `-o FILE`: where the answers go")
    alone = ("prompt", "request", "system", "image", "json", "trace")
    for name in alone:
        if getattr(args, name):
            shown = "a prompt" if name == "prompt" else f"`--{name}`"
            raise UsageError(f"{shown} does not go with `--batch`: the rows say it all")
    if args.concurrency is not None and not 1 <= args.concurrency <= MOST_AT_A_TIME:
        raise UsageError(f"`--concurrency` is from 1 to {MOST_AT_A_TIME:,}")
    if os.path.realpath(args.batch) == os.path.realpath(args.output):
        raise UsageError("the output cannot be the input: choose another file for `-o`")


def _doors() -> dict[str, Door]:
    """The wire languages that a row's body may be in, by the row's `url`: those whose bodies
    say all, the model too."""
    from trunkline import catalog

    found = (catalog.dialect(name).door for name in catalog.dialects())
    return {
        pattern.text: door
        for door in found
        if door is not None
        for pattern in door.patterns
        if not pattern.places
    }


_OURS: Final = frozenset({"bad_request", "unsupported", "not_found", "limit", "budget", "internal"})
"""Kinds of failure that no provider is to blame for."""


def _conclusion(total: int, failed: list[str], target: Path) -> int:
    if not failed:
        note(f"{total:,} rows are in {target}")
        return FINE
    note(
        f"{total:,} rows are in {target}, {len(failed):,} of them failed; to send those again, "
        "take the rows with an `error` out of it and run the same command"
    )
    return FAILED if _OURS.issuperset(failed) else UPSTREAM


class _Batch:
    """Workers that take the next row, perform it, and write what came of it."""

    def __init__(
        self,
        rows: Iterator[Row],
        output: Output,
        doors: Mapping[str, Door],
        shown: Progress,
        before: int,
        args: argparse.Namespace,
    ) -> None:
        self._rows = rows
        self._output = output
        self._doors = doors
        self._shown = shown
        self._done = before
        self._failed = 0
        self._model = args.model
        self._workers = args.concurrency or CONCURRENCY

    async def perform(self, plan: Plan) -> None:
        """All of them. What is no failure of a row (a full disk, say) stops every worker."""
        from trunkline.runtime import Engine

        async with Engine.open(plan) as engine:
            workers = [asyncio.create_task(self._work(engine)) for _ in range(self._workers)]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, engine: Engine) -> None:
        for row in self._rows:
            written = await self._one(engine, row)
            self._output.write(written)
            self._done += 1
            self._failed += written["error"] is not None
            self._shown.show(self._done, self._failed)

    async def _one(self, engine: Engine, row: Row) -> dict[str, Any]:
        """A row of the output."""
        from trunkline.errors import CallError

        door, request_id = self._doors[row.url], f"req_{uuid4().hex}"
        try:
            body = row.body if self._model is None else {**row.body, "model": self._model}
            request = door.read_request(body, {})
            ask = engine.embed if door.operation == "embeddings" else engine.chat
            data = (await ask(request, request_id=request_id, door=door.dialect)).data
            written = door.write_reply(data, request, int(time.time()))
        except CallError as error:
            return _failed(row, door, error, request_id)
        return _written(row, request_id, 200, written, None)


def _failed(row: Row, door: Door, error: CallError, request_id: str) -> dict[str, Any]:
    said = {
        "kind": error.kind,
        "message": error.message,
        "status": error.status,
        "request_id": request_id,
    }
    short = {"code": error.kind, "message": failure_text(error)}
    return _written(row, request_id, error.status, door.write_error(said), short)


def _written(
    row: Row, request_id: str, status: int, body: dict[str, Any], error: dict[str, Any] | None
) -> dict[str, Any]:
    return {
        "id": f"batch_{request_id}",
        "custom_id": row.custom_id,
        "response": {"status_code": status, "request_id": request_id, "body": body},
        "error": error,
    }
