"""Prices: what a token of each counter costs, as whole pico-dollars.

A price list speaks of US dollars for a million tokens. One dollar for a million tokens is a
million pico-dollars (1e-12 USD) for one token, so six decimals of a list's price are exact as
integers, and so is every sum. What a price says in still smaller parts is rounded up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PICO", "Price", "Rates", "Tier", "dearest", "per_million"]

PICO: Final = 1_000_000
"""Pico-dollars in a micro-dollar."""


def per_million(dollars: Decimal | float | int | str) -> int:
    """Pico-dollars a token, of US dollars for a million tokens, rounded up to a whole one.

    A float is taken as it is written (0.1 is a tenth). Raises `ValueError` for what is no amount:
    below zero, or not finite.
    """
    amount = Decimal(str(dollars)) if isinstance(dollars, float) else Decimal(dollars)
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"{dollars} is no price")
    return int((amount * PICO).to_integral_value(ROUND_CEILING))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Pico-dollars for a token of each counter of `trunkline.chat.Usage`."""

    input: int
    output: int
    cache_read: int
    cache_write: int
    cache_write_1h: int
    reasoning: int

    @classmethod
    def of(cls, known: Mapping[str, int]) -> Rates:
        """Rates from those that are known, `input` among them. Without a price of their own,
        cached tokens cost what input costs, an hour in the cache what any write costs, thoughts
        what output costs, and output, which embeddings have none of, nothing."""
        fresh = known["input"]
        written = known.get("cache_write", fresh)
        output = known.get("output", 0)
        return cls(
            input=fresh,
            output=output,
            cache_read=known.get("cache_read", fresh),
            cache_write=written,
            cache_write_1h=known.get("cache_write_1h", written),
            reasoning=known.get("reasoning", output),
        )


@dataclass(frozen=True, slots=True)
class Tier:
    """Rates for all tokens of a request whose whole input is above `above` tokens."""

    above: int
    rates: Rates


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs: `rates`, or those of the last of `tiers` (by `above`, ascending) that a
    request reaches, and `request` pico-dollars for each request.

    `source` says where the price is from. `exact` is false where a list was asked for one name
    and answered for another that only resembles it.
    """

    rates: Rates
    source: str
    exact: bool = True
    tiers: tuple[Tier, ...] = ()
    request: int = 0

    def at(self, whole_input: int) -> Rates:
        """The rates for a request of so many input tokens, cached ones included."""
        rates = self.rates
        for tier in self.tiers:
            if whole_input <= tier.above:
                break
            rates = tier.rates
        return rates


def dearest(first: Price, second: Price) -> Price:
    """The dearer of two prices, rate by rate, called as the first is."""
    starts = sorted({tier.above for price in (first, second) for tier in price.tiers})
    return replace(
        first,
        rates=_dearer(first.rates, second.rates),
        tiers=tuple(Tier(at, _dearer(first.at(at + 1), second.at(at + 1))) for at in starts),
        request=max(first.request, second.request),
    )


def _dearer(first: Rates, second: Rates) -> Rates:
    return Rates(
        **{name: max(getattr(first, name), getattr(second, name)) for name in Rates.__slots__}
    )
