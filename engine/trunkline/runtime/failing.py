"""How a call that failed is told to its caller."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from trunkline.errors import CallError, InternalError, RequestError, UpstreamError
from trunkline.graph import SkippedError, useful_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.compile import Plan, Route
    from trunkline.errors import ErrorKind
    from trunkline.graph import Call, Node
    from trunkline.ports import Decision

__all__ = ["all_out", "bug", "final_error", "mixed", "no_route", "wait_for_any"]

_WAITABLE: Final = frozenset({"rate_limited", "overloaded", "server_error", "connect", "timeout"})
"""Kinds after which the same request may well succeed a little later."""

_MONEY: Final = frozenset({"budget", "unpriced"})


def no_route(plan: Plan, model: str) -> RequestError:
    """For a model that no route is for."""
    near = plan.matcher.nearest(model)
    hint = f"; the nearest: {', '.join(near)}" if near else ""
    return RequestError("not_found", f"no route for the model `{model[:256]}`{hint}", status=404)


def mixed(route: Route) -> RequestError:
    """For embeddings by a route whose targets answer from several models."""
    models = " and from ".join(route.mixed)
    return RequestError(
        "unsupported",
        f"the route `{route.name}` can answer from {models}, whose vectors do not mix: embeddings "
        "need a route of their own, `match: {operation: embeddings, …}`, with one model",
    )


def all_out(error: SkippedError, call: Call) -> CallError:
    """For a request that nobody was asked: no target can carry it, or none is to be asked now."""
    reasons = "; ".join(f"{skip.target}: {skip.reason}" for skip in call.decision.skipped)
    if not call.excluded:
        message = f"no target can carry this request: {reasons}"
        return RequestError("unsupported", message, target=error.target)
    now = call.clock.monotonic()
    why = [one for _, one in call.excluded]
    waits = [one.until - now for one in why if one.until < math.inf]
    wait = max(0.0, min(waits)) if waits else None
    if all(one.reason == "unpriced" for one in why):
        leaves = ", ".join(dict.fromkeys(leaf for leaf, _ in call.excluded))
        message = f"a budget has to pay for {leaves}, and no price is known: give it one under "
        return RequestError("budget", f"{message}`prices:`, or say `unpriced: allow`", status=503)
    if all(one.reason in _MONEY for one in why):
        return RequestError("budget", f"the budget is used up: {reasons}", retry_after=wait)
    limited = all(one.rate_limit for one in why)
    kind: ErrorKind = "rate_limited" if limited else "overloaded"
    message = f"no target can be asked now: {reasons}"
    return UpstreamError(kind, message, target=error.target, retry_after=wait)


def wait_for_any(
    error: UpstreamError, node: Node, request: Mapping[str, Any], call: Call
) -> float | None:
    """Seconds until some target of the route can be asked again, for a failure that may pass; what
    the provider asked for, where nothing else is known."""
    if error.kind not in _WAITABLE or call.state.calm:
        return error.retry_after
    wait = useful_in(node, request, call)
    return error.retry_after if wait is None else wait


def final_error(error: CallError, decision: Decision) -> CallError:
    """The error as the caller gets it, with the record of how it came about."""
    error.decision = decision
    return error


def bug(error: Exception) -> InternalError:
    """What should not happen. The text of the exception may hold anything, so it stays inside."""
    return InternalError(f"an internal error ({type(error).__name__}); please report it")
