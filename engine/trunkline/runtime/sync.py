"""The engine for code that is not async: the same calls, which block."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Self, TypeVar

from trunkline.errors import EngineClosed

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from pathlib import Path

    from trunkline.chat import Delta
    from trunkline.compile import Plan
    from trunkline.graph import Reply
    from trunkline.runtime.engine import Opening
    from trunkline.runtime.stream import Stream

__all__ = ["SyncEngine", "SyncStream"]

T = TypeVar("T")


class SyncEngine:
    """An engine on a thread of its own. Get it from `Engine.open_sync`; close it, or use `with`.

    Any thread may use it, except one that runs an event loop, where `Engine.open` belongs.
    """

    def __init__(self, opening: Opening) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="trunkline", daemon=True
        )
        self._thread.start()
        try:
            self._engine = self._wait(opening.start())
        except BaseException:
            self._stop()
            raise

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine; an interrupt of the waiting thread cancels it."""
        if self._loop.is_closed():
            coroutine.close()
            raise EngineClosed("the engine was closed; open a new one")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    @property
    def plan(self) -> Plan:
        """The plan that the next request will be performed by."""
        return self._engine.plan

    def chat(self, request: Any = None, /, **fields: Any) -> Reply:
        """See `Engine.chat`."""
        return self._wait(self._engine.chat(request, **fields))

    def stream(self, request: Any = None, /, **fields: Any) -> SyncStream:
        """See `Engine.stream`: `with` it, and iterate over its deltas."""
        return SyncStream(self, self._engine.stream(request, **fields))

    def reload(self, source: str | Path | Plan | None = None) -> Plan:
        """See `Engine.reload`."""
        return self._wait(self._engine.reload(source))

    def close(self) -> None:
        """Close every connection and end the thread. Safe to call again."""
        if not self._loop.is_closed():
            self._wait(self._engine.aclose())
            self._stop()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SyncStream:
    """The stream of one call; see `Stream`."""

    __slots__ = ("_engine", "_stream")

    def __init__(self, engine: SyncEngine, stream: Stream) -> None:
        self._engine = engine
        self._stream = stream

    @property
    def reply(self) -> Reply:
        """The reply, complete or still arriving. Only inside or after the block."""
        return self._stream.reply

    def __enter__(self) -> Self:
        self._engine._wait(self._stream.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self._engine._wait(self._stream.__aexit__())

    def __iter__(self) -> Iterator[Delta]:
        while True:
            try:
                yield self._engine._wait(self._stream.__anext__())
            except StopAsyncIteration:
                return
