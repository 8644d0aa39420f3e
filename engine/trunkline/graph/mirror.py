"""`mirror`: copy a share of requests elsewhere and ignore the answers.

::

    to:
      mirror:
        of: openai/gpt-4o
        to: openai/gpt-5
        sample: 0.1

`of` answers. The copy takes its own way: it takes nothing from the caller's limits and budgets,
nothing that becomes of it is heard by the caller, and its record stands in the ledger on its own,
where it says what it is a copy of. Answers are read to their end and dropped.

Refuses to copy what must not happen twice (tools that the provider runs, `store: true`), and more
than `at_once` at a time: what comes then is not copied.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from trunkline.errors import CallError
from trunkline.graph.account import Account
from trunkline.graph.asking import acts
from trunkline.graph.media import Media
from trunkline.graph.node import Through, Walks
from trunkline.graph.options import Options
from trunkline.ports import Decision

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from trunkline.graph.node import Call, Node
    from trunkline.graph.reply import Reply

__all__ = ["Mirror"]


class _Copies:
    """How many copies are under way, and how many were left out because of that."""

    __slots__ = ("left_out", "under_way")

    def __init__(self) -> None:
        self.under_way = 0
        self.left_out = 0


@dataclass(frozen=True, slots=True)
class Mirror(Through):
    """`sample` is the share that is copied, `sends` how often a copy may be sent, `lone` tells
    that copies have one target only. Who gets the copies is no way to an answer, so it is none
    of the children."""

    id: str
    of: Node
    to: Node
    sample: float = 1.0
    at_once: int = 20
    sends: int = 4
    lone: bool = False
    name: str = ""

    async def call(self, request: Mapping[str, Any], call: Call) -> Reply:
        """The reply of `of`."""
        if self.id not in call.walks.copied:
            call.walks.copied.add(self.id)
            if self._sampled(call) and not acts(request):
                self._copy(request, call)
        return await self.of.call(request, call)

    def _sampled(self, call: Call) -> bool:
        return self.sample >= 1 or call.random.random() < self.sample

    def _copy(self, request: Mapping[str, Any], call: Call) -> None:
        """Send a copy on its way."""
        node = self.name or self.id
        copies = call.state.keep(self.id, None, _Copies)
        if copies.under_way >= self.at_once:
            copies.left_out += 1
            call.decision.picks.append((node, f"no copy: {copies.under_way} are under way"))
            return
        copy = self._apart(call)
        record = call.aside.beside(copy.decision, copy.account)
        copies.under_way += 1

        def ended(task: asyncio.Task[None]) -> None:
            copies.under_way -= 1
            record.close(_outcome(task))

        if call.aside.start(self._read(request, copy), ended):
            call.decision.picks.append((node, "copy"))
        else:
            copies.under_way -= 1
            record.close("cancelled")

    def _apart(self, call: Call) -> Call:
        """The same call with nothing of the caller's own."""
        now, first = call.clock.monotonic(), call.decision
        total = None if call.deadline is None else call.deadline - call.started
        decision = Decision(f"{first.request_id}-copy", first.model, first.route)
        decision.why = f"a copy of {first.request_id}, by {self.name or self.id}"
        decision.generation, decision.trace_id = first.generation, first.trace_id
        name = f"{call.account.name} {self.id}"
        return replace(
            call,
            decision=decision,
            account=Account(call.account.store, name, call.clock.time(), total),
            started=now,
            deadline=None if total is None else now + total,
            cap=self.sends,
            more=False,
            media=Media(call.media.rules, call.media.fetcher),
            options=Options(),
            pin="",
            picker=None,
            excluded=[],
            lower=(),
            tiered=False,
            panic=False,
            lone=self.lone,
            forced="",
            walks=Walks(),
            walk=(),
            again=None,
        )

    async def _read(self, request: Mapping[str, Any], call: Call) -> None:
        async with await self.to.call(request, call) as reply:
            await reply.read()


def _outcome(task: asyncio.Task[None]) -> str:
    if task.cancelled():
        return "cancelled"
    error = task.exception()
    return "ok" if error is None else error.kind if isinstance(error, CallError) else "internal"
