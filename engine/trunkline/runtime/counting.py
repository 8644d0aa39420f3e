"""Where the counters of a plan are kept, once its references are resolved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.compile.policies import state_settings
from trunkline.config.references import UnresolvedError
from trunkline.diagnostics import Diagnostic
from trunkline.errors import ConfigError
from trunkline.state import open_store
from trunkline.store import StoreDownError, StoreSetupError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.compile import Plan
    from trunkline.policy.state_settings import StateSettings
    from trunkline.ports import Clock
    from trunkline.store import Store

__all__ = ["counted_at", "open_counters"]


def counted_at(plan: Plan, environ: Mapping[str, str]) -> StateSettings:
    """The settings of a plan's store. Raises `ConfigError` for what is not set, or is not of the
    form that it should have."""
    folder = Path(plan.document.name).parent
    try:
        return state_settings(plan.spec.file.state, environ, folder)
    except (UnresolvedError, ValueError) as error:
        raise _unusable(plan, error) from error


async def open_counters(plan: Plan, settings: StateSettings, clock: Clock) -> Store:
    """The store that the settings ask for. Raises `ConfigError` where it cannot be used, or must
    answer and does not."""
    try:
        return await open_store(settings, clock)
    except (StoreSetupError, StoreDownError) as error:
        raise _unusable(plan, error) from error


def _unusable(plan: Plan, error: Exception) -> ConfigError:
    span = plan.document.span(("state",))
    return ConfigError([Diagnostic("TL310", "error", str(error), span)])
