"""TL308: a health check that has nothing to ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.catalog import rows
from trunkline.diagnostics import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.config.spec import Spec

__all__ = ["check"]


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Every health check without `path` and `model`, where no row says where models are listed."""
    for name, provider in (spec.file.providers or {}).items():
        health = getattr(provider, "health_check", None)
        if health is None or health.path is not None or health.model is not None:
            continue
        kind = provider.type or name
        known = kind in rows.providers()
        if (known and "models_path" in rows.provider(kind)) or (provider.type and not known):
            continue
        yield Diagnostic(
            "TL308",
            "error",
            f"nobody knows where `{name}` lists its models",
            spec.document.key_span(("providers", name, "health_check")),
            "say what to fetch (`path: /…`) or whom to ask (`model: …`)",
        )
