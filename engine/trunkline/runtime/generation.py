"""One plan while it is in use: what it was opened with, and how many requests still need it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final, Protocol

from trunkline.runtime.background import Background

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from trunkline.compile import Plan
    from trunkline.graph import Upstream
    from trunkline.ports import Fetcher, Transport
    from trunkline.store import Store

__all__ = ["Closable", "Counters", "Generation", "Warming"]

GRACE: Final = 1.0
"""Seconds that requests which were cut have to settle what they took, before the counters go."""


class Closable(Protocol):
    """Something that was started for a plan, such as a simulated provider."""

    async def aclose(self) -> None:
        """Stop it."""
        ...


class Counters:
    """A store that plans with the same settings share: whoever lets go of it last closes it.

    A request may outlive the plan after its own, so an old plan cannot leave the store to its
    successor.
    """

    def __init__(self, store: Store, settings: object) -> None:
        self.store = store
        self.settings = settings
        self._holders = 0

    def hold(self) -> Counters:
        """One more plan counts here."""
        self._holders += 1
        return self

    async def aclose(self) -> None:
        """One plan less."""
        self._holders -= 1
        if not self._holders:
            await self.store.aclose()


class Warming:
    """Something that is prepared in a thread while requests may come already."""

    def __init__(self, prepare: Callable[[], None]) -> None:
        self._task = asyncio.create_task(asyncio.to_thread(prepare))

    async def done(self) -> None:
        """Wait for it."""
        await asyncio.shield(self._task)

    async def aclose(self) -> None:
        """A thread cannot be stopped, so wait for it."""
        await self._task


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
        counters: Counters,
        owned: Sequence[Closable],
        fetcher: Fetcher | None = None,
        warming: Warming | None = None,
    ) -> None:
        """`counters` are held for limits and budgets, and let go when all else is closed. `owned`
        is closed with the generation, the last first. `fetcher` is there where the plan lets
        files be fetched, `warming` is what the first request must wait for."""
        self.number = number
        self.plan = plan
        self.upstreams = upstreams
        self.transport = transport
        self.counters = counters
        self.store = counters.store
        self.fetcher = fetcher
        self.background = Background()
        self._warming = warming
        self._owned = list(owned)
        self._users = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing: asyncio.Task[None] | None = None

    @property
    def closed(self) -> bool:
        """Whether all that was opened for it has been closed."""
        return self._closing is not None and self._closing.done()

    async def ready(self) -> None:
        """Wait for what was begun when the plan was opened and is needed by its first request."""
        if self._warming is not None:
            await self._warming.done()
            self._warming = None

    def enter(self) -> None:
        """A request begins."""
        self._users += 1
        if self._users == 1:
            self._idle.clear()

    def start(
        self,
        work: Coroutine[Any, Any, None],
        ended: Callable[[asyncio.Task[None]], None] | None,
        *,
        finish: bool,
    ) -> bool:
        """Do something that nobody waits for; it needs the plan as a request does. See
        `trunkline.graph.aside.Aside`."""

        def over(task: asyncio.Task[None]) -> None:
            try:
                if ended is not None:
                    ended(task)
            finally:
                self.leave()

        self.enter()
        if self.background.start(work, over, finish=finish):
            return True
        self.leave()
        return False

    def leave(self) -> None:
        """A request has ended."""
        self._users -= 1
        if self._users == 0:
            self._idle.set()

    async def retire(self, patience: float) -> None:
        """Wait until no request needs it, at most `patience` seconds, and close it."""
        await self._unused(patience)
        await self.aclose()

    async def _unused(self, patience: float) -> None:
        """Wait until no request needs it, but not for longer than that."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._idle.wait()

    async def aclose(self) -> None:
        """Close all that was opened for it, whoever still uses it. Safe to call again, and not
        left half done when whoever waits for it is cancelled."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self.counters.aclose)
            stack.push_async_callback(self._unused, GRACE)
            for thing in self._owned:
                stack.push_async_callback(thing.aclose)
            stack.push_async_callback(self.background.aclose)
        self._idle.set()
