"""Embeddings and groups: vectors of different models do not mix.

A fallback or a balance that could answer from two models would fill one index with vectors that
cannot be compared. Models are the same where targets name them alike; what a provider calls a
model of that name (`models: {text-embedding-3-small: prod-embed}`) does not matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trunkline.graph import Switch, Target
from trunkline.policy.pattern import is_exact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trunkline.graph import Node

__all__ = ["mixed_models", "without_vectors"]

REQUESTED: Final = "the requested model"


def mixed_models(node: Node, patterns: Sequence[str]) -> tuple[str, ...]:
    """The models of the first group below a route's node that has more than one; sorted, and
    empty where there is none. Arms of a switch are apart: its author has divided them."""
    alone = patterns[0] if len(patterns) == 1 and is_exact(patterns[0]) else REQUESTED
    groups: list[frozenset[str]] = []
    _models(node, alone, groups)
    return tuple(sorted(groups[0])) if groups else ()


def _models(node: Node, requested: str, groups: list[frozenset[str]]) -> frozenset[str]:
    if isinstance(node, Target):
        return frozenset({node.model or requested})
    found = frozenset(
        model for child in node.children for model in _models(child, requested, groups)
    )
    if len(found) > 1 and not isinstance(node, Switch):
        groups.append(found)
    return found


def without_vectors(node: Node) -> Iterator[Target]:
    """The leaves below a node that no embeddings can be asked of."""
    if not isinstance(node, Target):
        for child in node.children:
            yield from without_vectors(child)
    elif "embeddings" not in node.others and not any(
        one.operation == "embeddings" for one in (*node.provider.dialects(), node.dialect) if one
    ):
        yield node
