"""TL705, as a hint: a cache that shows callers what others were answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.diagnostics import Diagnostic
from trunkline.lint.walk import node_maps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.config.spec import Spec

__all__ = ["check"]


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Every cache with `shared: true`."""
    for path, node in node_maps(spec.file):
        if node.cache is not None and node.cache.shared:
            yield Diagnostic(
                "TL705",
                "hint",
                "callers see answers that were given to others",
                spec.document.key_span((*path, "cache", "shared")),
                "leave it out where answers may hold what not everybody should know",
            )
