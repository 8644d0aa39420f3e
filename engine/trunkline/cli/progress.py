"""How far a long piece of work has come: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from trunkline.cli.terminal import note

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

__all__ = ["Progress", "progress"]

EVERY: Final = 10.0
"""Seconds between two plain lines."""


class Progress(Protocol):
    """Shows how many of the rows are done."""

    def show(self, done: int, failed: int) -> None:
        """So many are done now, and so many of them failed."""
        ...


def progress(total: int, done: int) -> AbstractContextManager[Progress]:
    """A display for work of which `done` of `total` is done; rich draws it where rich is."""
    if sys.stderr.isatty():
        try:
            return _Bar(total, done)
        except ImportError:
            pass
    return _Lines(total)


class _Lines:
    def __init__(self, total: int) -> None:
        self._total = total
        self._next = time.monotonic() + EVERY

    def show(self, done: int, failed: int) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY
            note(f"{done:,} of {self._total:,} rows done, {failed:,} failed")

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to take away."""


class _Bar:
    def __init__(self, total: int, done: int) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._bar: Any = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[failed]} failed"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("", total=total, completed=done, failed=0)

    def show(self, done: int, failed: int) -> None:
        self._bar.update(self._task, completed=done, failed=failed)

    def __enter__(self) -> _Bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
