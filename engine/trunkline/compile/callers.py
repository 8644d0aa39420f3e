"""What callers may take: the limits and budgets of a route file, with who shares them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.compile.policies import budget_rule, limit_rule
from trunkline.graph import CallerBudget, CallerLimit

if TYPE_CHECKING:
    from trunkline.compile.overlays import Overlays
    from trunkline.config.models import RouteFile

__all__ = ["caller_budgets", "caller_limits"]


def caller_limits(file: RouteFile, overlays: Overlays) -> tuple[CallerLimit, ...]:
    """The entries of `limits`."""
    found = []
    for index, model in enumerate(file.limits or ()):
        rule = limit_rule(model.name, model, caller=True)
        by = overlays.condition(("limits", index, "by"))
        if rule is not None:
            found.append(CallerLimit(rule, by, frozenset(model.routes or ())))
    return tuple(found)


def caller_budgets(file: RouteFile, overlays: Overlays) -> tuple[CallerBudget, ...]:
    """The entries of `budgets`."""
    found = []
    for index, model in enumerate(file.budgets or ()):
        rule = budget_rule(model)
        by = None if model.by is None else overlays.condition(("budgets", index, "by"))
        if rule is not None:
            found.append(CallerBudget(rule, by))
    return tuple(found)
