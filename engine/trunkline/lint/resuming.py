"""TL605: an answer that is to go on elsewhere, where no target can go on with one.

To resume, another target is given the answer so far as the beginning of its own, which only models
with the capability `prefill` take. It is never assumed: whoever knows it writes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trunkline.catalog import rows
from trunkline.diagnostics import Diagnostic
from trunkline.lint.walk import leaves, node_maps

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from trunkline.config.source import Path
    from trunkline.config.spec import Spec
    from trunkline.lint.walk import Leaf

__all__ = ["check"]


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Every `on_interrupt: resume` below which no target has the capability."""
    file = spec.file
    routes = [(("routes", index), route.to) for index, route in enumerate(file.routes or ())]
    places: list[tuple[Path, Any]] = [(("defaults",), [to for _, to in routes])]
    places += routes
    places += node_maps(file)
    for path, node in places:
        at: Path = (*path, "streaming", "on_interrupt")
        if spec.document.get(at) != "resume":
            continue
        if any("prefill" in _capabilities(spec, leaf) for leaf in leaves(file, node, path)):
            continue
        yield Diagnostic(
            "TL605",
            "warning",
            "no target here is known to go on with an answer that has begun",
            spec.document.span(at),
            "write `capabilities: [prefill, …]` at a model that can, or `on_interrupt: restart`",
        )


def _capabilities(spec: Spec, leaf: Leaf) -> Collection[str]:
    """What is said of a target: by itself, else of its model, else of its provider."""
    own = getattr(leaf.settings[-1][1], "capabilities", None) if leaf.settings else None
    provider = (spec.file.providers or {}).get(leaf.provider)
    if own is not None or provider is None:
        return own or ()
    entry = (provider.models or {}).get(leaf.model)
    said = getattr(entry, "capabilities", None) or provider.capabilities
    kind = provider.type or leaf.provider
    if said is None and kind in rows.providers():
        said = rows.provider(kind).get("capabilities")
    return said or ()
