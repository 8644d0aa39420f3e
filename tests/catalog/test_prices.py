"""Prices come from the route file first, and from the list of public ones for all else."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from trunkline.catalog import rows
from trunkline.catalog.prices import LISTED, Prices
from trunkline.config.models import RouteFile
from trunkline.policy.price import cost

if TYPE_CHECKING:
    from trunkline.price import Price

DAY = datetime(2025, 9, 1, 20, tzinfo=UTC)


def prices(at: datetime = DAY, **sections: Any) -> Prices:
    return Prices.load(RouteFile.model_validate({"version": 1, **sections}), at)


def known(price: Price | None) -> Price:
    assert price is not None
    return price


def micro(price: Price | None, **usage: int) -> int:
    return cost(usage, known(price)).micro_dollars


def test_the_list_prices_cached_tokens_and_says_what_it_matched() -> None:
    price = known(prices().of("openai", "gpt-4o", "openai/gpt-4o"))
    usage = {"input": 1_000_000, "cache_read": 1_000_000, "output": 1_000_000}
    assert micro(price, **usage) == 2_500_000 + 1_250_000 + 10_000_000
    assert price.source.startswith("genai-prices ")
    assert price.source.endswith(": openai/gpt-4o")
    assert price.exact


def test_the_list_agrees_with_itself() -> None:
    """Our sums are those that genai-prices makes of the same usage, tiers and all."""
    from genai_prices import Usage, calc_price

    for provider, listed, model, whole in (
        ("openai", "openai", "gpt-4o-mini", 12_345),
        ("anthropic", "anthropic", "claude-sonnet-4-5", 199_999),
        ("anthropic", "anthropic", "claude-sonnet-4-5", 200_001),
        ("gemini", "google", "gemini-2.5-pro", 300_000),
        ("bedrock", "aws", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", 9_999),
        ("xai", "x-ai", "grok-4", 9_999),
        ("perplexity", "perplexity", "sonar", 1_077),
    ):
        price = prices().of(provider, model, f"p/{model}")
        said = Usage(input_tokens=whole, cache_read_tokens=999, output_tokens=4_321)
        theirs = calc_price(said, model, provider_id=listed, genai_request_timestamp=DAY)
        ours = micro(price, input=whole - 999, cache_read=999, output=4_321)
        assert ours - 1 < theirs.total_price * 1_000_000 <= ours, model


def test_a_name_that_only_resembles_a_listed_one_is_not_exact() -> None:
    dated = known(prices().of("anthropic", "claude-sonnet-4-5-20250929", "a/c"))
    assert not dated.exact
    assert dated.source.endswith(": anthropic/claude-sonnet-4-5")
    assert known(prices().of("openai", "gpt-4o-2024-08-06", "o/g")).exact


def test_a_name_is_asked_for_at_whoever_makes_the_model_too() -> None:
    price = known(prices().of("azure-openai", "claude-sonnet-4-5", "azure/claude-sonnet-4-5"))
    assert price.source.endswith(": anthropic/claude-sonnet-4-5")


def test_a_deployment_has_the_price_of_the_model_that_callers_ask_for() -> None:
    providers = {"azure": {"type": "azure-openai", "models": {"gpt-4o": "prod-chat"}}}
    price = known(prices(providers=providers).of("azure-openai", "prod-chat", "azure/prod-chat"))
    assert price.source.endswith("/gpt-4o")
    assert not price.exact


def test_where_a_provider_is_cheaper_by_night_the_dearest_of_the_day_counts() -> None:
    for hour in (0, 3, 12, 20):
        at = datetime(2025, 6, 1, hour, 15, tzinfo=UTC)
        price = prices(at).of("deepseek", "deepseek-chat", "deepseek/deepseek-chat")
        assert micro(price, input=1_000_000) == 270_000
        assert micro(price, output=1_000_000) == 1_100_000


def test_a_price_that_changed_is_that_of_the_day() -> None:
    def o3(at: datetime) -> int:
        return micro(prices(at).of("openai", "o3", "openai/o3"), input=1_000_000)

    before, after = datetime(2025, 6, 9, tzinfo=UTC), datetime(2025, 6, 11, tzinfo=UTC)
    assert (o3(before), o3(after)) == (10_000_000, 2_000_000)


@pytest.mark.parametrize(
    ("row", "model"),
    [
        ("openai", "no-such-model"),
        ("openai", "whisper-1"),
        ("openai-compatible", "gpt-4o"),
        ("simulated", "gpt-4o"),
        ("no-such-row", "gpt-4o"),
    ],
)
def test_what_nobody_prices_has_no_price_and_says_what_to_write(row: str, model: str) -> None:
    asked = prices()
    assert asked.of(row, model, f"p/{model}") is None
    assert f"`prices: {{p/{model}: {{input: …, output: …}}}}`" in asked.why_not(row, f"p/{model}")
    assert "install" not in asked.why_not(row, f"p/{model}")


def test_a_models_own_price_counts_before_the_longest_name_before_the_list() -> None:
    providers = {
        "openai": {"models": {"mine": {"as": "ft-7", "price": {"input": 1, "output": 2}}}},
    }
    named = {
        "openai/*": {"input": 5},
        "openai/ft-*": {"input": 6},
        "openai/gpt-4o": {"input": 7},
        "other/*": {"input": 8},
    }
    asked = prices(providers=providers, prices=named)

    def of(model: str) -> tuple[int, str]:
        price = known(asked.of("openai", model, f"openai/{model}"))
        return micro(price, input=1), price.source

    assert of("ft-7") == (1, "providers.openai.models.mine.price")
    assert of("ft-8") == (6, "prices.openai/ft-*")
    assert of("gpt-4o") == (7, "prices.openai/gpt-4o")
    assert of("gpt-4o-mini") == (5, "prices.openai/*")


def test_simulated_providers_have_the_prices_that_a_route_file_gives_them() -> None:
    providers = {"sim": {"type": "simulated", "as": "openai"}}
    asked = prices(providers=providers, prices={"sim/*": {"input": 2.5, "output": 10}})
    assert micro(asked.of("simulated", "gpt-4o", "sim/gpt-4o"), output=1_000) == 10_000


def test_a_price_of_nothing_is_a_price() -> None:
    asked = prices(prices={"ollama/*": {"input": 0, "output": 0}})
    assert micro(asked.of("ollama", "llama3", "ollama/llama3"), input=10**6) == 0


def test_without_the_list_a_route_files_prices_hold_and_the_rest_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    monkeypatch.setitem(sys.modules, "genai_prices.data_snapshot", None)
    asked = prices(prices={"openai/gpt-4o": {"input": 1}})
    assert micro(asked.of("openai", "gpt-4o", "openai/gpt-4o"), input=9) == 9
    assert asked.of("openai", "gpt-4o-mini", "openai/gpt-4o-mini") is None
    assert "pip install 'trunkline[prices]'" in asked.why_not("openai", "openai/gpt-4o-mini")


def test_the_list_is_imported_when_it_is_asked_and_not_before() -> None:
    script = (
        "import sys\n"
        "from trunkline.catalog.prices import Prices\n"
        "from trunkline.config.models import RouteFile\n"
        "given = {'version': 1, 'prices': {'openai/gpt-4o': {'input': 1}}}\n"
        "prices = Prices.load(RouteFile.model_validate(given))\n"
        "assert prices.of('openai', 'gpt-4o', 'openai/gpt-4o')\n"
        "assert not prices.of('simulated', 'm', 's/m')\n"
        "assert 'genai_prices' not in sys.modules\n"
        "assert prices.of('openai', 'o3', 'openai/o3')\n"
        "assert 'genai_prices' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_names_that_callers_make_up_are_not_remembered_without_end() -> None:
    asked = prices()
    for number in range(5_000):
        assert asked.of("simulated", f"m{number}", f"s/m{number}") is None
    assert len(asked._known) == 4_096


def test_every_provider_that_the_list_is_asked_for_is_in_the_catalogue_and_in_the_list() -> None:
    from genai_prices.data_snapshot import get_snapshot

    assert set(LISTED) <= set(rows.providers())
    assert set(LISTED.values()) <= {provider.id for provider in get_snapshot().providers}


def test_every_model_of_the_list_can_be_looked_up() -> None:
    """Each is priced, or has no price for tokens; no form of price breaks the reading."""
    from genai_prices.data_snapshot import get_snapshot

    asked = prices(datetime(2026, 1, 1, tzinfo=UTC))
    listed = {name: row for row, name in LISTED.items()}
    found: list[Any] = [
        (model, asked.of(listed[provider.id], model.id, f"p/{model.id}"))
        for provider in get_snapshot().providers
        if provider.id in listed
        for model in provider.models
    ]
    priced = [price for _, price in found if price is not None]
    assert len(priced) > 0.9 * len(found)
