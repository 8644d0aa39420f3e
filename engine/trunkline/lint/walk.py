"""Every node of a route file, every target that one leads to, and every text of a value, with
their paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trunkline.config.models import NodeMap, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.config.models import RouteFile
    from trunkline.config.source import Path

__all__ = [
    "MOST_LEVELS",
    "MOST_NODES",
    "Leaf",
    "children",
    "leaves",
    "node_maps",
    "route_leaves",
    "texts",
]

MOST_NODES: Final = 10_000
"""Looked at below one node; named targets can lead to one another very many times over."""

MOST_LEVELS: Final = 64
"""Nodes within nodes, as for the compiler, which says where there are more."""


def node_maps(file: RouteFile) -> Iterator[tuple[Path, NodeMap]]:
    """The nodes that are written as mappings, in `targets` and `routes`, outer ones first."""
    for name, node in (file.targets or {}).items():
        yield from _below(node, ("targets", name))
    for index, route in enumerate(file.routes or ()):
        yield from _below(route.to, ("routes", index, "to"))


def _below(node: Any, path: Path) -> Iterator[tuple[Path, NodeMap]]:
    if isinstance(node, NodeMap):
        yield path, node
    for at, child in children(node, path):
        yield from _below(child, at)


def children(node: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """What is written below a node, itself left out; a named target has nothing there."""
    if isinstance(node, list):
        for index, member in enumerate(node):
            yield (*path, index), member
    if not isinstance(node, NodeMap):
        return
    for kind in ("fallback", "balance"):
        group = getattr(node, kind)
        for index, member in enumerate(group.of if group is not None else ()):
            yield (*path, kind, "of", index), member
    for index, arm in enumerate(node.switch or ()):
        yield (*path, "switch", index, "to"), arm.to
    for kind in ("hedge", "cache", "mirror"):
        one = getattr(node, kind)
        if one is not None:
            yield (*path, kind, "of"), one.of
    if node.mirror is not None:
        yield (*path, "mirror", "to"), node.mirror.to


@dataclass(frozen=True, slots=True)
class Leaf:
    """A target as it is written at `path`: a provider and a model, which is empty where the
    requested one is asked for. `settings` are those around it, the outermost first."""

    provider: str
    model: str
    path: Path
    settings: tuple[tuple[Path, Settings], ...] = ()


def route_leaves(file: RouteFile, index: int) -> Iterator[Leaf]:
    """The targets that a route leads to; see `leaves`."""
    routes = file.routes or []
    path: Path = ("routes", index)
    yield from leaves(file, routes[index].to, (*path, "to"), ((path, routes[index]),))


def leaves(
    file: RouteFile, node: Any, path: Path, settings: tuple[tuple[Path, Settings], ...] = ()
) -> Iterator[Leaf]:
    """The targets that a node leads to, named ones followed, each as often as there are ways to
    it. Circles and too large graphs, which the compiler refuses, are left off."""
    yield from _Walk(file).leaves(node, path, settings, ())


class _Walk:
    def __init__(self, file: RouteFile) -> None:
        self.file = file
        self.left = MOST_NODES

    def leaves(
        self,
        node: Any,
        path: Path,
        settings: tuple[tuple[Path, Settings], ...],
        within: tuple[str, ...],
        level: int = 0,
    ) -> Iterator[Leaf]:
        self.left -= 1
        if self.left < 0 or level >= MOST_LEVELS:
            return
        if isinstance(node, NodeMap):
            settings = (*settings, (path, node))
            if node.target is not None:
                node, path = node.target, (*path, "target")
        if isinstance(node, str):
            targets = self.file.targets or {}
            if node in targets and node not in within:
                at: Path = ("targets", node)
                yield from self.leaves(targets[node], at, settings, (*within, node), level + 1)
            elif node not in targets:
                provider, _, model = node.partition("/")
                yield Leaf(provider, model, path, settings)
            return
        for at, child in children(node, path):
            yield from self.leaves(child, at, settings, within, level + 1)


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
