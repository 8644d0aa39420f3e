"""L17: 100,000 limiter keys take at most 64 MiB, and are gone after two windows."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest

from trunkline.policy.limiter import Limiter
from trunkline.policy.limits import LimitRule, Quota

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

RULE = LimitRule("l17", (Quota("requests", 60, 60.0),))


def fill_and_forget(keys: int, most: int, figure: Figure) -> None:
    tracemalloc.start()
    try:
        limiter = Limiter()
        for n in range(keys):
            claims = RULE.claims(f"caller {n}", 0, 0, 0.0)
            assert limiter.reserve(str(n), claims, n / keys, 0.0) is None
            limiter.settle(str(n), RULE.changes(claims, 0, 0), n / keys, 0.0)
        held, _ = tracemalloc.get_traced_memory()
        assert len(limiter) == keys
        figure("memory for 100,000 keys", held / keys * 100_000, "B", most=64 << 20)
        assert held <= most
        for n in range(keys // 16 + 1):
            limiter.reserve(f"later {n}", RULE.claims("one", 0, 0, 0.0), 121.0, 0.0)
        assert len(limiter) == 1
        assert limiter.open <= keys // 16 + 1
    finally:
        tracemalloc.stop()


def test_l17_ten_thousand_keys_take_a_tenth_and_go(figure: Figure) -> None:
    fill_and_forget(10_000, (64 << 20) // 10, figure)


@pytest.mark.nightly
def test_l17_a_hundred_thousand_keys_take_64_mib_and_go(figure: Figure) -> None:
    fill_and_forget(100_000, 64 << 20, figure)
