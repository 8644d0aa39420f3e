"""TL490, as a hint: a route file's tests are read and not run yet.

They change nothing about what the file does, so it works with them; but nobody should take
their silence for success.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.diagnostics import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.config.spec import Spec

__all__ = ["check"]


def check(spec: Spec) -> Iterator[Diagnostic]:
    """The section, once."""
    if spec.file.tests:
        yield Diagnostic(
            "TL490",
            "hint",
            "these tests are read, but this version does not run them yet",
            spec.document.key_span(("tests",)),
            "`explain` shows where a request would go",
        )
