"""What can be known of a tree without running it: what is surely there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.template import ir

if TYPE_CHECKING:
    from collections.abc import Container

__all__ = ["never_absent", "optional"]


def never_absent(node: ir.Node) -> bool:
    """Whether a node surely gives a value, and as an expression."""
    if isinstance(node, ir.Raw):
        return True
    if isinstance(node, ir.Leaf):
        return _sure(node.expr)
    if isinstance(node, ir.Sequence):
        return all(never_absent(item) for item in node.items)
    if isinstance(node, ir.Mapping):
        return all(
            isinstance(entry, ir.Entry) and entry.when_empty == "keep" and never_absent(entry.node)
            for entry in node.entries
        )
    return False


def optional(node: ir.Mapping, known: Container[str]) -> int:
    """How many fields of a mapping may be missing; many if it is not made of fields alone."""
    count = 0
    for entry in node.entries:
        if isinstance(entry, ir.Spread):
            return 99
        if entry.key in known:
            continue
        if entry.when_empty != "keep":
            return 99
        if never_absent(entry.node):
            continue
        if isinstance(entry.node, ir.Mapping):
            count += optional(entry.node, ())
        elif isinstance(entry.node, ir.Leaf) and isinstance(entry.node.expr, ir.Path):
            count += 1
        else:
            return 99
    return count


def _sure(expr: ir.Expr) -> bool:
    if isinstance(expr, (ir.Const, ir.Not, ir.Compare, ir.Is, ir.ListOf, ir.DictOf)):
        return True
    if isinstance(expr, ir.Path):
        constant = expr.binding.kind in ("table", "const")
        return constant or (not expr.keys and not expr.binding.maybe_absent)
    if isinstance(expr, ir.Logic):
        return _sure(expr.items[-1]) if expr.word == "or" else all(map(_sure, expr.items))
    if isinstance(expr, ir.Choose):
        return expr.other is not None and _sure(expr.then) and _sure(expr.other)
    if isinstance(expr, ir.Apply) and expr.filter.inline:
        return expr.filter.name == "required" or _sure(expr.arguments[1])
    return False
