"""What models cost: as the route file says, else as a list of public prices has it.

The list is genai-prices (https://github.com/pydantic/genai-prices), from the extra `prices`. It
comes with the package, so nothing is fetched; and it is imported when a price is first looked up
in it, because that takes a good part of a second.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from trunkline.price import Price, Rates, Tier, dearest, per_million

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trunkline.config.models import Price as PriceModel
    from trunkline.config.models import RouteFile

__all__ = ["LISTED", "Prices"]

LISTED: Final = {
    "anthropic": "anthropic",
    "azure-openai": "azure",
    "bedrock": "aws",
    "bedrock-mantle": "aws",
    "cerebras": "cerebras",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "fireworks": "fireworks",
    "gemini": "google",
    "groq": "groq",
    "mistral": "mistral",
    "openai": "openai",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "together": "together",
    "vertex": "google",
    "vertex-express": "google",
    "xai": "x-ai",
    "zai": "zai",
}
"""What the list calls the providers of the catalogue; it has none of the others."""

_COUNTERS: Final = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "reasoning": "output_reasoning_mtok",
}
"""Our counters, as the list calls their prices in US dollars for a million tokens."""

_KNOWN: Final = 4_096
"""Leaves whose price is remembered; a provider's models may be named by callers."""


class Prices:
    """The prices of one plan, as they are on the day it is loaded.

    A price in a model's own entry counts first, then the longest name under `prices` that fits,
    then the list. Simulated providers are not in the list, for nobody is billed for them; where
    a route file gives them prices, they have these.
    """

    def __init__(
        self,
        entries: Mapping[str, Price],
        named: Mapping[str, Price],
        asked: Mapping[str, str],
        at: datetime,
    ) -> None:
        """`entries` are prices by leaf id, `named` those under `prices`, where a name may end in
        `*`; `asked` is what callers call a leaf; `at` is when the list's prices must hold."""
        self._entries = entries
        self._named = named
        self._patterns = sorted(
            ((name[:-1], price) for name, price in named.items() if name.endswith("*")),
            key=lambda one: -len(one[0]),
        )
        self._asked = asked
        self._at = at
        self._known: dict[tuple[str, str], Price | None] = {}
        self._list: _List | None = None
        self._installed = True

    @classmethod
    def load(cls, file: RouteFile, at: datetime | None = None) -> Prices:
        """The prices that a route file gives, before the list for all others. Imports nothing.

        `at` is the moment for which the list is read; without it, now.
        """
        entries: dict[str, Price] = {}
        asked: dict[str, str] = {}
        for provider, entry in (file.providers or {}).items():
            for name, model in (entry.models or {}).items():
                upstream = getattr(model, "as_", model) or name
                leaf = f"{provider}/{upstream}"
                asked[leaf] = name
                price = getattr(model, "price", None)
                if price is not None:
                    source = f"providers.{provider}.models.{name}.price"
                    entries[leaf] = _said(price, source)
        named = {name: _said(p, f"prices.{name}") for name, p in (file.prices or {}).items()}
        return cls(entries, named, asked, at or datetime.now(UTC))

    def of(self, provider_type: str, upstream_model: str, leaf: str) -> Price | None:
        """The price of a leaf (`provider/upstream-model`), whose provider is of this row of the
        catalogue; None where nobody knows it. What was looked up is remembered."""
        key = (provider_type, leaf)
        if key in self._known:
            return self._known[key]
        price = self._said(leaf) or self._listed(provider_type, upstream_model, leaf)
        if len(self._known) >= _KNOWN:
            del self._known[next(iter(self._known))]
        self._known[key] = price
        return price

    def warm(self, provider_types: Iterable[str]) -> None:
        """Read the list now, if any of these providers may be in it: that takes a while."""
        for name in provider_types:
            if name in LISTED:
                self._listed(name, "", "")
                return

    def why_not(self, provider_type: str, leaf: str) -> str:
        """Why `of` has no price for a leaf, and what to do, in a sentence for people."""
        entry = f"write `prices: {{{leaf}: {{input: …, output: …}}}}`"
        if provider_type in LISTED and not self._installed:
            return f"no price list is installed: `pip install 'trunkline[prices]'`, or {entry}"
        if provider_type in LISTED:
            return f"the price list does not know `{leaf}`: {entry}"
        return f"the price list has no prices of this provider: {entry}"

    def _said(self, leaf: str) -> Price | None:
        said = self._entries.get(leaf) or self._named.get(leaf)
        if said is not None:
            return said
        return next((price for start, price in self._patterns if leaf.startswith(start)), None)

    def _listed(self, provider_type: str, upstream: str, leaf: str) -> Price | None:
        """The list's price, by the upstream's own name or, for a name that only its owner knows,
        such as a deployment's, by the name that callers ask for."""
        listed = LISTED.get(provider_type)
        if listed is None or not self._installed:
            return None
        if self._list is None:
            try:
                self._list = _List()
            except ImportError:
                self._installed = False
                return None
        found = self._list.find(listed, upstream, self._at)
        asked = self._asked.get(leaf, upstream)
        if found is None and asked != upstream:
            found = self._list.find(listed, asked, self._at, exact=False)
        return found


class _List:
    """genai-prices. Raises `ImportError` where it is not installed."""

    def __init__(self) -> None:
        from genai_prices.data_snapshot import get_snapshot

        self._providers = get_snapshot().providers
        self._name = f"genai-prices {version('genai-prices')}"

    def find(self, provider: str, model: str, at: datetime, *, exact: bool = True) -> Price | None:
        """The price of a model at a provider of the list; `exact` is whether it was asked for by
        its own name."""
        there = next((one for one in self._providers if one.id == provider), None)
        found = there and there.find_model(model, all_providers=self._providers)
        if there is None or found is None:
            return None
        home = next((p for p in self._providers if any(m is found for m in p.models)), there)
        same = exact and model.lower() in _names(found)
        source = f"{self._name}: {home.id}/{found.id}"
        price: Price | None = None
        for one in _all_day(found, at):
            part = _price(one, source, same, free=found.id.endswith(":free"))
            price = part if price is None or part is None else dearest(price, part)
        return price


def _said(said: PriceModel, source: str) -> Price:
    """A price that a route file gives. What it leaves out of input and output costs nothing."""
    known = {
        name: per_million(dollars)
        for name in _COUNTERS
        if (dollars := getattr(said, name)) is not None
    }
    return Price(Rates.of({"input": 0, **known}), source)


def _names(model: Any) -> set[str]:
    """All that the list itself says is the same model, in lower case."""
    names = {model.id.lower()}
    left = [model.match]
    while left:
        clause = left.pop()
        left.extend(getattr(clause, "or_", ()))
        if hasattr(clause, "equals"):
            names.add(clause.equals.lower())
    return names


def _all_day(model: Any, at: datetime) -> Iterator[Any]:
    """The list's prices of a model on one day. Some providers are cheaper by night; since a price
    is looked up once, the dearest of the day counts."""
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    seen: list[Any] = []
    for half_hour in range(48 if isinstance(model.prices, list) else 1):
        price = model.get_prices(day + timedelta(minutes=30 * half_hour))
        if not any(price is one for one in seen):
            seen.append(price)
            yield price


def _price(listed: Any, source: str, exact: bool, *, free: bool) -> Price | None:
    """A price of the list in our form; None where it has none for tokens."""
    said = {name: getattr(listed, key, None) for name, key in _COUNTERS.items()}
    values = {name: value for name, value in said.items() if value is not None}
    if "input" not in values:
        return Price(Rates.of({"input": 0}), source, exact) if free and not values else None
    starts = sorted({tier.start for value in values.values() for tier in _tiers(value)})
    return Price(
        _rates(values, -1),
        source,
        exact,
        tuple(Tier(start, _rates(values, start)) for start in starts),
        per_million(getattr(listed, "requests_kcount", None) or 0) * 1_000,
    )


def _rates(values: Mapping[str, Any], start: int) -> Rates:
    """The rates of the tier that begins above `start`; -1 is the lowest."""
    known = {}
    for name, value in values.items():
        at = getattr(value, "base", value)
        for tier in _tiers(value):
            at = tier.price if tier.start <= start else at
        known[name] = per_million(at)
    return Rates.of(known)


def _tiers(value: Any) -> list[Any]:
    """The tiers of a price, lowest first; a plain one has none."""
    return getattr(value, "tiers", [])
