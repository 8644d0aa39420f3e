"""What outlives a request and a plan: health, latency and counters, keyed by ids that a reload
does not change."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, TypeVar

from trunkline.policy.adaptive import AdaptiveLimit
from trunkline.policy.estimate import Estimates
from trunkline.policy.headroom import Headrooms
from trunkline.policy.health import Event, Health
from trunkline.policy.latency import PeakEwma, Quantiles
from trunkline.policy.retry_budget import RetryBudget
from trunkline.policy.throttle import AdaptiveThrottle

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.ports import Random

__all__ = ["State"]

T = TypeVar("T")

_LOG = logging.getLogger("trunkline.health")
_LOG.addHandler(logging.NullHandler())


class Timing:
    """Seconds to the first content at one leaf: as a moving average, and in quantiles."""

    __slots__ = ("average", "quantiles")

    def __init__(self) -> None:
        self.average = PeakEwma()
        self.quantiles = Quantiles()

    def observe(self, seconds: float, now: float) -> None:
        """An answer began after so long."""
        self.average.observe(seconds, now)
        self.quantiles.observe(seconds, now)


class State:
    """One engine's memory.

    `in_flight` counts the sends that are under way to each leaf id. `keep` holds what a node
    remembers between requests, such as the place of a round robin, under the node's id. `alert`
    is told what changed in the health of a target, once; `told` are the credentials whose
    providers say what is left of their limits.
    """

    __slots__ = (
        "_alert",
        "_kept",
        "_low",
        "_tight",
        "_timings",
        "estimates",
        "headrooms",
        "health",
        "in_flight",
        "told",
    )

    def __init__(
        self,
        chance: Random,
        now: Callable[[], float],
        alert: Callable[[Event], None] | None = None,
    ) -> None:
        """`now` is the monotonic clock."""
        self.in_flight: dict[str, int] = {}
        self.health = Health(chance)
        self.headrooms = Headrooms()
        self.estimates = Estimates()
        self._alert = alert or (lambda event: _LOG.warning("%s", event.words(now())))
        self.told: set[str] = set()
        self._kept: dict[str, tuple[object, object]] = {}
        self._timings: dict[str, Timing] = {}
        self._low: dict[str, float] = {}
        self._tight = 0.0

    def alert(self, event: Event) -> None:
        """Tell whoever wants to know. A request does not fail because that fails."""
        try:
            self._alert(event)
        except Exception as error:
            _LOG.error("an alert could not be given: %s", type(error).__name__)

    def budget_low(self, name: str, start: float, until: float) -> None:
        """A budget is nearly used up, for somebody: told once in the window that began at
        `start`. `until` is its end on the monotonic clock."""
        if self._low.get(name, -math.inf) < start:
            self._low[name] = start
            self.alert(Event("budget_low", name, until))

    @property
    def calm(self) -> bool:
        """Whether nothing at all is wrong, so that nobody need look closer."""
        return self.health.calm and not self._tight

    def tighten(self, key: tuple[str, str], now: float) -> None:
        """What is left of a provider's own limit may have come to an end."""
        until = self.headrooms.until(key, 1, now)
        if until is not None:
            self._tight = max(self._tight, until)

    def left_until(self, key: tuple[str, str], now: float) -> float | None:
        """When a provider's own limit has room again, None if it has some now."""
        if not self._tight:
            return None
        if now >= self._tight:
            self._tight = 0.0
            return None
        return self.headrooms.until(key, 1, now)

    def keep(self, node: str, shape: object, make: Callable[[], T]) -> T:
        """What `node` keeps; made anew when there is none or when its `shape` has changed.

        `shape` is whatever the memory depends on, such as the weights of a balance.
        """
        kept = self._kept.get(node)
        if kept is None or kept[0] != shape:
            kept = self._kept[node] = (shape, make())
        return kept[1]  # type: ignore[return-value]  # `make` gave it, for this node

    def retries(self, key: str, share: float, reserve: float) -> RetryBudget:
        """The retry budget of a target."""
        return self.keep(f"retry {key}", (share, reserve), lambda: RetryBudget(share, reserve))

    def throttle(self, key: str) -> AdaptiveThrottle:
        """How often a target has refused of late."""
        return self.keep(f"throttle {key}", None, AdaptiveThrottle)

    def adaptive(self, key: str) -> AdaptiveLimit:
        """How many sends at once a target can take."""
        return self.keep(f"adaptive {key}", None, AdaptiveLimit)

    def timing(self, leaf: str) -> Timing:
        """How long a leaf takes to its first content."""
        known = self._timings.get(leaf)
        if known is None:
            known = self._timings[leaf] = Timing()
        return known

    def begin(self, leaf: str) -> None:
        """A send to this leaf is under way."""
        self.in_flight[leaf] = self.in_flight.get(leaf, 0) + 1

    def end(self, leaf: str) -> None:
        """A send to this leaf has ended, however it ended."""
        left = self.in_flight.get(leaf, 0) - 1
        if left > 0:
            self.in_flight[leaf] = left
        else:
            self.in_flight.pop(leaf, None)
