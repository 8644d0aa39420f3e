"""Work that a request leaves behind: nobody waits for it, and whoever owns it ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

    from trunkline.graph.account import Account
    from trunkline.ports import Decision

__all__ = ["DROPPED", "Aside", "Record"]


class Record(Protocol):
    """The record of a request that is under way."""

    def close(self, outcome: str) -> None:
        """It is over: `ok`, `cancelled` or an error kind."""
        ...


class Aside(Protocol):
    """Where nodes leave work that their caller does not wait for."""

    def start(
        self,
        work: Coroutine[Any, Any, None],
        ended: Callable[[asyncio.Task[None]], None] | None = None,
        *,
        finish: bool = False,
    ) -> bool:
        """Have it done in the background; False if nothing is done there any more. `ended` is
        called once, however it ends. Work is cancelled when the plan is closed, unless it is
        short, and is to `finish`."""
        ...

    def beside(self, decision: Decision, account: Account) -> Record:
        """Begin the record of a request that stands beside the caller's."""
        ...


class _Dropped:
    def start(
        self,
        work: Coroutine[Any, Any, None],
        ended: Callable[[asyncio.Task[None]], None] | None = None,
        *,
        finish: bool = False,
    ) -> bool:
        work.close()
        return False

    def beside(self, decision: Decision, account: Account) -> Record:
        return self

    def close(self, outcome: str) -> None:
        pass


DROPPED: Final[Aside] = _Dropped()
"""Nothing is done in the background."""
