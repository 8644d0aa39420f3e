"""The stream of one call, as a caller reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trunkline.chat import Delta
    from trunkline.graph import Reply

__all__ = ["Stream"]


class Stream:
    """`async with` it, and iterate over its deltas; `reply` is what has come of the answer.

    The call is performed when the block is entered, and raises there what `Engine.chat` would;
    leaving the block early closes the socket upstream.
    """

    __slots__ = ("_begin", "_reply")

    def __init__(self, begin: Callable[[], Awaitable[Reply]]) -> None:
        self._begin = begin
        self._reply: Reply | None = None

    @property
    def reply(self) -> Reply:
        """The reply, complete or still arriving. Only inside or after the block."""
        if self._reply is None:
            raise RuntimeError("the stream has not begun: use `async with engine.stream(...)`")
        return self._reply

    async def __aenter__(self) -> Self:
        if self._reply is not None:
            raise RuntimeError("this stream has begun already: begin another one")
        self._reply = await self._begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop reading. Safe to call at any time."""
        if self._reply is not None:
            await self._reply.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Delta:
        return await self.reply.__anext__()
