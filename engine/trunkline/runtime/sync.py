"""The engine for code that is not async: the same calls, which block."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from typing import TYPE_CHECKING, Any, Self, TypeVar

from trunkline.errors import EngineClosed

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from pathlib import Path

    from trunkline.chat import Delta
    from trunkline.compile import Plan
    from trunkline.graph import Reply
    from trunkline.runtime.embeddings import Embeddings
    from trunkline.runtime.engine import Opening
    from trunkline.runtime.stream import Stream

__all__ = ["SyncEngine", "SyncStream"]

T = TypeVar("T")


class SyncEngine:
    """An engine on a thread of its own. Get it from `Engine.open_sync`; close it, or use `with`.

    Any thread may use it, except one that runs an event loop, where `Engine.open` belongs.
    """

    def __init__(self, opening: Opening) -> None:
        self._closing = False
        self._handing = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._engine = opening.engine
        self._thread = threading.Thread(target=self._run, name="trunkline", daemon=True)
        self._thread.start()
        try:
            self._wait(opening.start())
        except BaseException:
            self.close()
            raise

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine; an interrupt of the waiting thread cancels it."""
        with self._handing:
            if self._closing:
                coroutine.close()
                raise EngineClosed("the engine was closed; open a new one")
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise EngineClosed("the engine was closed during the call") from None
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

    def embed(self, request: Any = None, /, **fields: Any) -> Embeddings:
        """See `Engine.embed`."""
        return self._wait(self._engine.embed(request, **fields))

    def stream(self, request: Any = None, /, **fields: Any) -> SyncStream:
        """See `Engine.stream`: `with` it, and iterate over its deltas."""
        return SyncStream(self, self._engine.stream(request, **fields))

    def reload(self, source: str | Path | Plan | None = None) -> Plan:
        """See `Engine.reload`."""
        return self._wait(self._engine.reload(source))

    def close(self) -> None:
        """Close every connection and end the thread. Calls of other threads that are under way
        raise `EngineClosed` or what cutting their connection leads to. Safe to call again."""
        with self._handing:
            first, self._closing = not self._closing, True
        if first:
            asyncio.run_coroutine_threadsafe(self._end(), self._loop)
        self._thread.join()

    def _run(self) -> None:
        """What the thread does: run the loop until `_end` stops it."""
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()

    async def _end(self) -> None:
        """Close the engine, let nobody wait for ever, and stop the loop."""
        try:
            await self._engine.aclose()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        finally:
            self._loop.stop()

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
        try:
            self._engine._wait(self._stream.__aenter__())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(EngineClosed):
            self._engine._wait(self._stream.aclose())

    def __iter__(self) -> Iterator[Delta]:
        while True:
            try:
                yield self._engine._wait(self._stream.__anext__())
            except StopAsyncIteration:
                return
