"""TL703: a credential that reads like another tool's reference to a variable, and is sent as it
stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trunkline.auth import CLOUD_SECRETS
from trunkline.config.models import SIMULATED
from trunkline.diagnostics import Diagnostic
from trunkline.lint.walk import texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.config.spec import Spec

__all__ = ["check"]

_SECRETS: Final = frozenset({"api_key", *CLOUD_SECRETS})

_MEANT: Final = (
    r"\$\(?([A-Za-z_]\w*)\)?",
    r"%([A-Za-z_]\w*)%",
    r"\$?\{\{\s*(?:\w+[.:])*([A-Za-z_]\w*)\s*\}\}",
    r"(?:env[:./]|os\.environ[./]|process\.env\.|secret:)([A-Za-z_]\w*)",
    r"os\.environ\[['\"](\w+)['\"]\]",
    r"([A-Z][A-Z0-9]*_(?:[A-Z0-9]+_)*(?:KEY|TOKEN|SECRET|PASSWORD))",
)
"""Of shells, of templates and CI, of other gateways, and a name alone."""


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Every such text."""
    for path, text in texts(spec.document.value.get("providers"), ("providers",)):
        if path[-1] not in _SECRETS or spec.document.get((*path[:2], "type")) == SIMULATED:
            continue
        found = next((m for one in _MEANT if (m := re.fullmatch(one, text.strip()))), None)
        if found is not None:
            yield Diagnostic(
                "TL703",
                "warning",
                "this is no reference here: it is sent as it stands",
                spec.document.span(path),
                f'write `{path[-1]}: "${{env:{found[1]}}}"`',
            )
