"""The matching benchmark measures what it says, and matching does not grow with the patterns."""

from __future__ import annotations

import pytest

from tests.benchmarks.matching import Mix, measure
from trunkline.policy.match import Matcher
from trunkline.policy.pattern import is_costly, predicate


@pytest.mark.parametrize("size", [10, 1000])
def test_hits_hit_and_misses_miss(size: int) -> None:
    mix = Mix(size)
    matcher = Matcher((pattern, rank) for rank, pattern in enumerate(mix.patterns))
    assert sum(map(is_costly, mix.patterns)) == size // 4
    for name in mix.hits(200):
        first = next(matcher.match(name))
        assert first.payload == next(
            rank for rank, pattern in enumerate(mix.patterns) if predicate(pattern)(name)
        )
    assert not any(list(matcher.match(name)) for name in mix.misses(200))


def test_the_cost_of_a_name_is_flat() -> None:
    few, _, _ = measure(10, count=2_000, rounds=3)
    many, _, _ = measure(10_000, count=2_000, rounds=3)
    # One by one, a thousand times the patterns would cost a thousand times as much.
    assert many < 10 * few
