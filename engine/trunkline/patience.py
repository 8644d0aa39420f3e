"""A limit on waits that follow one another, at the cost of hardly more than one timer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Patience"]


class Patience:
    """`with patience.within(seconds): await …` raises `TimeoutError` when the time is over.

    It does what `asyncio.timeout` does, for one wait at a time. A stream waits for every piece,
    and a timer for each would cost more than to read the piece: here the timer of one wait is
    kept for the next, and put off when it goes off too early. `close` when there is no next.
    """

    __slots__ = ("_before", "_expired", "_seconds", "_task", "_timer", "_until")

    def __init__(self) -> None:
        self._seconds: float | None = None
        self._until = 0.0
        self._task: asyncio.Task[Any] | None = None
        self._before = 0
        self._expired = False
        self._timer: asyncio.TimerHandle | None = None

    def within(self, seconds: float | None) -> Self:
        """The same, for a wait of so many seconds; None is no limit."""
        self._seconds = seconds
        return self

    def __enter__(self) -> None:
        if self._seconds is None:
            return
        task = self._task = asyncio.current_task()
        if task is None:
            raise RuntimeError("not in a task")
        self._before = task.cancelling()
        loop = asyncio.get_running_loop()
        self._until = loop.time() + self._seconds
        if self._timer is not None and self._timer.when() > self._until:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = loop.call_at(self._until, self._over)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        task, self._task = self._task, None
        if self._expired:
            self._expired = False
            assert task is not None
            if task.uncancel() <= self._before and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def _over(self) -> None:
        """The timer has gone off: for the wait that is under way, for an earlier one, or none."""
        self._timer = None
        if self._task is None:
            return
        loop = self._task.get_loop()
        if loop.time() < self._until:
            self._timer = loop.call_at(self._until, self._over)
        else:
            self._expired = True
            self._task.cancel()

    def close(self) -> None:
        """No wait follows."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
