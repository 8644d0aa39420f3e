"""Balancing: shares are exact, nobody is picked twice, and zero means never."""

from __future__ import annotations

import random
from collections import Counter
from math import gcd

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.policy.pick import STRATEGIES, Strategy, strategy

weights_of_members = st.lists(st.integers(0, 30), min_size=1, max_size=6)


def idle(_member: int) -> int:
    return 0


def picks(chosen: Strategy, count: int, tried: frozenset[int] = frozenset()) -> list[int | None]:
    chance = random.Random(1)
    return [chosen.pick(tried, idle, chance) for _ in range(count)]


def test_seventy_to_thirty_is_exact_in_every_hundred() -> None:
    chosen = strategy("weighted", (70, 30))
    made = picks(chosen, 1000)
    for start in range(901):
        assert Counter(made[start : start + 100]) == {0: 70, 1: 30}


@given(weights_of_members.filter(any))
def test_shares_are_exact_over_a_period_and_from_any_start(weights: list[int]) -> None:
    period = sum(weights) // gcd(*weights)
    made = picks(strategy("weighted", weights), 2 * period)
    expected = {i: w // gcd(*weights) for i, w in enumerate(weights) if w}
    assert Counter(made[:period]) == expected
    for start in range(0, period, max(1, period // 7)):
        assert Counter(made[start : start + period]) == expected


@given(weights_of_members.filter(any), st.randoms(use_true_random=False), st.integers(1, 300))
def test_shares_do_not_depend_on_the_order_of_the_list(
    weights: list[int], chance: random.Random, count: int
) -> None:
    order = list(range(len(weights)))
    chance.shuffle(order)
    period = sum(weights) // gcd(*weights)
    plain = Counter(picks(strategy("weighted", weights), period))
    shuffled = Counter(picks(strategy("weighted", [weights[i] for i in order]), period))
    assert {order[i]: n for i, n in shuffled.items() if i is not None} == plain


def test_a_heavy_member_is_spread_out() -> None:
    assert picks(strategy("weighted", (5, 1, 1)), 7) == [0, 0, 1, 0, 2, 0, 0]


@pytest.mark.parametrize("by", STRATEGIES)
@given(weights_of_members, st.frozensets(st.integers(0, 5)), st.integers(1, 40))
def test_only_members_that_weigh_and_are_left_are_picked(
    by: str, weights: list[int], tried: frozenset[int], count: int
) -> None:
    left = {i for i, weight in enumerate(weights) if weight and i not in tried}
    made = set(picks(strategy(by, weights), count, tried))
    assert made <= left if left else made == {None}


def test_a_second_pick_does_not_disturb_the_shares_of_first_picks() -> None:
    chosen, chance = strategy("weighted", (70, 30)), random.Random(1)
    first: Counter[int | None] = Counter()
    for _ in range(100):
        one = chosen.pick((), idle, chance)
        first[one] += 1
        assert chosen.pick((one,) if one is not None else (), idle, chance) != one
    assert first == {0: 70, 1: 30}


def test_round_robin_takes_turns_and_spares_the_neighbour_of_a_dead_member() -> None:
    assert picks(strategy("round_robin", (1, 1, 1)), 5) == [0, 1, 2, 0, 1]
    chosen, chance = strategy("round_robin", (1, 1, 1)), random.Random(1)
    served: Counter[int | None] = Counter()
    for _ in range(100):
        one = chosen.pick((), idle, chance)
        served[one if one != 0 else chosen.pick((0,), idle, chance)] += 1
    assert served == {1: 50, 2: 50}


def test_random_keeps_to_the_weights() -> None:
    counts = Counter(picks(strategy("random", (70, 0, 30)), 10_000))
    assert counts[1] == 0
    assert (counts[0] - 7000) ** 2 / 7000 + (counts[2] - 3000) ** 2 / 3000 < 10.83  # df 1, p = .001


def test_random_without_weights_is_uniform() -> None:
    counts = Counter(picks(strategy("random", (1, 1, 1, 1)), 10_000))
    assert sum((counts[i] - 2500) ** 2 / 2500 for i in range(4)) < 16.27  # df 3, p = .001


def test_the_least_loaded_member_is_picked_and_ties_are_shared() -> None:
    chosen, chance = strategy("least_connections", (1, 1, 1)), random.Random(1)
    assert chosen.pick((), [4, 2, 3].__getitem__, chance) == 1
    assert chosen.pick((1,), [4, 2, 3].__getitem__, chance) == 2
    ties = Counter(chosen.pick((), [1, 5, 1].__getitem__, chance) for _ in range(1000))
    assert set(ties) == {0, 2}
    assert 400 < ties[0] < 600
