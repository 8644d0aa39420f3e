"""One response body on its way to deltas: bytes in, folded steps out, under no timer of its own."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from trunkline.dialect import failure_of
from trunkline.errors import UpstreamError

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.dialect import Fold, Step, StreamReader
    from trunkline.graph.send import Peeked
    from trunkline.ports import HttpResponse

__all__ = ["Answer"]

MAX_STREAM: Final = 256 * 1024 * 1024
"""Bytes of a streamed answer. All that it says is kept until it ends, so one that never ends must
not be read for ever; a long answer with its log probabilities stays far below."""

LINGER: Final = 0.05
"""Seconds to wait, after an answer has said that it is complete, for the body to end, so that
the connection can be used again. Then it is closed."""


class Answer:
    """Reads a streamed answer, one chunk of its body at a time.

    `ready` holds what was read and not yet handed out: each delta with the steps it made.
    `pieces` counts the deltas that added content. Before `committed` is set, an answer that
    breaks off has come to nothing; after it, what came before the break is handed out first.
    """

    __slots__ = (
        "_broken",
        "_chunks",
        "_hide",
        "_read",
        "_reader",
        "_response",
        "committed",
        "done",
        "fold",
        "pieces",
        "ready",
    )

    def __init__(
        self,
        response: HttpResponse | Peeked,
        reader: StreamReader,
        fold: Fold,
        hide: Callable[[str], str] = str,
    ) -> None:
        """`hide` takes the provider's secrets out of what it says about a failure."""
        self._response = response
        self._hide = hide
        self._chunks = response.chunks().__aiter__()
        self._reader = reader
        self._read = 0
        self.fold = fold
        self.ready: deque[tuple[dict[str, Any], list[Step]]] = deque()
        self.pieces = 0
        self.committed = False
        self.done = False
        self._broken: UpstreamError | None = None

    async def advance(self) -> None:
        """Read one chunk; `done` is set when the answer is complete.

        Raises `UpstreamError` for a body that breaks off, cannot be read or reports a failure.
        """
        if self._broken is not None:
            raise self._broken
        if self._reader.complete:
            self.done = True
            await self._linger()
            return
        chunk = await anext(self._chunks, None)
        if chunk is None:
            self._take(self._reader.end())
            self.done = self._broken is None
            return
        self._read += len(chunk)
        if self._read > MAX_STREAM:
            raise UpstreamError("malformed", f"the stream is longer than {MAX_STREAM} bytes")
        self._take(self._reader.feed(chunk))

    def _take(self, deltas: list[dict[str, Any]]) -> None:
        """Fold the deltas. Those that only bring what the reply itself shows are not kept."""
        broken = self._reader.broken
        for delta in deltas:
            if "fail" in delta:
                broken = failure_of(delta["fail"])
                broken.say(self._hide(broken.message))
                break
            steps = self.fold.add(delta)
            if steps:
                self.pieces += 1
            if steps or "finish" in delta:
                self.ready.append((delta, steps))
        if broken is not None and not (self.committed and self.ready):
            raise broken
        self._broken = broken

    async def _linger(self) -> None:
        """What follows the terminal marker is not part of the answer; nor is how it ends."""
        try:
            async with asyncio.timeout(LINGER):
                while await anext(self._chunks, None) is not None:
                    pass
        except (TimeoutError, UpstreamError):
            pass

    async def aclose(self) -> None:
        """Stop reading."""
        await self._response.aclose()
