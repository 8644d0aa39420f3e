"""TL410: `total` inside a route; it is the time of a whole request, which only a route has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.diagnostics import Diagnostic
from trunkline.lint.walk import node_maps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.config.spec import Spec

__all__ = ["check"]


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Every node that sets it."""
    for path, node in node_maps(spec.file):
        if node.timeouts is not None and node.timeouts.total is not None:
            yield Diagnostic(
                "TL410",
                "error",
                "`total` is the time of a whole request, which a node inside a route does not have",
                spec.document.key_span((*path, "timeouts", "total")),
                "write it under the route's `timeouts` or `defaults`; `attempt` limits one send",
            )
