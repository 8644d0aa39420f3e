"""R3: one of three targets that fails every other time is found out, and nobody notices."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faultd import Play
from tests.scenarios.harness import bench

pytestmark = pytest.mark.anyio

GROUP: Any = {"balance": {"by": "weighted", "of": ["a", "b", "c"]}}
RATE_ALONE: Any = {"circuit_breaker": {"consecutive_failures": "off"}}
"""So that the share of failures is what ejects."""


async def test_r3_a_target_that_fails_half_of_the_time_is_ejected() -> None:
    async with bench(*["openai-chat"] * 3, to=GROUP, defaults=RATE_ALONE) as found:
        flaky = found.servers[1]
        flaky.script(Play(status=500), chance=0.5)
        heard = await found.load(120, 2.5)
        [last] = [one.at for one in flaky.seen[-1:]]
        asked = [one.asked_at for one in heard]
    errors = [one.message for one in heard if one.error]
    assert len(errors) <= 0.001 * len(heard), errors
    assert 20 <= len(flaky.seen) <= 80
    assert last < asked[-1] - 0.3
    assert all(one.attempts[-1][0] != "b" for one in heard[-30:])
