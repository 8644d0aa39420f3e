"""One plan while it is in use: what it was opened with, and how many requests still need it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trunkline.compile import Plan
    from trunkline.graph import Upstream
    from trunkline.ports import Transport

__all__ = ["Closable", "Generation"]


class Closable(Protocol):
    """Something that was started for a plan, such as a simulated provider."""

    async def aclose(self) -> None:
        """Stop it."""
        ...


class Generation:
    """A plan with its upstreams and its transport.

    A reload retires it; it closes what belongs to it when its last request has ended.
    """

    def __init__(
        self,
        number: int,
        plan: Plan,
        upstreams: Mapping[str, Upstream],
        transport: Transport,
        owned: Sequence[Closable],
    ) -> None:
        """`owned` is closed with the generation, in this order."""
        self.number = number
        self.plan = plan
        self.upstreams = upstreams
        self.transport = transport
        self._owned = tuple(owned)
        self._users = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def enter(self) -> None:
        """A request begins."""
        self._users += 1
        if self._users == 1:
            self._idle.clear()

    def leave(self) -> None:
        """A request has ended."""
        self._users -= 1
        if self._users == 0:
            self._idle.set()

    async def retire(self, patience: float | None) -> None:
        """Wait until no request needs it, at most `patience` seconds, and close it."""
        try:
            async with asyncio.timeout(patience):
                await self._idle.wait()
        except TimeoutError:
            pass
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Close all that was opened for it, whoever still uses it."""
        owned, self._owned = self._owned, ()
        for thing in owned:
            await thing.aclose()
