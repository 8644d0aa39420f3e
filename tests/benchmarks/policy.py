"""What health and picking cost an attempt: `python -m tests.benchmarks.policy`.

Printed are the least of some rounds, in microseconds of CPU time: a send's `begin` and `end` and
the check before it, while all is calm and while a target elsewhere is ejected, and a pick by each
strategy among two and ten members.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from trunkline.policy.breaker import BreakerRules
from trunkline.policy.health import Health, Site
from trunkline.policy.outcome import SUCCESS, classify
from trunkline.policy.pick import STRATEGIES, strategy

if TYPE_CHECKING:
    from collections.abc import Callable

RULES = BreakerRules()
SITES = [Site(f"p/{n}@chat", "https://p", "p#0", f"p/{n}", RULES) for n in range(10)]
BROKEN = classify("server_error", 500, "head", None)


class View:
    """Members that differ a little, all at their full share."""

    key = "somebody"
    ramping = False

    def load(self, index: int) -> int:
        """A few."""
        return index & 1

    def latency(self, index: int) -> float | None:
        """Around a second."""
        return 1.0 + index / 10

    def cost(self, index: int) -> float:
        """Whatever."""
        return float(index)

    def share(self, index: int) -> float:
        """Everything."""
        return 1.0


def microseconds(act: Callable[[float], object], count: int = 20_000, rounds: int = 5) -> float:
    """CPU time of one call, which is given a time that moves on; the least of some rounds."""
    least, now = float("inf"), 0.0
    for _ in range(rounds):
        begun = time.process_time()
        for _ in range(count):
            now += 1e-4
            act(now)
        least = min(least, (time.process_time() - begun) / count * 1e6)
    return least


def calm() -> Health:
    """A register in which all is well."""
    health = Health(random.Random(1))
    for site in SITES:
        health.end(health.begin(site, 0.0), SUCCESS, 0.0)
    return health


def troubled() -> Health:
    """One in which the last target is ejected, for good."""
    health = calm()
    site = Site(
        SITES[-1].breaker,
        "https://p",
        "p#0",
        "p/9",
        BreakerRules(consecutive=5, base=1e9, most=1e9),
    )
    for _ in range(5):
        health.end(health.begin(site, 0.0), BROKEN, 0.0)
    return health


def attempt(health: Health) -> Callable[[float], object]:
    """What one send costs, as a caller does it."""
    site = SITES[0]

    def act(now: float) -> object:
        if not health.calm and health.excluded(site, now) is not None:
            raise AssertionError
        return health.end(health.begin(site, now), SUCCESS, now)

    return act


def main() -> None:
    """Print all figures."""
    print(f"{'a send, all calm':40}{microseconds(attempt(calm())):8.2f} µs")
    print(f"{'a send, one target ejected':40}{microseconds(attempt(troubled())):8.2f} µs")
    chance, view = random.Random(1), View()
    for by in STRATEGIES:
        for size in (2, 10):
            chosen = strategy(by, (1,) * size, [site.leaf for site in SITES[:size]])
            taken = microseconds(lambda _, s=chosen: s.pick((), view, chance))  # type: ignore[misc]
            print(f"{f'pick, {by}, {size} members':40}{taken:8.2f} µs")


if __name__ == "__main__":
    main()
