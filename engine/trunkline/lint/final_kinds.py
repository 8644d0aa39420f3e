"""TL403: `on:` names a kind of error after which no other target is ever asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trunkline.diagnostics import Diagnostic
from trunkline.errors import FINAL_KINDS, KINDS
from trunkline.lint.walk import node_maps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.config.spec import Spec

__all__ = ["check"]

_MOVING: Final = [kind for kind in KINDS if kind not in FINAL_KINDS]


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Every such kind in every `on`."""
    for path, node in node_maps(spec.file):
        on = node.fallback.on if node.fallback is not None else None
        for index, kind in enumerate(on or ()):
            if kind in FINAL_KINDS:
                yield Diagnostic(
                    "TL403",
                    "error",
                    f"after `{kind}` no other target is ever asked",
                    spec.document.span((*path, "fallback", "on", index)),
                    "kinds that can move on: default, " + ", ".join(_MOVING),
                )
