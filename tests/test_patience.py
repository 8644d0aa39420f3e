"""A limit on waits that follow one another."""

from __future__ import annotations

import asyncio

import pytest

from trunkline.patience import Patience

pytestmark = pytest.mark.anyio


async def test_a_wait_that_takes_too_long_is_a_timeout_and_leaves_the_task_uncancelled() -> None:
    patience = Patience()
    with pytest.raises(TimeoutError), patience.within(0.01):
        await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_many_waits_use_one_timer_and_each_has_its_whole_time() -> None:
    patience = Patience()
    for _ in range(6):
        with patience.within(0.05):
            await asyncio.sleep(0.02)
    with pytest.raises(TimeoutError), patience.within(0.05):
        await asyncio.sleep(5)


async def test_a_shorter_wait_after_a_longer_one_is_held_to_its_own_time() -> None:
    patience = Patience()
    with patience.within(60):
        await asyncio.sleep(0)
    with pytest.raises(TimeoutError), patience.within(0.01):
        await asyncio.sleep(5)


async def test_time_between_waits_counts_for_nothing() -> None:
    patience = Patience()
    with patience.within(0.01):
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    with patience.within(None):
        await asyncio.sleep(0.05)
    with patience.within(0.5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("seconds", [0, -1])
async def test_no_time_at_all_is_over_at_the_first_suspension(seconds: float) -> None:
    with pytest.raises(TimeoutError), Patience().within(seconds):
        await asyncio.sleep(1)


async def test_a_cancellation_from_outside_stays_one() -> None:
    async def wait() -> None:
        with Patience().within(60):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_limit_inside_a_limit_is_told_apart() -> None:
    outer, inner = Patience(), Patience()
    with outer.within(60):
        with pytest.raises(TimeoutError), inner.within(0.01):
            await asyncio.sleep(5)
        await asyncio.sleep(0)
    with pytest.raises(TimeoutError), outer.within(0.01), inner.within(60):
        await asyncio.sleep(5)


async def test_nothing_is_left_when_it_is_closed() -> None:
    patience = Patience()
    with patience.within(60):
        await asyncio.sleep(0)
    timer = patience._timer
    patience.close()
    assert timer is not None
    assert timer.cancelled()
