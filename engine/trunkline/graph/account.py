"""What one request takes from its caller's limits and budgets, and what it cost in the end.

The caller's limits are taken from once, before the graph is walked. Money is reserved by each
attempt at what its target could cost at worst, and settled when that attempt ends; what a target
and a credential may do is taken at the same time (see `trunkline.graph.gate`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Literal

from trunkline.errors import RequestError
from trunkline.policy.limits import worth_another_try
from trunkline.policy.price import total
from trunkline.store import StoreDownError
from trunkline.template import ABSENT
from trunkline.wire.jsontext import dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trunkline.chat import JSON
    from trunkline.graph.node import Scope
    from trunkline.policy.budgets import BudgetRule
    from trunkline.policy.limits import LimitRule
    from trunkline.policy.price import Cost
    from trunkline.ports import Decision
    from trunkline.store import Claim, Store

__all__ = ["Account", "CallerBudget", "CallerLimit", "down", "subject_of", "tokens_of"]

LEASE_BEYOND: Final = 60.0
"""Seconds after a request's deadline at which what it held returns by itself."""

LONGEST: Final = 3_600.0
"""Seconds that a request without a deadline may hold anything."""

LONGEST_NAME: Final = 256
"""Characters of what tells callers apart; of anything longer a hash is kept, since callers may
choose it, and it is remembered for thousands of them."""


@dataclass(frozen=True, slots=True)
class CallerLimit:
    """A limit on callers. `by` tells who shares it, None for everybody; `routes` for which
    routes it is, empty for all."""

    rule: LimitRule
    by: Callable[..., Any] | None = None
    routes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CallerBudget:
    """A budget; `by` as in a limit."""

    rule: BudgetRule
    by: Callable[..., Any] | None = None


class Account:
    """One request's account.

    `name` names its reservations, `epoch` is when it came, `lease` how long it may hold
    anything; `budgets` are those that it pays from, with who shares them.
    """

    __slots__ = (
        "_costs",
        "_count",
        "_maybe_billed",
        "_taken",
        "_tokens",
        "budgets",
        "epoch",
        "lease",
        "name",
        "store",
    )

    def __init__(self, store: Store, name: str, epoch: float, total: float | None) -> None:
        self.store = store
        self.name = name
        self.epoch = epoch
        self.lease = (LONGEST if total is None else total) + LEASE_BEYOND
        self.budgets: tuple[tuple[BudgetRule, str], ...] = ()
        self._taken: list[tuple[LimitRule, list[Claim]]] = []
        self._costs: list[Cost] = []
        self._maybe_billed = 0
        self._tokens = 0
        self._count = 0

    async def admit(self, limits: Sequence[tuple[LimitRule, str]], tokens: int, cost: int) -> None:
        """Take from the caller's limits, all of them or none. `tokens` and `cost` are what the
        request may come to.

        Raises `RequestError` of kind `limit` that names the limit without room.
        """
        taken = [(rule, rule.claims(subject, tokens, cost, self.lease)) for rule, subject in limits]
        claims = [claim for _, some in taken for claim in some]
        if not claims:
            return
        try:
            refused = await self.store.reserve(self.name, claims)
        except StoreDownError as error:
            raise down("limit", error) from error
        if refused is not None:
            wait = worth_another_try(claims[refused.index], refused.retry_after)
            raise _over(taken, refused.index, wait)
        self._taken = taken

    def next_name(self) -> str:
        """A name for one more reservation."""
        self._count += 1
        return f"{self.name}.{self._count}"

    def charge(self, cost: Cost | None, usage: Mapping[str, Any] | None) -> None:
        """An attempt was paid for: `usage` are its tokens."""
        if cost is not None:
            self._costs.append(cost)
        if usage:
            self._tokens += tokens_of(usage)

    def charge_maybe(self, micro_dollars: int) -> None:
        """An attempt that failed may have been billed all the same."""
        self._maybe_billed += micro_dollars

    def settle(self, decision: Decision) -> None:
        """Give back what was not used, and write down what it cost. Never waits."""
        if self._costs or self._maybe_billed:
            decision.cost = total(self._costs, self._maybe_billed).to_json()
        if self._taken:
            spent = sum(one.micro_dollars for one in self._costs)
            changes = [
                change
                for rule, claims in self._taken
                for change in rule.changes(claims, self._tokens, spent)
            ]
            self.store.settle(self.name, changes)


def tokens_of(usage: Mapping[str, Any]) -> int:
    """All tokens of an answer, in and out."""
    get = usage.get
    read = get("input", 0) + get("cache_read", 0) + get("cache_write", 0)
    whole: int = read + get("output", 0) + get("reasoning", 0)
    return whole


def subject_of(by: Callable[..., Any] | None, seen: Mapping[str, JSON], scope: Scope) -> str:
    """Who shares a limit or a budget: what `by` gives for a request, as text. All requests for
    which it gives nothing share one."""
    if by is None:
        return ""
    value = by(seen, scope.headers, scope.metadata, scope.caller, scope.route, scope.time)
    if value is None or value is ABSENT:
        return ""
    text = f"={value}" if isinstance(value, str) else dumps(value).decode()
    if len(text) <= LONGEST_NAME:
        return text
    return f"#{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _over(
    taken: Sequence[tuple[LimitRule, list[Claim]]], index: int, wait: float | None
) -> RequestError:
    """The error for the limit that the claim of this place belongs to."""
    names = [rule.name for rule, claims in taken for _ in claims]
    name = names[index]
    if wait is None:
        message = f"the request is larger than the limit `{name}` ever allows"
        return RequestError("limit", message, status=400)
    when = f"try again in {math.ceil(wait)} s"
    return RequestError("limit", f"the limit `{name}` is used up: {when}", retry_after=wait)


def down(kind: Literal["limit", "budget"], error: StoreDownError) -> RequestError:
    """The error where nobody knows whether there is room left, and the rule is to refuse then."""
    message = f"the store of {kind}s cannot be asked ({error}): try again later"
    return RequestError(kind, message, status=503)
