"""TL604: a fallback whose last members are never asked, because waiting for the first ones takes
all the time that a request has.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from trunkline.config.models import NodeMap
from trunkline.diagnostics import Diagnostic
from trunkline.lint.walk import MOST_LEVELS, MOST_NODES, children
from trunkline.ports import Timeouts as BuiltIn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.config.models import Fallback, RouteFile, Timeouts
    from trunkline.config.source import Path
    from trunkline.config.spec import Spec

__all__ = ["check"]

_FIRST: Final = ("first_byte", "first_token")


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Every route whose members may wait for longer than the route."""
    defaults = spec.file.defaults.timeouts if spec.file.defaults is not None else None
    for index, route in enumerate(spec.file.routes or ()):
        total, place = _total(spec, index)
        waiting = _Waiting(spec.file, defaults)
        tiers, seconds = waiting.of(route.to, (route.timeouts,))
        if waiting.whole and tiers > 1 and seconds > total:
            related = () if place is None else ((spec.document.span(place), "the request's time"),)
            yield Diagnostic(
                "TL604",
                "warning",
                f"if nobody answers, the first bytes of {tiers} targets in turn take "
                f"{_shown(seconds)}, and the whole request has {_shown(total)}",
                spec.document.key_span(("routes", index, "to")),
                "lower `first_byte` or `first_token`, raise `total`, or take members out",
                related,
            )


def _total(spec: Spec, index: int) -> tuple[float, Path | None]:
    """The time of a route's requests, and where it is said."""
    for path in (("routes", index), ("defaults",)):
        at: Path = (*path, "timeouts", "total")
        if spec.document.get(at) is not None:
            owner = spec.file.defaults if path == ("defaults",) else (spec.file.routes or [])[index]
            assert owner is not None
            assert owner.timeouts is not None
            return owner.timeouts.total or 0.0, at
    return BuiltIn().total or math.inf, None


class _Waiting:
    """How many targets are asked in turn at most, and for how long nothing may come of them;
    `whole` unless the graph is too large to look through."""

    def __init__(self, file: RouteFile, defaults: Timeouts | None) -> None:
        self.file = file
        self.defaults = defaults
        self.left = MOST_NODES
        self.whole = True

    def of(
        self,
        node: Any,
        said: tuple[Timeouts | None, ...],
        within: tuple[str, ...] = (),
        level: int = 0,
    ) -> tuple[int, float]:
        self.left -= 1
        if self.left < 0 or level >= MOST_LEVELS:
            self.whole = False
            return 0, 0.0
        if isinstance(node, NodeMap):
            said = (*said, node.timeouts)
            node = node.target or node
        if isinstance(node, str):
            return self._text(node, said, within, level)
        below = [self.of(child, said, within, level + 1) for _, child in children(node, ())]
        if isinstance(node, list) or _waits(node.fallback):
            return sum(tiers for tiers, _ in below), sum(seconds for _, seconds in below)
        if node.mirror is not None:
            below = below[:1]
        return max(below, key=lambda one: one[1], default=(0, 0.0))

    def _text(
        self, text: str, said: tuple[Timeouts | None, ...], within: tuple[str, ...], level: int
    ) -> tuple[int, float]:
        targets = self.file.targets or {}
        if text in within:
            return 0, 0.0
        if text in targets:
            return self.of(targets[text], said, (*within, text), level + 1)
        name, _, model = text.partition("/")
        provider = (self.file.providers or {}).get(name)
        if provider is None:
            return 0, 0.0
        entry = (provider.models or {}).get(model)
        layers = (self.defaults, provider.timeouts, getattr(entry, "timeouts", None), *said)
        return 1, min(_time(key, layers) for key in _FIRST)


def _waits(fallback: Fallback | None) -> bool:
    """Whether another member is asked when one has let its time pass."""
    on = fallback.on if fallback is not None else ()
    return on is None or bool({"default", "timeout"}.intersection(on))


def _time(name: str, layers: tuple[Any, ...]) -> float:
    """The last of the layers that says it counts; what waits for an environment counts as 0."""
    for layer in reversed(layers):
        value = getattr(layer, name, None)
        if value is not None:
            return value if isinstance(value, float) else 0.0
    builtin = getattr(BuiltIn(), name)
    return math.inf if builtin is None else float(builtin)


def _shown(seconds: float) -> str:
    return "for ever" if seconds == math.inf else f"{seconds:g}s"
