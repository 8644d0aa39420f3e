"""Money for each request: what it costs to say what a request costs.

`python -m tests.benchmarks.prices` prints the best of several rounds, in microseconds a call, and
how long the first look at the price list takes, in milliseconds.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from trunkline.catalog.prices import Prices
from trunkline.config.models import RouteFile
from trunkline.policy.estimate import Estimates, estimate_input
from trunkline.policy.price import cost, worst

if TYPE_CHECKING:
    from collections.abc import Callable

USAGE = {"input": 1_000, "output": 500, "cache_read": 100, "reasoning": 10}
SMALL = {"messages": [{"role": "user", "content": "hello there, how are you today?"}]}
LARGE = {"messages": [{"role": "user", "content": "wörd " * 20_000}]}


def best(work: Callable[[], Any], calls: int = 5_000, rounds: int = 5) -> float:
    """Microseconds a call."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        for _ in range(calls):
            work()
        times.append((time.perf_counter() - begun) / calls)
    return min(times) * 1e6


def main() -> None:
    """Print them."""
    prices = Prices.load(RouteFile.model_validate({"version": 1}))
    begun = time.perf_counter()
    plain = prices.of("openai", "gpt-4o", "openai/gpt-4o")
    print(f"the first price      {(time.perf_counter() - begun) * 1e3:8.0f} ms")
    tiered = prices.of("anthropic", "claude-sonnet-4-5", "anthropic/claude-sonnet-4-5")
    assert plain is not None
    assert tiered is not None
    estimates = Estimates()
    work: dict[str, Callable[[], Any]] = {
        "a price again": lambda: prices.of("openai", "gpt-4o", "openai/gpt-4o"),
        "cost": lambda: cost(USAGE, plain),
        "cost, with tiers": lambda: cost(USAGE, tiered),
        "worst": lambda: worst(tiered, 1_000, None, 1_024),
        "estimate": lambda: estimate_input(SMALL),
        "estimate 120 kB": lambda: estimate_input(LARGE),
        "learn": lambda: estimates.learn("t", USAGE, asked=900, shown=400),
    }
    for name, one in work.items():
        print(f"{name:20} {best(one):9.2f} µs")


if __name__ == "__main__":
    main()
