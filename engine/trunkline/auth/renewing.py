"""Credentials that expire: looked up beside the event loop, once for all who wait, and early."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from trunkline.errors import EngineClosed, TrunklineError, UpstreamError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Lease", "NoCredentialsError", "Renewing"]

EARLY: Final = 600.0
"""Seconds before their end at which credentials are renewed, while they still serve."""

LAST: Final = 10.0
"""Seconds before their end at which they serve no more: a request is some time on its way."""

PAUSE: Final = 30.0
"""Seconds between two early renewals that failed, and between two that a refusal asked for."""

FAILED: Final = 3.0
"""Seconds for which a failed lookup is the answer to everyone who asks."""

T = TypeVar("T")


class NoCredentialsError(TrunklineError):
    """A lookup found none. The message says where it looked and what to do."""


@dataclass(frozen=True, slots=True)
class Lease(Generic[T]):
    """Credentials and the second since the epoch at which they end; None is never."""

    value: T = field(repr=False)
    expires: float | None = None


class Renewing(Generic[T]):
    """Credentials that `look` finds; it may block, so it runs in a thread.

    While they last, they are given out at once, and renewed in the background before they end.
    Who comes when there are none waits for the one lookup that is under way.
    """

    def __init__(
        self,
        look: Callable[[], Lease[T]],
        *,
        learn: Callable[[T], None] = lambda _: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`look` raises `NoCredentialsError`; `learn` is told of everything that it finds."""
        self._look = look
        self._learn = learn
        self._now = now
        self._lease: Lease[T] | None = None
        self._renew_at = 0.0
        self._failure = ""
        self._failed_at = 0.0
        self._asked_at: float | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def get(self) -> T:
        """Credentials that are good now. Raises `UpstreamError("auth")` if none can be had."""
        lease, now = self._lease, self._now()
        if lease is None or (lease.expires is not None and now >= lease.expires - LAST):
            if self._failure and 0 <= now - self._failed_at < FAILED:
                raise UpstreamError("auth", self._failure)
            return await self._fresh()
        if lease.expires is not None and now >= self._renew_at:
            self._start()
        return lease.value

    async def renewed(self, was_refused: Callable[[T], bool]) -> bool:
        """Whether other credentials are at hand than those that were refused, looked up anew if
        need be. Asked again within half a minute, it looks nowhere: what is refused although
        it is new lacks permission, not freshness."""
        if self._lease is not None and not was_refused(self._lease.value):
            return True
        now = self._now()
        if self._asked_at is not None and 0 <= now - self._asked_at < PAUSE and self._task is None:
            return False
        self._asked_at = now
        try:
            return not was_refused(await self._fresh())
        except UpstreamError:
            return False

    async def aclose(self) -> None:
        """Stop waiting for a lookup that is under way, and begin no other."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _fresh(self) -> T:
        """What the lookup finds that is under way, or begins now. Whoever waits may be cancelled
        without ending it for the others."""
        task = self._start()
        await asyncio.wait({task})
        if task.cancelled() or self._closed:
            raise EngineClosed("the engine was closed while it looked for credentials")
        if self._failure:
            raise UpstreamError("auth", self._failure)
        assert self._lease is not None
        return self._lease.value

    def _start(self) -> asyncio.Task[None]:
        if self._closed:
            raise EngineClosed("the engine was closed; open a new one")
        if self._task is None:
            self._task = asyncio.create_task(self._renew())
            self._task.add_done_callback(self._ended)
        return self._task

    def _ended(self, _task: asyncio.Task[None]) -> None:
        self._task = None

    async def _renew(self) -> None:
        try:
            lease = await asyncio.to_thread(self._look)
        except Exception as error:
            self._failed_at = self._now()
            self._renew_at = self._failed_at + PAUSE
            self._failure = (
                str(error)
                if isinstance(error, NoCredentialsError)
                else f"credentials could not be looked up ({type(error).__name__})"
            )
            return
        now = self._now()
        self._learn(lease.value)
        self._lease, self._failure = lease, ""
        if lease.expires is not None:
            # Those that live shorter than an hour are not renewed all the time.
            self._renew_at = lease.expires - min(EARLY, max(0.0, lease.expires - now) / 4)
