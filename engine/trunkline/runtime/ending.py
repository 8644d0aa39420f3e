"""How a request ends, however it ends: its record is settled, once, and what it held is let go."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Mapping

    from trunkline.graph import Account, Reply
    from trunkline.ports import Clock, Decision
    from trunkline.runtime.generation import Generation

__all__ = ["Ending"]

_LOG = logging.getLogger("trunkline.ledger")
_LOG.addHandler(logging.NullHandler())


class Ending:
    """The end of one request, and where it leaves what is done after it
    (`trunkline.graph.aside.Aside`)."""

    __slots__ = ("_clock", "_generation", "_ledger", "_started", "account", "decision", "over")

    def __init__(
        self,
        generation: Generation,
        decision: Decision,
        clock: Clock,
        ledger: Callable[[Decision], None] | None,
    ) -> None:
        """The request begins. `ledger` is told of it when it is over, once: the settled record is
        the row. `account` is what it took from limits and budgets, once it has."""
        self.decision = decision
        self.account: Account | None = None
        self.over = False
        self._generation = generation
        self._clock = clock
        self._ledger = ledger
        self._started = clock.monotonic()
        generation.enter()

    def start(
        self,
        work: Coroutine[Any, Any, None],
        ended: Callable[[asyncio.Task[None]], None] | None = None,
        *,
        finish: bool = False,
    ) -> bool:
        """Have it done while nobody waits."""
        return self._generation.start(work, ended, finish=finish)

    def beside(self, decision: Decision, account: Account) -> Ending:
        """The end of another request, which this one has brought about."""
        other = Ending(self._generation, decision, self._clock, self._ledger)
        other.account = account
        return other

    def replied(self, _reply: Reply, outcome: str) -> None:
        """The reply has been read, or is not read any further."""
        self.close(outcome)

    def close(self, outcome: str) -> None:
        """Settle. A second time does nothing. An answer does not fail because its record could not
        be kept."""
        if self.over:
            return
        self.over = True
        decision = self.decision
        decision.outcome = outcome
        decision.seconds = self._clock.monotonic() - self._started
        decision.usage = _usage(decision)
        try:
            if self.account is not None:
                self.account.settle(decision)
            if self._ledger is not None:
                self._ledger(decision)
        except Exception as error:
            why = type(error).__name__
            _LOG.error("the record of %s was not kept: %s", decision.request_id, why)
        finally:
            self._generation.leave()


def _usage(decision: Decision) -> Mapping[str, Any] | None:
    """The tokens of all attempts."""
    counted = [attempt.usage for attempt in decision.attempts if attempt.usage]
    if len(counted) < 2:
        return counted[0] if counted else None
    whole: dict[str, Any] = {}
    for usage in counted:
        for name, value in usage.items():
            whole[name] = True if name == "estimated" else whole.get(name, 0) + value
    return whole
