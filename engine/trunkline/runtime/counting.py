"""Where the counters of a plan are kept, once its references are resolved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.compile.policies import state_settings
from trunkline.config.references import UnresolvedError
from trunkline.diagnostics import Diagnostic
from trunkline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.compile import Plan
    from trunkline.policy.state_settings import StateSettings

__all__ = ["counted_at"]


def counted_at(plan: Plan, environ: Mapping[str, str]) -> StateSettings:
    """The settings of a plan's store. Raises `ConfigError` for what is not set, or is not of the
    form that it should have."""
    folder = Path(plan.document.name).parent
    try:
        return state_settings(plan.spec.file.state, environ, folder)
    except (UnresolvedError, ValueError) as error:
        span = plan.document.span(("state",))
        raise ConfigError([Diagnostic("TL310", "error", str(error), span)]) from error
