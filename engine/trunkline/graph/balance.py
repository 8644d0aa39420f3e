"""`balance`: pick one member by a strategy; when it fails, pick once more.

::

    to:
      balance:
        by: weighted
        of:
          - {target: claude/claude-sonnet-4-5, weight: 70}
          - {target: bedrock/anthropic.claude-sonnet-4-5, weight: 30}

`weighted` gives exact shares (smooth weighted round robin), `round_robin` equal ones in turn,
`random` one by chance, `least_connections` the member with the fewest sends under way,
`lowest_latency` the quicker of two picked by chance, `lowest_cost` the cheapest for this request,
`sticky` always the same one for the same `key`.

Members that are not to be asked now are left out, and one that has just come back gets less than
its share for a while. At most two members are tried, on the failures that `default` names;
members that cannot carry the request are passed over and do not count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trunkline.errors import DEFAULT_KINDS, DeadlineError, UpstreamError
from trunkline.graph.account import subject_of
from trunkline.graph.asking import says_more
from trunkline.graph.exits import gates
from trunkline.graph.node import SkippedError, least_sends
from trunkline.policy.estimate import estimate_input
from trunkline.policy.pick import Strategy, strategy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trunkline.graph.node import Call, Node
    from trunkline.graph.reply import Reply

__all__ = ["Balance"]

MOST_TRIES: Final = 2
"""Members that a group tries: more would spend the sends of the tiers below."""

ENOUGH: Final = 0.5
"""Of a group's weight. With less of it well, and nobody well below, those that only fail too
often are asked all the same: what is left could not bear all of the traffic."""


@dataclass(frozen=True, slots=True)
class Balance:
    """`leaves[i]` are the leaf ids below the i-th member, whose sends are counted for it; `key`
    is what `sticky` goes by."""

    id: str
    members: tuple[Node, ...]
    weights: tuple[int, ...]
    by: str
    leaves: tuple[tuple[str, ...], ...]
    sends: int | None = None
    name: str = ""
    key: Callable[..., Any] | None = None

    @property
    def children(self) -> tuple[Node, ...]:
        """The members, in the order written."""
        return self.members

    @property
    def need(self) -> int:
        """That of the most demanding member."""
        return least_sends(self.members)

    def exits(self, request: Mapping[str, Any], call: Call, *, panic: bool = False) -> bool:
        """Whether any member can be asked now."""
        return any(
            weight and member.exits(request, call, panic=panic)
            for weight, member in zip(self.weights, self.members, strict=True)
        )

    async def call(self, request: Mapping[str, Any], call: Call) -> Reply:
        """The reply of the member that was picked, or of the second one."""
        outer, more, picker = call.cap, call.more, call.picker
        tiered, panic = call.tiered, call.panic
        cap = outer if self.sends is None else min(outer, call.sent + self.sends)
        out, panics = self._unwell(request, call)
        tried: set[int] = set()
        failures = 0
        failure: UpstreamError | None = None
        while failures < MOST_TRIES:
            index = self._pick(request, call, tried, out, cap)
            if index is None:
                break
            tried.add(index)
            member = self.members[index]
            last = failures + 1 == MOST_TRIES or len(tried) == len(self.members)
            call.cap = cap if last else max(call.sent + member.need, cap - 1)
            call.more = more or not last
            call.picker = picker or self
            call.tiered, call.panic = True, panics
            try:
                return await member.call(request, call)
            except SkippedError as error:
                failure = failure or error
            except DeadlineError:
                if not says_more(failure, call):
                    raise
                break
            except UpstreamError as error:
                failure = error
                failures += 1
                if error.kind not in DEFAULT_KINDS or not call.options.fallback:
                    break
            finally:
                call.cap, call.more, call.picker = outer, more, picker
                call.tiered, call.panic = tiered, panic
        assert failure is not None, "compile refuses a balance that can pick nobody"
        raise failure

    def _unwell(self, request: Mapping[str, Any], call: Call) -> tuple[set[int], bool]:
        """The members that are not to be asked now, and whether too few are well."""
        if call.state.calm:
            return set(), False
        out = self._out(request, call, panic=False)
        weights = self.weights
        well = sum(weight for index, weight in enumerate(weights) if index not in out)
        if well >= ENOUGH * sum(weights) or any(node.exits(request, call) for node in call.lower):
            return out, False
        return self._out(request, call, panic=True), True

    def _out(self, request: Mapping[str, Any], call: Call, *, panic: bool) -> set[int]:
        members = enumerate(self.members)
        return {index for index, one in members if not one.exits(request, call, panic=panic)}

    def _pick(
        self, request: Mapping[str, Any], call: Call, tried: set[int], out: set[int], cap: int
    ) -> int | None:
        """A member that was not tried and that the sends left are enough for. When nobody is
        well, whoever would be next says why not."""
        if tried:
            left = cap - call.sent
            tried.update(i for i, member in enumerate(self.members) if member.need > left)
        chosen = call.state.keep(self.id, (self.by, self.weights, self.leaves), self._strategy)
        view = _View(self, request, call)
        index = chosen.pick(tried | out, view, call.random) if out else None
        if index is None:
            index = chosen.pick(tried, view, call.random)
        if index is not None:
            call.decision.picks.append((self.name or self.id, _shown(self.members[index])))
        return index

    def _strategy(self) -> Strategy:
        return strategy(self.by, self.weights, [" ".join(leaves) for leaves in self.leaves])


class _View:
    """A balance's members as its strategy sees them, for one request."""

    __slots__ = ("_balance", "_call", "_request")

    def __init__(self, balance: Balance, request: Mapping[str, Any], call: Call) -> None:
        self._balance = balance
        self._request = request
        self._call = call

    @property
    def key(self) -> str:
        """What `sticky` goes by."""
        return subject_of(self._balance.key, self._call.seen, self._call.scope)

    def load(self, index: int) -> int:
        """Sends under way."""
        under_way = self._call.state.in_flight
        return sum(under_way.get(leaf, 0) for leaf in self._balance.leaves[index])

    @property
    def ramping(self) -> bool:
        """Whether any member may have a share below 1."""
        return not self._call.state.calm

    def latency(self, index: int) -> float | None:
        """That of its quickest leaf that was measured."""
        state, now = self._call.state, self._call.clock.monotonic()
        known = (state.timing(leaf).average.estimate(now) for leaf in self._balance.leaves[index])
        return min((one for one in known if one is not None), default=None)

    def cost(self, index: int) -> float:
        """What the request would cost at most, at the first leaf; infinite without a price."""
        for gate in gates(self._balance.members[index], self._request, self._call):
            if gate.price is None:
                break
            return gate.most(self._request, estimate_input(self._request))[1]
        return math.inf

    def share(self, index: int) -> float:
        """The share of its traffic that the member should get: less than 1 for a while after it
        has come back."""
        found = gates(self._balance.members[index], self._request, self._call)
        return max((gate.share() for gate in found), default=1.0)


def _shown(member: Node) -> str:
    """A member as the decision record names it: a leaf id, or the node's name or id."""
    return getattr(member, "leaf", "") or getattr(member, "name", "") or member.id
