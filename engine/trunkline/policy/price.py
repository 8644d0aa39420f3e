"""What a request costs: its usage at its price.

Sums are exact in pico-dollars. They are rounded once, up to a whole micro-dollar, for each
answer: never for each token or counter. So a budget is never charged less than the provider's
price, and at most one micro-dollar more for each answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trunkline.price import PICO, Price, Rates, Tier

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Cost", "Price", "Rates", "Tier", "cost", "total", "worst"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What was paid, in micro-dollars (1e-6 USD).

    `estimated` tells that the tokens were counted by us. `price_source` says where the price is
    from; several, when attempts were made at several prices. `parts` is what each counter cost,
    in pico-dollars (1e-12 USD), `request` among them where each request has a price.
    `maybe_billed`, in micro-dollars, is not in the sum: what attempts that failed may have cost
    all the same.
    """

    micro_dollars: int
    estimated: bool
    price_source: str
    parts: Mapping[str, int]
    maybe_billed: int = 0

    @property
    def dollars(self) -> float:
        """The sum in US dollars."""
        return self.micro_dollars / 1e6

    def to_json(self) -> dict[str, Any]:
        """The cost as plain JSON. `parts` are in US dollars, and not rounded."""
        return {
            "dollars": self.dollars,
            "micro_dollars": self.micro_dollars,
            "estimated": self.estimated,
            "price_source": self.price_source,
            "parts": {name: pico / 1e12 for name, pico in self.parts.items()},
            "maybe_billed": self.maybe_billed,
        }


def cost(usage: Mapping[str, Any], price: Price) -> Cost:
    """What an answer costs. `usage` has the counters of `trunkline.chat.Usage`; a counter that
    is missing is 0, and one that a provider reports as 0 costs nothing. What a provider reports
    below 0 gives nothing back."""
    get = usage.get
    read, written, hour = get("cache_read", 0), get("cache_write", 0), get("cache_write_1h", 0)
    rates = price.at(get("input", 0) + read + written) if price.tiers else price.rates
    hour = min(hour, written)
    said = (
        ("input", get("input", 0) * rates.input),
        ("cache_read", read * rates.cache_read),
        ("cache_write", (written - hour) * rates.cache_write),
        ("cache_write_1h", hour * rates.cache_write_1h),
        ("output", get("output", 0) * rates.output),
        ("reasoning", get("reasoning", 0) * rates.reasoning),
        ("request", price.request),
    )
    parts = {name: pico for name, pico in said if pico > 0}
    estimated = bool(get("estimated", False))
    return Cost(_micro(sum(parts.values())), estimated, price.source, parts)


def total(costs: Iterable[Cost], maybe_billed: int = 0) -> Cost:
    """What several attempts of one request cost together. It is estimated if any of them is."""
    micro, estimated = 0, False
    sources: dict[str, None] = {}
    parts: dict[str, int] = {}
    for one in costs:
        micro += one.micro_dollars
        estimated = estimated or one.estimated
        maybe_billed += one.maybe_billed
        sources[one.price_source] = None
        for name, pico in one.parts.items():
            parts[name] = parts.get(name, 0) + pico
    return Cost(micro, estimated, ", ".join(sources), parts, maybe_billed)


def worst(price: Price, input_estimate: int, max_output: int | None, default_output: int) -> int:
    """Micro-dollars to reserve before a request: all its input at the dearest of what input may
    cost, read or written, and as many output tokens as it may have (`default_output` where the
    request does not limit them), as answer or as thoughts, whichever is dearer."""
    rates = price.at(input_estimate)
    dearest = max(rates.input, rates.cache_read, rates.cache_write, rates.cache_write_1h)
    output = default_output if max_output is None else max_output
    pico = input_estimate * dearest + output * max(rates.output, rates.reasoning) + price.request
    return _micro(pico)


def _micro(pico: int) -> int:
    """Whole micro-dollars, rounded up."""
    return -(-pico // PICO)
