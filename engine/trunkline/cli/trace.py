"""The decision record of one call, as a small tree that a person reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trunkline.graph import Balance, Cache, Fallback, Hedge, Mirror, Switch, Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trunkline.compile import Plan
    from trunkline.graph import Node, Reply
    from trunkline.ports import Attempt, Decision

__all__ = ["trace"]

MOST_LINES: Final = 40
"""Lines of the tree that are shown; what is below is counted."""


def trace(decision: Decision, plan: Plan, reply: Reply | None = None) -> list[str]:
    """Lines: the route and why, its nodes with their shares, what was tried, skipped and left
    out, and the tokens of the reply."""
    route = next((route for route in plan.routes if route.name == decision.route), None)
    if route is None:
        return [f"{decision.model or 'the request'} → no route"]
    names = {node.id: name for name, node in plan.targets.items()}
    walk = _walk(route.to, decision, names, "", ())
    tree = [_branch(line, depth) for line, depth in walk]
    left = len(tree) - MOST_LINES
    lines = [
        f"{decision.model} → {decision.route}, because of {decision.why}",
        *tree[:MOST_LINES],
        *([f"   … and {left:,} more"] if left > 0 else []),
    ]
    lines += [_attempt(number, one) for number, one in enumerate(decision.attempts, 1)]
    lines += [f"   skipped {skip.target}: {skip.reason}" for skip in decision.skipped]
    lines += [f"   left out for {dropped}" for dropped in decision.dropped]
    return [*lines, *_tokens(reply)]


def _walk(
    node: Node,
    decision: Decision,
    names: Mapping[str, str],
    share: str,
    depth: tuple[bool, ...],
) -> Iterator[tuple[str, tuple[bool, ...]]]:
    """Each node below with its share, and for each level whether it is the last one there."""
    yield f"{share}{_label(node, decision, names)}", depth
    below = (*node.children, node.to) if isinstance(node, Mirror) else node.children
    shares = _shares(node)
    last = len(below) - 1
    for index, child in enumerate(below):
        yield from _walk(child, decision, names, shares[index], (*depth, index == last))


def _branch(text: str, depth: tuple[bool, ...]) -> str:
    rails = "".join("   " if last else "│  " for last in depth[:-1])
    corner = "└─ " if not depth or depth[-1] else "├─ "
    return f"{'   ' if depth else ''}{rails}{corner}{text}"


def _label(node: Node, decision: Decision, names: Mapping[str, str]) -> str:
    if isinstance(node, Target):
        tried = [
            str(number)
            for number, attempt in enumerate(decision.attempts, 1)
            if _is_of(node, attempt)
        ]
        return f"{node.leaf}  ← {', '.join(tried)}" if tried else node.leaf
    kind = type(node).__name__.lower()
    if isinstance(node, Balance):
        kind = f"balance ({node.by})"
    own = getattr(node, "name", "")
    label = f"{kind} {own or names.get(node.id, '')}".rstrip()
    if isinstance(node, Hedge | Cache | Mirror):
        told = (said for at, said in decision.picks if at == (own or node.id))
        label = "  ← ".join([label, *told])
    return label


def _is_of(node: Target, attempt: Attempt) -> bool:
    if node.binding is not None:
        return node.leaf == attempt.target
    return attempt.target.partition("/")[0] == node.provider.name


def _shares(node: Node) -> list[str]:
    """What stands before each child: its share of a weighted balance, its rank in a fallback,
    its condition in a switch."""
    count = len(node.children)
    if isinstance(node, Balance) and node.by == "weighted":
        whole = sum(node.weights) or 1
        return [f"{100 * weight / whole:3.0f} %  " for weight in node.weights]
    if isinstance(node, Switch):
        return [f"{arm.text or 'otherwise'}  " for arm in node.arms]
    if isinstance(node, Fallback):
        return ["first  ", *["then   "] * (count - 1)]
    if isinstance(node, Mirror):
        return ["answers  ", f"copies {100 * node.sample:.3g} %  "]
    return [""] * count


def _attempt(number: int, attempt: Attempt) -> str:
    status = "" if attempt.status is None else f" {attempt.status}"
    said = ""
    if attempt.message:
        words = " ".join(attempt.message.split())
        said = f": {words}" if len(words) <= 200 else f": {words[:199].rstrip()}…"
    first = ""
    if attempt.first_content is not None:
        first = f", first text after {_ms(attempt.first_content - attempt.started)}"
    key = f" by key {attempt.credential}" if attempt.credential else ""
    return (
        f"{number}. {attempt.target}{key}{status} {attempt.outcome or 'under way'}{said}"
        f" ({_ms(attempt.seconds)}{first})"
    )


def _ms(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 10 else f"{seconds * 1000:.0f} ms"


def _tokens(reply: Reply | None) -> list[str]:
    usage = None if reply is None else reply.usage
    if reply is None or not usage:
        return []
    cost = reply.cost
    read = usage.get("input", 0) + usage.get("cache_read", 0) + usage.get("cache_write", 0)
    written = usage.get("output", 0) + usage.get("reasoning", 0)
    paid = f", ${cost.dollars:.6g}" if cost is not None else ""
    return [f"   {read:,} tokens in, {written:,} out{paid}"]
