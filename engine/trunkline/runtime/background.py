"""What is done for a plan and nobody waits for."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from trunkline.errors import CallError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["Background"]

GRACE: Final = 1.0
"""Seconds that short work may take when its plan is closed."""

_LOG = logging.getLogger("trunkline.background")


class Background:
    """Tasks that end before what they need is closed."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[None], bool] = {}
        self.closed = False

    def start(
        self,
        work: Coroutine[Any, Any, None],
        ended: Callable[[asyncio.Task[None]], None],
        *,
        finish: bool,
    ) -> bool:
        """See `trunkline.graph.aside.Aside`."""
        if self.closed:
            work.close()
            return False
        task = asyncio.create_task(work)
        self._tasks[task] = finish
        task.add_done_callback(self._over)
        task.add_done_callback(ended)
        return True

    def _over(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, CallError):
            _LOG.error("work in the background failed: %s", type(error).__name__)

    async def aclose(self) -> None:
        """Take no more work, finish what is short, and cancel the rest."""
        self.closed = True
        short = [task for task, finish in self._tasks.items() if finish]
        for task, finish in self._tasks.items():
            if not finish:
                task.cancel()
        if short:
            await asyncio.wait(short, timeout=GRACE)
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)
