"""Before the graph is walked: what the caller's limits must lend, and which budgets pay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trunkline.graph import gates, most_output, subject_of
from trunkline.policy.estimate import DEFAULT_OUTPUT, estimate_input

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.compile import Plan, Route
    from trunkline.graph import Call
    from trunkline.policy.limits import LimitRule

__all__ = ["admit"]


async def admit(request: Mapping[str, Any], call: Call, plan: Plan, route: Route) -> None:
    """Take from the limits that this caller and this route have, all of them or none, and note
    which budgets its attempts are paid from.

    Raises `RequestError` of kind `limit`.
    """
    seen, scope, account = call.seen, call.scope, call.account
    if plan.budgets:
        account.budgets = tuple((one.rule, subject_of(one.by, seen, scope)) for one in plan.budgets)
    limits: list[tuple[LimitRule, str]] = [
        (one.rule, subject_of(one.by, seen, scope))
        for one in plan.limits
        if not one.routes or route.name in one.routes
    ]
    if route.limits is not None:
        limits.append((route.limits, ""))
    if limits:
        rules = [rule for rule, _ in limits]
        await account.admit(limits, *_most(request, call, route, rules))


def _most(
    request: Mapping[str, Any], call: Call, route: Route, rules: list[LimitRule]
) -> tuple[int, int]:
    """Tokens and micro-dollars that the request may come to, at the first of its targets."""
    read = estimate_input(request)
    first = next(gates(route.to, request, call), None)
    if first is not None:
        return first.most(request, read, rules)
    asked = most_output(request)
    return read + (DEFAULT_OUTPUT if asked is None else asked), 0
