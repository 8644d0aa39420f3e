"""Money is exact: sums in pico-dollars, rounded up once for an answer, never for a token."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.policy.price import Cost, Price, Rates, Tier, cost, total, worst
from trunkline.price import dearest, per_million

COUNTERS = ("input", "output", "cache_read", "cache_write", "cache_write_1h", "reasoning")


def rates(**dollars: float) -> Rates:
    return Rates.of({name: per_million(value) for name, value in dollars.items()})


CLAUDE = Price(
    rates(input=3, output=15, cache_read=0.3, cache_write=3.75, cache_write_1h=6),
    "a list",
    tiers=(Tier(200_000, rates(input=6, output=22.5, cache_read=0.6, cache_write=7.5)),),
)


@pytest.mark.parametrize(
    ("dollars", "pico"),
    [
        (2.5, 2_500_000),
        (0.1, 100_000),
        ("0.000001", 1),
        (Decimal("0.0000001"), 1),
        (Decimal("0.1500000000000000001"), 150_001),
        (0, 0),
        (1e6, 10**12),
    ],
)
def test_a_price_for_a_million_is_a_whole_number_for_one(dollars: Any, pico: int) -> None:
    assert per_million(dollars) == pico


@pytest.mark.parametrize("dollars", [-1, -0.1, float("inf"), float("nan"), Decimal("-Infinity")])
def test_what_is_no_amount_is_no_price(dollars: Any) -> None:
    with pytest.raises(ValueError, match="is no price"):
        per_million(dollars)


def test_each_counter_has_its_own_price() -> None:
    usage = {
        "input": 1_000,
        "cache_read": 10_000,
        "cache_write": 3_000,
        "cache_write_1h": 1_000,
        "output": 500,
        "reasoning": 200,
    }
    paid = cost(usage, CLAUDE)
    assert {name: pico / 1e12 for name, pico in paid.parts.items()} == {
        "input": 0.003,
        "cache_read": 0.003,
        "cache_write": 0.0075,
        "cache_write_1h": 0.006,
        "output": 0.0075,
        "reasoning": 0.003,
    }
    assert (paid.micro_dollars, paid.dollars) == (30_000, 0.03)
    assert (paid.estimated, paid.price_source) == (False, "a list")


def test_counters_without_a_price_of_their_own_cost_what_they_are_a_kind_of() -> None:
    plain = Price(rates(input=1, output=2), "x")
    usage = {"cache_read": 1, "cache_write": 2, "cache_write_1h": 1, "reasoning": 4}
    assert cost(usage, plain).micro_dollars == 1 + 2 + 2 * 4
    assert cost({"input": 5, "output": 9}, Price(rates(input=1), "x")).micro_dollars == 5


@pytest.mark.parametrize(
    ("usage", "micro"),
    [
        ({"input": 200_000}, 600_000),
        ({"input": 200_001}, 1_200_006),
        ({"input": 1, "cache_read": 200_000}, 120_006),
        ({"input": 1, "cache_write": 200_000, "output": 2}, 1_500_006 + 45),
    ],
)
def test_long_inputs_cost_the_price_of_their_tier_for_every_token(
    usage: dict[str, int], micro: int
) -> None:
    assert cost(usage, CLAUDE).micro_dollars == micro


def test_the_last_of_several_tiers_that_is_reached_counts() -> None:
    price = Price(rates(input=1), "x", tiers=(Tier(10, rates(input=2)), Tier(20, rates(input=3))))
    paid = [cost({"input": tokens}, price).micro_dollars for tokens in (10, 11, 20, 21)]
    assert paid == [10, 22, 40, 63]


def test_a_request_may_have_a_price_of_its_own() -> None:
    price = Price(rates(input=1, output=1), "x", request=5_000 * 1_000_000)
    assert cost({"input": 3}, price).micro_dollars == 5_003
    assert cost({"input": 3}, price).parts["request"] == 5 * 10**9


def test_a_part_of_a_micro_dollar_is_a_whole_one_once_for_an_answer() -> None:
    price = Price(rates(input=0.01, output=0.01), "x")
    assert cost({"input": 1, "output": 1, "reasoning": 1}, price).micro_dollars == 1
    assert cost({"input": 101}, price).micro_dollars == 2
    assert cost({"input": 100}, price).micro_dollars == 1


def test_a_provider_that_counts_zero_is_paid_zero() -> None:
    paid = cost({"input": 0, "output": 0}, CLAUDE)
    assert (paid.micro_dollars, paid.parts, paid.estimated) == (0, {}, False)


def test_a_provider_that_counts_below_zero_gives_nothing_back() -> None:
    assert cost({"input": 1_000, "output": -1_000_000}, CLAUDE).micro_dollars == 3_000
    assert cost({"cache_write": 10, "cache_write_1h": 99}, CLAUDE).micro_dollars == 60


def test_a_cost_says_whether_its_tokens_were_counted_by_us() -> None:
    assert cost({"input": 1, "estimated": True}, CLAUDE).estimated


def test_a_cost_is_plain_json_that_says_how_it_was_computed() -> None:
    said = cost(
        {"input": 1, "output": 3}, Price(rates(input=0.25, output=0.125), "a list")
    ).to_json()
    assert json.loads(json.dumps(said)) == {
        "dollars": 1e-06,
        "micro_dollars": 1,
        "estimated": False,
        "price_source": "a list",
        "parts": {"input": 2.5e-07, "output": 3.75e-07},
        "maybe_billed": 0,
    }


def test_several_attempts_cost_their_sum_and_failed_ones_are_named_apart() -> None:
    dear = Price(rates(input=10), "dear")
    first = cost({"input": 2, "estimated": True}, CLAUDE)
    both = total([first, cost({"input": 2, "output": 1}, dear), first], maybe_billed=7)
    assert both == Cost(32, True, "a list, dear", {"input": 32_000_000}, maybe_billed=7)
    assert total([]) == Cost(0, False, "", {})


@pytest.mark.parametrize(
    ("tokens", "max_output", "micro"),
    [(1_000, 100, 6_000 + 1_500), (1_000, None, 6_000 + 15_360), (1_000, 0, 6_000)],
)
def test_a_reservation_is_the_most_that_a_request_may_cost(
    tokens: int, max_output: int | None, micro: int
) -> None:
    assert worst(CLAUDE, tokens, max_output, 1_024) == micro


NUMBERS = st.integers(0, 10**7)
PRICES = st.builds(
    Price,
    st.builds(Rates, **{name: st.integers(0, 10**8) for name in COUNTERS}),
    st.just("x"),
    request=st.integers(0, 10**10),
)


@given(st.fixed_dictionaries(dict.fromkeys(COUNTERS, NUMBERS)), PRICES)
def test_a_cost_is_the_exact_sum_rounded_up(usage: dict[str, int], price: Price) -> None:
    hour = min(usage["cache_write_1h"], usage["cache_write"])
    said = {**usage, "cache_write_1h": hour, "cache_write": usage["cache_write"] - hour}
    exact = Fraction(price.request, 10**6)
    for name, tokens in said.items():
        exact += Fraction(tokens * getattr(price.rates, name), 10**6)
    paid = cost(usage, price)
    assert paid.micro_dollars == ceil(exact)
    assert ceil(Fraction(sum(paid.parts.values()), 10**6)) == paid.micro_dollars


@given(
    st.fixed_dictionaries({name: st.integers(0, 1_000) for name in COUNTERS}),
    PRICES,
    st.integers(0, 500),
)
def test_no_answer_within_its_limits_costs_more_than_was_reserved(
    usage: dict[str, int], price: Price, above: int
) -> None:
    tiered = Price(price.rates, "x", tiers=(Tier(above, price.rates),), request=price.request)
    whole = usage["input"] + usage["cache_read"] + usage["cache_write"]
    output = usage["output"] + usage["reasoning"]
    for one in (price, tiered):
        assert cost(usage, one).micro_dollars <= worst(one, whole, output, 0)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, PRICES), max_size=8))
def test_what_attempts_are_charged_is_what_their_request_is_charged(
    attempts: list[tuple[int, int, Price]],
) -> None:
    costs = [cost({"input": i, "output": o}, price) for i, o, price in attempts]
    assert total(costs).micro_dollars == sum(one.micro_dollars for one in costs)


@given(PRICES, PRICES, st.integers(0, 50), st.integers(0, 50), st.integers(0, 100))
def test_the_dearest_of_two_prices_is_never_less_than_either(
    first: Price, second: Price, one: int, other: int, tokens: int
) -> None:
    low = Price(first.rates, "low", tiers=(Tier(one, second.rates),))
    high = Price(second.rates, "high", tiers=(Tier(other, first.rates),))
    both = dearest(low, high)
    assert both.source == "low"
    for name in COUNTERS:
        dear = max(getattr(price.at(tokens), name) for price in (low, high))
        assert getattr(both.at(tokens), name) == dear


def test_l4_a_budget_of_a_dollar_is_used_to_98_cents_and_never_overspent() -> None:
    """L4: 200 requests at once of 2 cents at most each, which are asked again as long as what
    others did not use comes back."""
    chance = random.Random(11)
    price = Price(rates(input=3, output=15), "x")
    budget, spent = 1_000_000, 0
    most = worst(price, 1_000, 1_133, 0)
    assert most == 19_995
    waiting, under_way = list(range(200)), list[int]()
    while waiting and (under_way or budget - spent >= most):
        while waiting and spent + (len(under_way) + 1) * most <= budget:
            under_way.append(waiting.pop())
        assert spent + len(under_way) * most <= budget
        under_way.pop(chance.randrange(len(under_way)))
        paid = cost({"input": 1_000, "output": chance.randrange(1_134)}, price)
        assert paid.micro_dollars <= most
        spent += paid.micro_dollars
    assert 980_000 <= spent <= budget


def test_l12_two_attempts_that_failed_are_named_beside_what_the_third_cost() -> None:
    """L12: the cost is that of the success; what the others may have cost is flagged."""
    failed = cost({"input": 1_000, "estimated": True}, CLAUDE)
    success = cost({"input": 1_100, "output": 10}, CLAUDE)
    both = total([success], maybe_billed=2 * failed.micro_dollars)
    assert both.micro_dollars == success.micro_dollars == 3_450
    assert (both.maybe_billed, both.estimated) == (6_000, False)
