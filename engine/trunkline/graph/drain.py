"""An answer whose caller has gone is read to its end, so that what it cost is known exactly."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections import deque

    from trunkline.dialect import Step
    from trunkline.graph.answer import Answer
    from trunkline.graph.node import Call
    from trunkline.graph.reply import Reply

__all__ = ["MOST_DRAINS", "Lasting", "drain"]

MOST_DRAINS: Final = 20
"""Answers that an engine reads to their ends at a time. Further ones are cancelled."""


class _Drains:
    """How many are under way."""

    __slots__ = ("under_way",)

    def __init__(self) -> None:
        self.under_way = 0


def drain(reply: Reply, call: Call) -> bool:
    """Read a reply on in the background, by its own times and the request's; False if it is to be
    cancelled, because too many are read so, or nothing is done in the background any more."""
    drains = call.state.keep("drains", None, _Drains)
    if drains.under_way >= MOST_DRAINS:
        return False

    def ended(_task: asyncio.Task[None]) -> None:
        drains.under_way -= 1
        reply.drop()

    drains.under_way += 1
    if call.aside.start(reply.drained(), ended):
        return True
    drains.under_way -= 1
    return False


class Lasting:
    """An answer whose reading outlasts whoever waits for it: when that one is cancelled, somebody
    else can read on."""

    __slots__ = ("_answer", "_reading")

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._reading: asyncio.Task[None] | None = None

    @property
    def pieces(self) -> int:
        """See `Answer`."""
        return self._answer.pieces

    @property
    def done(self) -> bool:
        """See `Answer`."""
        return self._answer.done

    @property
    def ready(self) -> deque[tuple[dict[str, Any], list[Step]]]:
        """See `Answer`."""
        return self._answer.ready

    async def advance(self) -> None:
        """Read one chunk, or wait for the one that is being read."""
        reading = self._reading
        if reading is None:
            reading = self._reading = asyncio.create_task(self._answer.advance())
        await asyncio.wait({reading})
        self._reading = None
        reading.result()

    async def aclose(self) -> None:
        """Stop reading."""
        reading, self._reading = self._reading, None
        try:
            if reading is not None:
                reading.cancel()
                await asyncio.wait({reading})
                if not reading.cancelled():
                    reading.exception()
        finally:
            await self._answer.aclose()
