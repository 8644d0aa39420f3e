"""Rules about what a route file means, one a file; each gives diagnostics and never raises.

A rule is a function `check(spec) -> Iterator[Diagnostic]`; `RULES` lists them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trunkline.lint import (
    clear_secrets,
    final_kinds,
    forgeable,
    health_checks,
    late_tiers,
    limited_routes,
    other_references,
    plain_http,
    resuming,
    same_targets,
    shared_cache,
    total_time,
    unfit,
    unperformed,
    unpriced,
    unused_numbers,
    volatile_budgets,
    waiting,
    weights,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trunkline.config.spec import Spec
    from trunkline.diagnostics import Diagnostic

__all__ = ["RULES", "check"]

RULES: Final[tuple[Callable[[Spec], Iterable[Diagnostic]], ...]] = (
    unperformed.check,
    waiting.check,
    final_kinds.check,
    weights.check,
    total_time.check,
    clear_secrets.check,
    plain_http.check,
    other_references.check,
    limited_routes.check,
    health_checks.check,
    unused_numbers.check,
    same_targets.check,
    unpriced.check,
    volatile_budgets.check,
    unfit.check,
    late_tiers.check,
    resuming.check,
    forgeable.check,
    shared_cache.check,
)


def check(spec: Spec) -> list[Diagnostic]:
    """What every rule finds."""
    return [finding for rule in RULES for finding in rule(spec)]
