"""What only the store in memory does: its share of limits, and a bounded cache."""

from __future__ import annotations

import pytest

from tests.state.stores import CrankedClock
from trunkline.policy.state_settings import StateSettings
from trunkline.state import MemoryStore, open_store
from trunkline.state.memory import Cache
from trunkline.store import Change, Claim

pytestmark = pytest.mark.anyio


def test_the_least_recently_used_goes_first_when_the_cache_is_full() -> None:
    cache = Cache(1000)
    for name in "abc":
        cache.put(name, b"x" * 100, 10.0)
    assert cache.get("a", 0.0) is not None
    cache.put("d", b"x" * 100, 10.0)
    assert [cache.get(name, 0.0) is not None for name in "abcd"] == [True, False, True, True]
    assert cache.size <= 1000


def test_a_cache_never_holds_more_than_it_may_and_counts_what_goes() -> None:
    cache = Cache(5000)
    for n in range(200):
        cache.put(str(n % 30), b"x" * (n * 13 % 700), float(n))
        assert cache.size <= 5000
    for n in range(30):
        cache.get(str(n), 1e9)
    assert cache.size == 0
    cache.put("large", b"x" * 5000, 1e9)
    assert (cache.get("large", 0.0), cache.size) == (None, 0)


def test_a_value_runs_out() -> None:
    cache = Cache(1000)
    cache.put("a", b"x", 10.0)
    assert cache.get("a", 9.9) == b"x"
    assert cache.get("a", 10.0) is None


async def test_one_of_several_workers_holds_its_part_of_every_limit() -> None:
    clock = CrankedClock()
    store = await open_store(StateSettings(replicas=4), clock)
    assert isinstance(store, MemoryStore)
    claim = Claim("b", "bucket", 1, 20, 1.0)
    assert [await store.reserve(str(n), [claim]) for n in range(6)].count(None) == 5
    store.settle("0", [Change(claim, 0)])
    assert store.left(claim) == 1
    clock.now += 8.0
    assert store.left(claim) == 3
    assert store.degraded is None
