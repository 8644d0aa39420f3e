"""Every node of a route file, and every text of a value, with their paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trunkline.config.models import NodeMap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.config.models import RouteFile
    from trunkline.config.source import Path

__all__ = ["node_maps", "texts"]


def node_maps(file: RouteFile) -> Iterator[tuple[Path, NodeMap]]:
    """The nodes that are written as mappings, in `targets` and `routes`, outer ones first."""
    for name, node in (file.targets or {}).items():
        yield from _below(node, ("targets", name))
    for index, route in enumerate(file.routes or ()):
        yield from _below(route.to, ("routes", index, "to"))


def _below(node: Any, path: Path) -> Iterator[tuple[Path, NodeMap]]:
    if isinstance(node, list):
        for index, member in enumerate(node):
            yield from _below(member, (*path, index))
    elif isinstance(node, NodeMap):
        yield path, node
        for kind in ("fallback", "balance"):
            group = getattr(node, kind)
            if group is not None:
                yield from _below(group.of, (*path, kind, "of"))
        for index, arm in enumerate(node.switch or ()):
            yield from _below(arm.to, (*path, "switch", index, "to"))


def texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text in plain values."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from texts(item, (*path, index))
