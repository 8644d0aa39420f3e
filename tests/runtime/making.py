"""Engines on simulated providers, which answer over real loopback HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trunkline.runtime import Engine
    from trunkline.simulator import Simulated

__all__ = ["HELLO", "providers_of", "simulated"]

HELLO: list[dict[str, Any]] = [{"role": "user", "content": "hello"}]


def simulated(settings: str = "", to: str = "sim", more: str = "") -> str:
    """A route file with the simulated provider `sim`, for every model."""
    extra = f", {settings}" if settings else ""
    return f"""
version: 1
providers:
  sim: {{type: simulated, as: openai{extra}}}
  spare: {{type: simulated, as: anthropic}}
routes:
  - name: all
    match: "*"
    to: {to}
{more}"""


def providers_of(engine: Engine) -> dict[str, Simulated]:
    """The simulated providers of an engine's present plan, by name."""
    generation = engine._generation
    assert generation is not None
    running = [thing for thing in generation._owned if hasattr(thing, "seen")]
    return {one.settings.provider: one for one in running}  # type: ignore[attr-defined]
