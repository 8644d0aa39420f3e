"""TL490: the language has it, this version does not perform it.

Rather than be ignored, such a key is an error, once for each place where it is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.config.spec import unperformed
from trunkline.diagnostics import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.config.spec import Spec

__all__ = ["check"]


def check(spec: Spec) -> Iterator[Diagnostic]:
    """What is written but not performed."""
    for path, word in unperformed(spec.file):
        yield Diagnostic(
            "TL490",
            "error",
            f"`{word}` is part of the language, but this version does not perform it yet",
            spec.document.key_span(path),
            "take it out, or wait for a later version",
        )
