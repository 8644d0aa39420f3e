"""`balance`: pick one member by a strategy; when it fails, pick once more.

::

    to:
      balance:
        by: weighted
        of:
          - {target: claude/claude-sonnet-4-5, weight: 70}
          - {target: bedrock/anthropic.claude-sonnet-4-5, weight: 30}

`weighted` gives exact shares (smooth weighted round robin), `round_robin` equal ones in turn,
`random` one by chance, `least_connections` the member with the fewest sends under way.
At most two members are tried, on the failures that `default` names; members that cannot carry
the request are passed over and do not count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trunkline.errors import DEFAULT_KINDS, UpstreamError
from trunkline.graph.node import SkippedError, least_sends
from trunkline.policy.pick import Strategy, strategy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.graph.node import Call, Node
    from trunkline.graph.reply import Reply

__all__ = ["Balance"]

MOST_TRIES: Final = 2
"""Members that a group tries: more would spend the sends of the tiers below."""


@dataclass(frozen=True, slots=True)
class Balance:
    """`leaves[i]` are the leaf ids below the i-th member, whose sends are counted for it."""

    id: str
    members: tuple[Node, ...]
    weights: tuple[int, ...]
    by: str
    leaves: tuple[tuple[str, ...], ...]
    sends: int | None = None
    name: str = ""

    @property
    def children(self) -> tuple[Node, ...]:
        """The members, in the order written."""
        return self.members

    @property
    def need(self) -> int:
        """That of the most demanding member."""
        return least_sends(self.members)

    async def call(self, request: Mapping[str, Any], call: Call) -> Reply:
        """The reply of the member that was picked, or of the second one."""
        outer, more, picker = call.cap, call.more, call.picker
        cap = outer if self.sends is None else min(outer, call.sent + self.sends)
        tried: set[int] = set()
        failures = 0
        failure: UpstreamError | None = None
        while failures < MOST_TRIES:
            index = self._pick(call, tried, cap)
            if index is None:
                break
            tried.add(index)
            member = self.members[index]
            last = failures + 1 == MOST_TRIES or len(tried) == len(self.members)
            call.cap = cap if last else max(call.sent + member.need, cap - 1)
            call.more = more or not last
            call.picker = picker or self
            try:
                return await member.call(request, call)
            except SkippedError as error:
                failure = failure or error
            except UpstreamError as error:
                failure = error
                failures += 1
                if error.kind not in DEFAULT_KINDS:
                    break
            finally:
                call.cap, call.more, call.picker = outer, more, picker
        assert failure is not None, "compile refuses a balance that can pick nobody"
        raise failure

    def _pick(self, call: Call, tried: set[int], cap: int) -> int | None:
        """A member that was not tried and that the sends left are enough for."""
        if tried:
            left = cap - call.sent
            tried.update(i for i, member in enumerate(self.members) if member.need > left)
        chosen = call.state.keep(self.id, (self.by, self.weights), self._strategy)
        index = chosen.pick(tried, _Known(self, call.state.in_flight), call.random)
        if index is not None:
            shown = self.members[index]
            call.decision.picks.append((self.name or self.id, _shown(shown)))
        return index

    def _strategy(self) -> Strategy:
        return strategy(self.by, self.weights, [" ".join(leaves) for leaves in self.leaves])


class _Known:
    """What the strategies are told of the members (`Members`)."""

    __slots__ = ("_balance", "_under_way", "key", "ramping")

    def __init__(self, balance: Balance, under_way: Mapping[str, int]) -> None:
        self._balance = balance
        self._under_way = under_way
        self.key = ""
        self.ramping = False

    def load(self, index: int) -> int:
        under_way = self._under_way
        return sum(under_way.get(leaf, 0) for leaf in self._balance.leaves[index])

    def latency(self, index: int) -> float | None:
        return None

    def cost(self, index: int) -> float:
        return math.inf

    def share(self, index: int) -> float:
        return 1.0


def _shown(member: Node) -> str:
    """A member as the decision record names it: a leaf id, or the node's name or id."""
    return getattr(member, "leaf", "") or getattr(member, "name", "") or member.id
