"""When a route can be taken again, looked up over all targets that it leads to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from trunkline.errors import CallError
from trunkline.graph.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trunkline.graph.gate import Gate
    from trunkline.graph.node import Call, Node

__all__ = ["gates", "soonest", "useful_in"]

_NOT_OF_HEALTH: Final = frozenset({"limit", "budget", "unpriced", "throttled"})


def soonest(call: Call) -> str:
    """Of the targets that were not asked because of their health, the one whose time is over
    first; empty if there is none."""
    found = [
        (one.until, leaf)
        for leaf, one in call.excluded
        if one.reason not in _NOT_OF_HEALTH and one.until < math.inf
    ]
    return min(found)[1] if found else ""


def useful_in(node: Node, request: Mapping[str, Any], call: Call) -> float | None:
    """Seconds until some target below can be asked; None if one can be asked now, or none is
    known ever to be."""
    times = [gate.opens_at() for gate in gates(node, request, call)]
    now = call.clock.monotonic()
    first = min(times, default=now)
    return None if first <= now or first == math.inf else first - now


def gates(node: Node, request: Mapping[str, Any], call: Call) -> Iterator[Gate]:
    """Those of the targets below a node, in order, as far as they can be asked such a thing."""
    for child in node.children:
        yield from gates(child, request, call)
    if isinstance(node, Target):
        try:
            gate = node.gate(request, call)
        except CallError:
            return
        if gate is not None:
            yield gate
