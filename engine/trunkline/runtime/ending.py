"""How a request ends, however it ends: its record is settled, once, and what it held is let go."""

from __future__ import annotations

import logging
from collections import Counter
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
        decision.usage, decision.cost = _summed(decision)
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


def _summed(decision: Decision) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """The tokens of all attempts, and what they cost."""
    tokens: Counter[str] = Counter()
    estimated = False
    cost: int | None = None
    maybe = 0
    for attempt in decision.attempts:
        for name, value in (attempt.usage or {}).items():
            if name == "estimated":
                estimated = True
            else:
                tokens[name] += value
        if attempt.micro_dollars is not None:
            cost = (cost or 0) + attempt.micro_dollars
        maybe += attempt.maybe_billed
    usage: dict[str, Any] | None = dict(tokens) or None
    if usage is not None and estimated:
        usage["estimated"] = True
    if cost is None and not maybe:
        return usage, None
    return usage, {"micro_dollars": cost or 0, "maybe_billed": maybe, "estimated": estimated}
