"""TL602: a budget of a day or more whose sums are lost when the process ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.diagnostics import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.config.spec import Spec

__all__ = ["check"]


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Every long budget, where counters are kept in memory."""
    if spec.file.state not in (None, "memory"):
        return
    for index, budget in enumerate(spec.file.budgets or ()):
        if budget.window != "hour":
            yield Diagnostic(
                "TL602",
                "warning",
                f"what was spent of `{budget.name}` is forgotten at every restart, and each "
                "process counts for itself",
                spec.document.span(("budgets", index, "window")),
                "write `state: {file: state.db}` for one machine, or `state: {redis: …}` for many",
            )
