"""B9 and property 1: weights are kept exactly by `weighted`, by chance by `random`; a member of
weight 0 is never picked, and the order of the list changes nothing."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tests.policy.test_pick import IDLE
from trunkline.policy.pick import strategy

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

NAMES = ("a", "b", "c")


def shares(by: str, weights: dict[str, int], picks: int, seed: int = 9) -> Counter[str]:
    names = list(weights)
    chosen, chance = strategy(by, list(weights.values()), names), random.Random(seed)
    made = (chosen.pick((), IDLE, chance) for _ in range(picks))
    return Counter(names[index] for index in made if index is not None)


def test_b9_seventy_to_thirty_in_every_hundred() -> None:
    for rounds in range(1, 11):
        made = shares("weighted", {"a": 70, "b": 0, "c": 30}, 100 * rounds)
        assert made == {"a": 70 * rounds, "c": 30 * rounds}


def test_b9_ten_thousand_picks_by_chance(figure: Figure) -> None:
    for seed in range(5):
        made = shares("random", {"a": 70, "b": 0, "c": 30}, 10_000, seed)
        assert made["b"] == 0
        off = (made["a"] - 7000) ** 2 / 7000 + (made["c"] - 3000) ** 2 / 3000
        figure("χ² of 10,000 picks", off, most=11.16)
        assert off < 11.16  # df 1, p = .001 with the continuity left in


@given(st.permutations(NAMES), st.tuples(*[st.integers(0, 9)] * 3).filter(any))
def test_b9_the_order_of_the_list_changes_nothing(
    order: list[str], weights: tuple[int, int, int]
) -> None:
    written = dict(zip(NAMES, weights, strict=True))
    period = sum(weights)
    plain = shares("weighted", written, period)
    assert plain == {name: weight for name, weight in written.items() if weight}
    assert shares("weighted", {name: written[name] for name in order}, period) == plain
