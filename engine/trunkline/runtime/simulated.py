"""Simulated providers of a plan: from what a route file says to the simulator's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trunkline.compile.providers import fault_condition
from trunkline.config.models import SimulatedProvider
from trunkline.config.models.words import duration
from trunkline.config.references import Join, Reference
from trunkline.simulator import Fault, Settings, Simulated, start

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.compile import Plan
    from trunkline.config.models import Fault as FaultModel
    from trunkline.graph import Provider

    Look = Callable[[str | Reference | Join], str]

__all__ = ["start_simulated"]


async def start_simulated(plan: Plan, provider: Provider, look: Look) -> Simulated:
    """Start it at a free port of this machine. `look` resolves references; what it raises for
    one that has no value is passed on."""
    model = (plan.spec.file.providers or {})[provider.name]
    assert isinstance(model, SimulatedProvider)
    said: dict[str, Any] = {
        "latency": _seconds(model.latency, look),
        "chunk_delay": _seconds(model.chunk_delay, look),
    }
    quirks = provider.settings.get("quirks") or {}
    said["tells_usage"] = quirks.get("stream_usage") is False
    if model.chunk is not None:
        said["chunk"] = model.chunk
    if model.seed is not None:
        said["seed"] = model.seed
    if model.reply is not None:
        said["reply"] = look(model.reply)
    doors = {id(d.door): d.door for d in provider.dialects() if d.door is not None}
    faults = tuple(
        _fault(plan, provider.name, index, fault) for index, fault in enumerate(model.faults or ())
    )
    settings = Settings(provider=provider.name, doors=list(doors.values()), faults=faults, **said)
    return await start(settings)


def _fault(plan: Plan, name: str, index: int, model: FaultModel) -> Fault:
    when = None if model.when is None else fault_condition(plan.document, name, index)
    return Fault(
        on=tuple(model.on or ()),
        every=model.every,
        when=when,
        delay=model.delay or 0.0,
        status=model.status,
        body=model.body,
        message=model.message or "",
        headers=tuple((model.headers or {}).items()),
        retry_after=model.retry_after,
        stall_after=0 if model.stall else model.stall_after,
        cut_after=model.cut_after,
        end_after=model.end_after,
        reset_after=model.reset_after,
        malformed_after=model.malformed_after,
        error_after=model.error_after,
    )


def _seconds(value: float | Reference | Join | None, look: Look) -> float:
    if value is None:
        return 0.0
    if isinstance(value, Reference | Join):
        return duration(look(value))
    return value
