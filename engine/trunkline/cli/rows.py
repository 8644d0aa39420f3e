"""The files of a batch: rows to perform, and rows that were performed.

Rows are those of OpenAI's Batch API: `{custom_id, method, url, body}` in, `{id, custom_id,
response: {status_code, request_id, body}, error}` out
(https://platform.openai.com/docs/api-reference/batch).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from trunkline.cli.stops import FAILED, Stop
from trunkline.wire import WireError
from trunkline.wire.jsontext import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

__all__ = ["Output", "Row", "check_rows", "read_rows"]

MOST_MISTAKES: Final = 20
"""Mistakes of a file that are listed at once."""


class Row(NamedTuple):
    """One request of a batch."""

    custom_id: str
    url: str
    body: dict[str, Any]


def read_rows(file: Path) -> Iterator[Row]:
    """The rows of a file that `check_rows` has found to be right."""
    with file.open("rb") as lines:
        for line in lines:
            if line.strip():
                value = loads(line)
                yield Row(value["custom_id"], value["url"], value["body"])


def check_rows(file: Path, urls: Collection[str]) -> list[str]:
    """The ids of all rows. Raises `Stop` with every mistake, so that nothing is sent before all
    of the file is known to be right."""
    seen: dict[str, int] = {}
    mistakes: list[str] = []
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            wrong = _mistake(line, urls, seen, number)
            if wrong:
                mistakes.append(f"{file}:{number}: {wrong}")
            if len(mistakes) == MOST_MISTAKES:
                break
    if mistakes:
        raise Stop(FAILED, "nothing was sent\n" + "\n".join(mistakes))
    return list(seen)


def _mistake(line: bytes, urls: Collection[str], seen: dict[str, int], number: int) -> str:
    """What is wrong with a row, or nothing; its id goes into `seen`."""
    try:
        row = loads(line)
    except WireError as error:
        return str(error)
    if not isinstance(row, dict):
        return "not a JSON object; a row is {custom_id, method, url, body}"
    name = row.get("custom_id")
    if not isinstance(name, str) or not name:
        return "`custom_id` must be text"
    if name in seen:
        return f"the custom_id {name!r} is that of line {seen[name]} too"
    seen[name] = number
    if row.get("method") != "POST":
        return "`method` must be POST"
    if row.get("url") not in urls:
        return f"`url` must be one of {', '.join(sorted(urls))}"
    return "" if isinstance(row.get("body"), dict) else "`body` must be a JSON object"


class Output:
    """The file that performed rows go to, one line each, never half a line for long.

    Opening it repairs what a kill has left: a last line that is not whole is cut off, one that
    lacks only its line feed gets it. `done` are the ids of its rows, `failed` those with an
    error, with its kind. Only one process at a time may have it open.
    """

    def __init__(self, file: Path) -> None:
        """Open it, or create it. Raises `Stop` for a file that is something else."""
        self.file = file
        self.done: set[str] = set()
        self.failed: dict[str, str] = {}
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            self._lock()
            self._read()
        except BaseException:
            os.close(self._descriptor)
            raise

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # Windows: there, nobody notices a second process.
            return
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Stop(FAILED, f"another process is writing to {self.file}") from error

    def _read(self) -> None:
        whole = 0
        with self.file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                ended = line.endswith(b"\n")
                if line.strip() and not self._take(line):
                    if ended:
                        raise Stop(FAILED, f"{self.file}:{number}: not a row of a batch; {_OTHER}")
                    os.ftruncate(self._descriptor, whole)
                    return
                whole += len(line)
                if not ended:
                    self._append(b"\n")

    def _take(self, line: bytes) -> bool:
        """Note a row; whether it is one."""
        try:
            row = loads(line)
        except WireError:
            return False
        if not isinstance(row, dict) or not isinstance(row.get("custom_id"), str):
            return False
        self._note(row)
        return True

    def _note(self, row: dict[str, Any]) -> None:
        self.done.add(row["custom_id"])
        error = row.get("error")
        if error is not None:
            kind = error.get("code") if isinstance(error, dict) else None
            self.failed[row["custom_id"]] = str(kind)

    def write(self, row: dict[str, Any]) -> None:
        """Add a row. It is the system's before this returns, so a kill cannot lose it."""
        self._append(dumps(row) + b"\n")
        self._note(row)

    def _append(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._descriptor, data) :]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


_OTHER: Final = "choose another file for the output"
