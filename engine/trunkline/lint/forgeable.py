"""TL704: a limit or a budget that goes by what callers say of themselves.

Whoever writes another header or other metadata into each request has a new limit each time.
`trust: client` says that callers are trusted with that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trunkline.diagnostics import Diagnostic
from trunkline.template import Library

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trunkline.config.models import Budget, Limit
    from trunkline.config.source import Path
    from trunkline.config.spec import Spec

__all__ = ["check"]

_ROOTS: Final = ("request", "headers", "metadata", "caller", "route", "time")
_FORGEABLE: Final = ("metadata", "headers", "request")


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Every `by` that reads what a request says, without `trust`."""
    library = Library(spec.document)
    limits: Sequence[Limit | Budget] = spec.file.limits or ()
    budgets: Sequence[Limit | Budget] = spec.file.budgets or ()
    for section, entries in (("limits", limits), ("budgets", budgets)):
        for index, entry in enumerate(entries):
            path: Path = (section, index, "by")
            if entry.by is None or entry.trust is not None:
                continue
            expression = library.compile_expression(path, _ROOTS, report=[])
            said = [root for root in _FORGEABLE if expression.reads(root) != frozenset()]
            if said:
                yield Diagnostic(
                    "TL704",
                    "error",
                    f"`{said[0]}` is what callers say of themselves: with another value in each "
                    f"request nobody is ever over `{entry.name}`",
                    spec.document.span(path),
                    "go by `caller.…`, or add `trust: client` where callers are trusted",
                )
