"""Credentials are looked up once for all, beside the loop, and renewed before they end."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from trunkline.auth.renewing import EARLY, FAILED, LAST, PAUSE, Lease, NoCredentialsError, Renewing
from trunkline.errors import EngineClosed, UpstreamError

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.anyio

HOUR = 3600.0


class Source:
    """Finds a new number every time; `lives` is how long it lasts. A test may hold it back."""

    def __init__(self, lives: float | None = HOUR) -> None:
        self.lives = lives
        self.now = 1000.0
        self.count = 0
        self.threads: set[int] = set()
        self.error: Exception | None = None
        self.free = threading.Event()
        self.free.set()

    def __call__(self) -> Lease[int]:
        self.threads.add(threading.get_ident())
        assert self.free.wait(10)
        self.count += 1
        if self.error is not None:
            raise self.error
        return Lease(self.count, None if self.lives is None else self.now + self.lives)

    def renewing(self, learn: Callable[[int], None] = lambda _: None) -> Renewing[int]:
        return Renewing(self, learn=learn, now=lambda: self.now)


async def settled(renewing: Renewing[int]) -> None:
    """Wait for a lookup that is under way in the background."""
    task = renewing._task
    assert task is not None
    await asyncio.wait({task})


async def test_all_who_wait_share_one_lookup_beside_the_loop() -> None:
    source = Source()
    learnt: list[int] = []
    renewing = source.renewing(learnt.append)
    assert await asyncio.gather(*(renewing.get() for _ in range(20))) == [1] * 20
    assert source.count == 1
    assert learnt == [1]
    assert threading.get_ident() not in source.threads


async def test_they_are_renewed_early_while_the_old_ones_serve() -> None:
    source = Source()
    renewing = source.renewing()
    await renewing.get()
    source.now += HOUR - EARLY - 1
    assert await renewing.get() == 1
    assert renewing._task is None
    source.now += 1
    source.free.clear()
    assert [await renewing.get() for _ in range(3)] == [1, 1, 1]
    source.free.set()
    await settled(renewing)
    assert await renewing.get() == 2
    assert source.count == 2


async def test_short_lives_are_not_renewed_all_the_time() -> None:
    source = Source(lives=100)
    renewing = source.renewing()
    await renewing.get()
    source.now += 74
    assert await renewing.get() == 1
    assert renewing._task is None
    source.now += 1
    assert await renewing.get() == 1
    await settled(renewing)
    assert await renewing.get() == 2


async def test_a_renewal_that_fails_leaves_the_old_ones_and_is_tried_again_later() -> None:
    source = Source()
    renewing = source.renewing()
    await renewing.get()
    source.now += HOUR - EARLY
    source.error = NoCredentialsError("gone")
    assert await renewing.get() == 1
    await settled(renewing)
    assert await renewing.get() == 1
    assert renewing._task is None
    source.now += PAUSE
    source.error = None
    assert await renewing.get() == 1
    await settled(renewing)
    assert await renewing.get() == 3


async def test_ended_ones_are_never_given_out() -> None:
    source = Source()
    renewing = source.renewing()
    await renewing.get()
    source.now += HOUR - LAST
    assert await renewing.get() == 2
    source.now += HOUR
    source.error = NoCredentialsError("gone")
    with pytest.raises(UpstreamError, match="gone") as raised:
        await renewing.get()
    assert raised.value.kind == "auth"


async def test_those_that_do_not_end_are_looked_up_once() -> None:
    source = Source(lives=None)
    renewing = source.renewing()
    await renewing.get()
    source.now += 1e9
    assert await renewing.get() == 1
    assert renewing._task is None


async def test_a_failure_is_the_answer_for_a_moment_and_not_for_ever() -> None:
    source = Source()
    source.error = NoCredentialsError("none; set AWS_PROFILE")
    renewing = source.renewing()
    for _ in range(3):
        with pytest.raises(UpstreamError, match="set AWS_PROFILE"):
            await renewing.get()
    assert source.count == 1
    source.now += FAILED
    source.error = None
    assert await renewing.get() == 2


async def test_what_a_library_raises_is_not_repeated() -> None:
    source = Source()
    source.error = RuntimeError("key-canary-0123456789")
    with pytest.raises(UpstreamError, match="RuntimeError") as raised:
        await source.renewing().get()
    error: BaseException | None = raised.value
    while error is not None:
        assert "canary" not in str(error)
        error = error.__cause__ or error.__context__


async def test_a_waiter_that_is_cancelled_leaves_the_lookup_to_the_others() -> None:
    source = Source()
    source.free.clear()
    renewing = source.renewing()
    first, second = (asyncio.create_task(renewing.get()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    source.free.set()
    assert await second == 1
    assert source.count == 1


async def test_refused_ones_are_looked_up_anew_once_in_a_while() -> None:
    source = Source()
    renewing = source.renewing()
    one = await renewing.get()
    assert await asyncio.gather(*(renewing.renewed(lambda it: it == one) for _ in range(5))) == (
        [True] * 5
    )
    assert source.count == 2
    assert not await renewing.renewed(lambda it: it == 2)
    assert source.count == 2
    source.now += PAUSE
    assert await renewing.renewed(lambda it: it == 2)
    assert source.count == 3


async def test_no_new_try_where_the_lookup_finds_the_same_or_nothing() -> None:
    source = Source()
    renewing = source.renewing()
    await renewing.get()
    assert not await renewing.renewed(lambda _: True)
    source.now += PAUSE
    source.error = NoCredentialsError("gone")
    assert not await renewing.renewed(lambda it: it == 2)
    source.error = None
    assert await renewing.get() == 2


async def test_closing_ends_the_wait_at_once_and_begins_nothing_more() -> None:
    source = Source()
    source.free.clear()
    renewing = source.renewing()
    waiting = asyncio.create_task(renewing.get())
    await asyncio.sleep(0)
    try:
        await renewing.aclose()
        with pytest.raises(EngineClosed):
            await waiting
        with pytest.raises(EngineClosed):
            await renewing.get()
    finally:
        source.free.set()
    await renewing.aclose()


async def test_closing_ends_a_renewal_in_the_background() -> None:
    source = Source()
    renewing = source.renewing()
    await renewing.get()
    source.now += HOUR - EARLY
    source.free.clear()
    try:
        assert await renewing.get() == 1
        task = renewing._task
        assert task is not None
        await renewing.aclose()
        assert task.cancelled()
    finally:
        source.free.set()
