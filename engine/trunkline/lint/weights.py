"""TL407: a balance whose weights are all 0 can pick nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.config.models import MemberMap
from trunkline.diagnostics import Diagnostic
from trunkline.lint.walk import node_maps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.config.spec import Spec

__all__ = ["check"]


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Every balance of which no member can be picked."""
    for path, node in node_maps(spec.file):
        members = node.balance.of if node.balance is not None else ()
        if members and all(isinstance(m, MemberMap) and m.weight == 0 for m in members):
            yield Diagnostic(
                "TL407",
                "error",
                "the weights of this balance sum to 0, so nobody can be picked",
                spec.document.span((*path, "balance", "of")),
                "give at least one member a weight above 0",
            )
