"""Balancing: shares are exact, nobody is picked twice, and zero means never."""

from __future__ import annotations

import random
from collections import Counter
from math import gcd, inf
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.policy.pick import STRATEGIES, Strategy, strategy

if TYPE_CHECKING:
    from collections.abc import Sequence

weights_of_members = st.lists(st.integers(0, 30), min_size=1, max_size=6)


class View:
    """What a test knows of the members."""

    def __init__(
        self,
        loads: Sequence[int] = (),
        latencies: Sequence[float | None] = (),
        costs: Sequence[float] = (),
        shares: Sequence[float] = (),
        key: str = "",
    ) -> None:
        self.loads, self.latencies, self.costs, self.shares = loads, latencies, costs, shares
        self.key, self.ramping = key, bool(shares)

    def load(self, index: int) -> int:
        return self.loads[index] if self.loads else 0

    def latency(self, index: int) -> float | None:
        return self.latencies[index] if self.latencies else 1.0

    def cost(self, index: int) -> float:
        return self.costs[index] if self.costs else 1.0

    def share(self, index: int) -> float:
        return self.shares[index]


IDLE = View()


def picks(chosen: Strategy, count: int, tried: frozenset[int] = frozenset()) -> list[int | None]:
    chance = random.Random(1)
    return [chosen.pick(tried, IDLE, chance) for _ in range(count)]


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
        one = chosen.pick((), IDLE, chance)
        first[one] += 1
        assert chosen.pick((one,) if one is not None else (), IDLE, chance) != one
    assert first == {0: 70, 1: 30}


def test_round_robin_takes_turns_and_spares_the_neighbour_of_a_dead_member() -> None:
    assert picks(strategy("round_robin", (1, 1, 1)), 5) == [0, 1, 2, 0, 1]
    chosen, chance = strategy("round_robin", (1, 1, 1)), random.Random(1)
    served: Counter[int | None] = Counter()
    for _ in range(100):
        one = chosen.pick((), IDLE, chance)
        served[one if one != 0 else chosen.pick((0,), IDLE, chance)] += 1
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
    assert chosen.pick((), View([4, 2, 3]), chance) == 1
    assert chosen.pick((1,), View([4, 2, 3]), chance) == 2
    ties = Counter(chosen.pick((), View([1, 5, 1]), chance) for _ in range(1000))
    assert set(ties) == {0, 2}
    assert 400 < ties[0] < 600


def test_the_faster_of_two_is_picked_by_latency_and_load() -> None:
    chosen, chance = strategy("lowest_latency", (1, 1)), random.Random(1)
    assert {chosen.pick((), View(latencies=[1.0, 0.4]), chance) for _ in range(50)} == {1}
    assert {chosen.pick((), View([0, 2], [1.0, 0.4]), chance) for _ in range(50)} == {0}
    assert chosen.pick((1,), View(latencies=[1.0, 0.4]), chance) == 0


def test_of_two_choices_the_slowest_of_all_is_never_one() -> None:
    chosen, chance = strategy("lowest_latency", (1, 1, 1, 1)), random.Random(1)
    view = View(latencies=[1.0, 2.0, 3.0, 4.0])
    counts = Counter(chosen.pick((), view, chance) for _ in range(6000))
    # Of six pairs the first wins three, the second two, the third one.
    assert counts[3] == 0
    expected = {0: 3000, 1: 2000, 2: 1000}
    assert sum((counts[i] - n) ** 2 / n for i, n in expected.items()) < 13.82  # df 2, p = .001


def test_a_member_never_measured_gets_one_probe_at_a_time() -> None:
    chosen, chance = strategy("lowest_latency", (1, 1)), random.Random(1)
    assert {chosen.pick((), View([9, 0], [0.1, None]), chance) for _ in range(50)} == {1}
    assert {chosen.pick((), View([9, 1], [0.1, None]), chance) for _ in range(50)} == {0}


def test_the_cheapest_is_picked_and_one_of_unknown_cost_last() -> None:
    chosen, chance = strategy("lowest_cost", (1, 1, 1)), random.Random(1)
    view = View(costs=[3.0, inf, 2.0])
    assert chosen.pick((), view, chance) == 2
    assert chosen.pick((2,), view, chance) == 0
    assert chosen.pick((0, 2), view, chance) == 1


def test_a_key_stays_with_its_member_and_has_a_second_choice() -> None:
    chosen, chance = strategy("sticky", (1, 1, 1), ["a", "b", "c"]), random.Random(1)
    for key in map(str, range(100)):
        view = View(key=key)
        first = chosen.pick((), view, chance)
        assert first is not None
        assert {chosen.pick((), view, chance) for _ in range(5)} == {first}
        second = chosen.pick((first,), view, chance)
        assert {chosen.pick((first,), view, chance) for _ in range(5)} == {second}
        assert second not in (None, first)


def test_keys_follow_the_weights() -> None:
    chosen, chance = strategy("sticky", (70, 0, 30), ["a", "b", "c"]), random.Random(1)
    counts = Counter(chosen.pick((), View(key=f"user-{n}"), chance) for n in range(10_000))
    assert counts[1] == 0
    assert (counts[0] - 7000) ** 2 / 7000 + (counts[2] - 3000) ** 2 / 3000 < 10.83  # df 1, p = .001


def test_members_of_one_name_share_its_keys() -> None:
    chosen, chance = strategy("sticky", (1, 1), ["same", "same"]), random.Random(1)
    counts = Counter(chosen.pick((), View(key=str(n)), chance) for n in range(2000))
    assert 900 < counts[0] < 1100


def test_without_a_key_sticky_goes_by_chance() -> None:
    counts = Counter(picks(strategy("sticky", (1, 1)), 2000))
    assert 850 < counts[0] < 1150


@pytest.mark.parametrize("by", STRATEGIES)
def test_a_member_in_its_ramp_gets_its_share_of_what_it_would_get(by: str) -> None:
    names = ("a", "b", "c", "d")
    chance = random.Random(3)
    plain, ramping = strategy(by, (1,) * 4, names), strategy(by, (1,) * 4, names)
    before: Counter[int | None] = Counter()
    after: Counter[int | None] = Counter()
    for n in range(8000):
        key = str(n)
        before[plain.pick((), View(key=key), chance)] += 1
        after[ramping.pick((), View(shares=(0.25, 1, 1, 1), key=key), chance)] += 1
    assert 0.2 * before[0] < after[0] < 0.3 * before[0]
    assert sum(after.values()) == sum(before.values())


@pytest.mark.parametrize("by", STRATEGIES)
def test_a_member_in_its_ramp_serves_when_nobody_else_is_left(by: str) -> None:
    chosen, chance = strategy(by, (1, 1)), random.Random(1)
    assert chosen.pick((1,), View(shares=(0.0, 1.0), key="k"), chance) == 0
    assert chosen.pick((), View(shares=(0.0, 0.0), key="k"), chance) in (0, 1)
