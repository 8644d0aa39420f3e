"""TL316: a limit for a route that is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.diagnostics import Diagnostic, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.config.spec import Spec

__all__ = ["check"]


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Every name under a limit's `routes` that no route has."""
    known = [route.name for route in spec.file.routes or () if route.name is not None]
    for index, limit in enumerate(spec.file.limits or ()):
        for at, name in enumerate(limit.routes or ()):
            if name not in known:
                near = did_you_mean(name, known)
                yield Diagnostic(
                    "TL316",
                    "error",
                    f"no route is called `{name}`" + (f"; did you mean `{near}`?" if near else ""),
                    spec.document.span(("limits", index, "routes", at)),
                    f"routes with a name: {', '.join(known) or 'none'}",
                )
