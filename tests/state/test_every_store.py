"""What holds for every store: in memory, in a file, in Redis."""

from __future__ import annotations

import asyncio
import contextlib
import time
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from trunkline.policy.limits import LimitRule, Quota, refund
from trunkline.store import Change, Claim, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.anyio

NEVER = 1e-9
"""A rate so low that nothing comes back while a test runs."""


def bucket(amount: int = 1, capacity: int = 5, rate: float = NEVER, key: str = "b") -> Claim:
    return Claim(key, "bucket", amount, capacity, rate)


def lease(capacity: int = 2, ttl: float = 60.0, key: str = "l") -> Claim:
    return Claim(key, "lease", 1, capacity, ttl=ttl)


def window(amount: int, capacity: int = 100, start: float | None = None, key: str = "w") -> Claim:
    start = time.time() // 3600 * 3600 if start is None else start
    return Claim(key, "window", amount, capacity, start=start, end=start + 3600.0)


NAMES = (f"look-{n}" for n in count())


async def left(store: Any, claim: Claim) -> int:
    """What a counter holds, found by asking for ever less of it."""
    for amount in range(claim.capacity, -1, -1):
        name = next(NAMES)
        wanted = claim if claim.kind == "lease" else claim._replace(amount=amount)
        if claim.kind == "lease":
            names = [f"{name}-{n}" for n in range(claim.capacity)]
            got = [one for one in names if await store.reserve(one, [wanted]) is None]
            for one in got:
                store.settle(one, refund([wanted]))
            return len(got)
        if await store.reserve(name, [wanted]) is None:
            store.settle(name, refund([wanted]))
            return amount
    return -1


async def test_a_bucket_a_lease_and_a_window_run_out_and_come_back(store: Any) -> None:
    claims = [bucket(2), lease(), window(40)]
    assert [await store.reserve(name, claims) for name in "ab"] == [None, None]
    refused = await store.reserve("c", claims)
    assert refused.index == 0
    assert refused.retry_after > 1e8
    store.settle("a", [Change(claims[0], 1), Change(claims[1], 0), Change(claims[2], 10)])
    assert [await left(store, claim) for claim in claims] == [2, 1, 50]
    store.settle("b", refund(claims))
    assert [await left(store, claim) for claim in claims] == [4, 2, 90]


async def test_waits_are_told(store: Any) -> None:
    claims = [bucket(5, 5, 5 / 60), lease(1, 30.0), window(100)]
    assert await store.reserve("a", claims) is None
    waits = [(await store.reserve("b", [claim])).retry_after for claim in claims]
    end = claims[2].end - time.time()
    assert waits == pytest.approx([60.0, 30.0, end], abs=2.0)
    for claim in (bucket(6), lease(0, key="none"), window(101)):
        assert await store.reserve("c", [claim]) == Refused(0, None)


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_all_or_nothing(store: Any, place: int) -> None:
    claims = [bucket(3), lease(), window(60)]
    claims[place] = claims[place]._replace(capacity=0)
    assert await store.reserve("a", claims) == Refused(place, None)
    claims[place] = [bucket(3), lease(), window(60)][place]
    assert [await left(store, claim) for claim in claims] == [5, 2, 100]


async def test_settling_twice_or_what_is_unknown_changes_nothing(store: Any) -> None:
    claims = [bucket(3), lease(), window(60)]
    assert await store.reserve("a", claims) is None
    for _ in range(3):
        store.settle("a", [Change(claims[0], 1), Change(claims[1], 0), Change(claims[2], 10)])
        store.settle("unknown", refund(claims))
    assert [await left(store, claim) for claim in claims] == [4, 2, 90]


async def test_settling_in_parts(store: Any) -> None:
    claims = [bucket(3), lease(), window(60)]
    assert await store.reserve("a", claims) is None
    for claim in claims:
        store.settle("a", refund([claim]))
    assert [await left(store, claim) for claim in claims] == [5, 2, 100]


async def test_more_used_than_reserved_is_owed(store: Any) -> None:
    claims = [bucket(1), window(1)]
    assert await store.reserve("a", claims) is None
    store.settle("a", [Change(claims[0], 6), Change(claims[1], 101)])
    assert [await left(store, claim) for claim in claims] == [-1, -1]
    refused = await store.reserve("b", [bucket(1, rate=1.0)])
    assert refused.retry_after == pytest.approx(2.0, abs=1.0)


async def test_a_counter_twice_is_a_mistake(store: Any) -> None:
    with pytest.raises(ValueError, match="claimed twice"):
        await store.reserve("a", [bucket(), bucket()])
    assert await left(store, bucket()) == 5


async def test_a_later_window_is_empty_and_an_older_one_not_opened(store: Any) -> None:
    now = time.time() // 3600 * 3600
    assert await store.reserve("a", [window(100, start=now)]) is None
    assert await store.reserve("b", [window(60, start=now + 3600)]) is None
    assert (await store.reserve("c", [window(60, start=now)])) is not None
    store.settle("a", refund([window(100, start=now)]))
    assert await left(store, window(0, start=now + 3600)) == 40


async def test_l1_ten_at_once_of_which_five_are_let_in(store: Any) -> None:
    """L1 at the store: exactly as many as the limit says."""
    claims = LimitRule("five", (Quota("requests", 5, 60.0),)).claims("", 0, 0, 0.0)
    asked = await asyncio.gather(*(store.reserve(str(n), claims) for n in range(10)))
    assert asked.count(None) == 5


async def test_a_reservation_that_is_cancelled_takes_nothing(store: Any) -> None:
    """Property 12 at the store: at every step of the loop that it may be cancelled in."""
    claims = [bucket(1, 50), lease(50), window(1, 50)]
    for steps in range(40):
        task = asyncio.ensure_future(store.reserve(f"n{steps}", claims))
        for _ in range(steps % 20):
            await asyncio.sleep(0.0002 if steps >= 20 else 0)
        if not task.cancel():
            store.settle(f"n{steps}", refund(claims))
        with contextlib.suppress(asyncio.CancelledError):
            if await task is None:
                store.settle(f"n{steps}", refund(claims))
    assert [await left(store, claim) for claim in claims] == [50, 50, 50]


async def test_counters_of_this_process_are_taken_and_given_back_with_the_others(
    store: Any,
) -> None:
    near = bucket(2, key="near")._replace(local=True)
    claims = [near, lease(1)]
    assert await store.reserve("a", claims) is None
    assert await store.reserve("b", claims) == Refused(1, pytest.approx(60.0, abs=2.0))
    assert await left(store, near) == 3
    store.settle("a", refund(claims))
    assert await left(store, near) == 5
    assert await left(store, lease(1)) == 1
    assert await store.reserve("c", [lease(1), near._replace(amount=6)]) == Refused(1, None)
    assert await left(store, lease(1)) == 1


@pytest.mark.parametrize("names", [["a:b", "a", "{}", "\0", "\n", "a\0b", "}{", "é"]])
async def test_x28_reservations_and_subjects_of_any_text(store: Any, names: Sequence[str]) -> None:
    """X28: nothing that a caller sends is taken for a part of a key or of a script."""
    rule = LimitRule("x", (Quota("requests", 1, 1e9),), concurrency=1)
    for name in names:
        claims = rule.claims(name, 0, 0, 60.0)
        assert await store.reserve(name, claims) is None
        assert (await store.reserve(name + "!", claims)) is not None
        store.settle(name, refund(claims))
        assert await store.reserve(name + "!", claims) is None


async def test_values_are_kept_until_they_run_out(store: Any) -> None:
    assert await store.get("k") is None
    await store.put("k", b"\0value\xff", 60.0)
    await store.put("k2", b"", 60.0)
    await store.put("short", b"x", 0.0)
    assert (await store.get("k"), await store.get("k2")) == (b"\0value\xff", b"")
    assert await store.get("short") is None
    await store.put("k", b"new", 60.0)
    assert await store.get("k") == b"new"
