"""What makes answers below a node differ, beside the request: for caches."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from trunkline.graph import Switch, Target
from trunkline.template import Template

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trunkline.graph import Node
    from trunkline.graph.overlay import Overlay

__all__ = ["marked", "open_below", "read_below"]

_ROOTS: Final = ("headers", "metadata", "caller", "time")
"""What may differ for one request. What a route and its providers are called may not."""


def read_below(node: Node) -> tuple[tuple[str, tuple[str, ...] | None], ...]:
    """What the overlays and the conditions below read of each root; None for all of it."""
    templates = list(_templates(node))
    found: dict[str, set[str] | None] = {}
    for template in templates:
        for root in _ROOTS:
            fields = template.reads(root)
            known = found.setdefault(root, set())
            if fields is None or known is None:
                found[root] = None
            else:
                known.update(fields)
    return tuple(
        (root, None if names is None else tuple(sorted(names)))
        for root, names in found.items()
        if names is None or names
    )


def open_below(node: Node) -> bool:
    """Whether the requested model tells what is asked below."""
    if isinstance(node, Target):
        return node.model is None or "*" in node.model
    return any(map(open_below, node.children))


def marked(node: Node, leaves: Sequence[str], key: str | None) -> str:
    """What stands for the targets below, what is laid over requests to them and back, and what
    makes two requests the same: where it changes, nothing that was kept is the same."""
    text = [*leaves, key or ""]
    text += [template.source for template in _templates(node)]
    return blake2b("\0".join(text).encode(), digest_size=12).hexdigest()


def _templates(node: Node) -> Iterator[Template]:
    """The overlays and the conditions below, each once."""
    seen: dict[int, Template] = {}
    for found in _all(node):
        if isinstance(found, Template):
            seen.setdefault(id(found), found)
    return iter(seen.values())


def _all(node: Node) -> Iterator[Any]:
    if isinstance(node, Switch):
        for arm in node.arms:
            yield arm.when
    if isinstance(node, Target):
        for settings in (node.settings, *node.by_model.values()):
            overlays: list[Overlay | None] = [*settings.requests, *settings.replies]
            for wire in settings.wires:
                overlays += [wire.headers, wire.query, wire.body]
            for overlay in overlays:
                yield None if overlay is None else overlay.render
    for child in node.children:
        yield from _all(child)
