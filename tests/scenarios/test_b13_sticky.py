"""B13: when one of ten targets is taken away, hardly more than its own keys move."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.policy.test_pick import View
from trunkline.policy.pick import strategy

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

NAMES = [f"provider-{n}/model" for n in range(10)]
KEYS = [f"user-{n}" for n in range(5000)]


def homes(names: list[str], tried: tuple[int, ...] = ()) -> dict[str, str]:
    chosen, chance = strategy("sticky", (1,) * len(names), names), random.Random(1)
    found = {}
    for key in KEYS:
        index = chosen.pick(tried, View(key=key), chance)
        assert index is not None
        found[key] = names[index]
    return found


@pytest.mark.parametrize("gone", range(10))
def test_b13_at_most_twelve_in_a_hundred_keys_move(gone: int, figure: Figure) -> None:
    before = homes(NAMES)
    after = homes([name for name in NAMES if name != NAMES[gone]])
    moved = [key for key in KEYS if before[key] != after[key]]
    figure("keys that move", len(moved) / len(KEYS), "%", most=0.12)
    assert len(moved) <= 0.12 * len(KEYS)
    assert all(before[key] == NAMES[gone] for key in moved)
    # An ejected target is passed over just as if it were gone.
    assert homes(NAMES, (gone,)) == after


def test_b13_the_keys_of_one_that_is_gone_are_spread_over_all_others() -> None:
    before = homes(NAMES)
    after = homes(NAMES[1:])
    spread = Counter(after[key] for key in KEYS if before[key] == NAMES[0])
    assert len(spread) == 9
    assert max(spread.values()) < 3 * min(spread.values())


@given(st.permutations(NAMES))
def test_b13_the_order_of_the_list_moves_no_key(order: list[str]) -> None:
    plain, shuffled = strategy("sticky", (1,) * 10, NAMES), strategy("sticky", (1,) * 10, order)
    chance = random.Random(1)
    for key in KEYS[:50]:
        one, other = (s.pick((), View(key=key), chance) for s in (plain, shuffled))
        assert one is not None
        assert other is not None
        assert NAMES[one] == order[other]
