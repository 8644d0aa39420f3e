"""TL413: a second request that could only go where the first one went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trunkline.diagnostics import Diagnostic
from trunkline.lint.walk import leaves, node_maps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.config.source import Path
    from trunkline.config.spec import Spec

__all__ = ["check"]


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Every hedge over one target, and every mirror of a target to itself."""
    for path, node in node_maps(spec.file):
        if node.hedge is not None:
            at: Path = (*path, "hedge", "of")
            found = _targets(spec, node.hedge.of, at)
            if len(found) == 1:
                message = (
                    f"a second request goes to another target, and here is only {_said(found)}"
                )
                hint = "write a group: `hedge: {of: [provider/model, other/model]}`"
                yield Diagnostic("TL413", "error", message, spec.document.span(at), hint)
        if node.mirror is not None:
            at = (*path, "mirror", "to")
            found = _targets(spec, node.mirror.to, at)
            if len(found) == 1 and found == _targets(spec, node.mirror.of, (*path, "mirror", "of")):
                message = f"{_said(found)} answers these requests already"
                hint = "send the copies to another target"
                yield Diagnostic("TL413", "error", message, spec.document.span(at), hint)


def _targets(spec: Spec, node: Any, path: Path) -> set[tuple[str, str]]:
    return {(leaf.provider, leaf.model) for leaf in leaves(spec.file, node, path)}


def _said(found: set[tuple[str, str]]) -> str:
    return "".join(f"`{'/'.join(filter(None, one))}`" for one in found)
