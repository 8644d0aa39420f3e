"""TL601: a budget over a model whose price nobody knows.

A budget counts what each answer costs; an answer without a price would be free. Looked at are the
models that targets name; what callers name is looked up when they ask for it. The list of prices
is asked only where a budget needs it, because reading it takes a while.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.catalog import rows
from trunkline.catalog.prices import Prices
from trunkline.config.models import SIMULATED
from trunkline.config.references import Reference
from trunkline.diagnostics import Diagnostic
from trunkline.lint.walk import route_leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.config.spec import Spec
    from trunkline.lint.walk import Leaf

__all__ = ["check"]


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Every target without a price below a route, if a budget wants to know it."""
    file = spec.file
    strict = [i for i, one in enumerate(file.budgets or ()) if one.unpriced is None]
    if not strict:
        return
    prices = Prices.load(file)
    budget = ("budgets", strict[0], "name")
    name = spec.document.get(budget)
    seen: set[str] = set()
    for index in range(len(file.routes or ())):
        for leaf in route_leaves(file, index):
            asked = _asked(spec, leaf)
            if asked is None or asked[1] in seen:
                continue
            kind, full = asked
            seen.add(full)
            if prices.of(kind, full.partition("/")[2], full) is None:
                yield Diagnostic(
                    "TL601",
                    "error",
                    f"`{full}` has no price, so the budget `{name}` cannot count what it costs",
                    spec.document.span(leaf.path),
                    f"{prices.why_not(kind, full)}; or let it through: `unpriced: allow`",
                    ((spec.document.span(budget), "the budget"),),
                )


def _asked(spec: Spec, leaf: Leaf) -> tuple[str, str] | None:
    """The type of a leaf's provider and the leaf's id; None where the model is not known yet, or
    nobody is billed for it."""
    provider = (spec.file.providers or {}).get(leaf.provider)
    if provider is None or not leaf.model or "*" in leaf.model or provider.type == SIMULATED:
        return None
    entry = (provider.models or {}).get(leaf.model, leaf.model)
    upstream = entry if isinstance(entry, str | Reference) else entry.as_ or leaf.model
    if isinstance(upstream, Reference):
        return None
    named = provider.type or leaf.provider
    kind = named if named in rows.providers() else ""
    return kind, f"{leaf.provider}/{upstream}"
