"""R3: one of three targets that fails every other time is found out, and nobody notices."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.faultd import Play
from tests.scenarios.harness import FORMS, bench, full_rate

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

GROUP: Any = {"balance": {"by": "weighted", "of": ["a", "b", "c"]}}
RATE_ALONE: Any = {"circuit_breaker": {"consecutive_failures": "off"}}
"""So that the share of failures is what ejects."""


@FORMS
async def test_r3_a_target_that_fails_half_of_the_time_is_ejected(
    full: bool, caplog: pytest.LogCaptureFixture, figure: Figure
) -> None:
    rate = await full_rate() if full else 120
    figure("requests a second", rate)
    async with bench(*["openai-chat"] * 3, to=GROUP, defaults=RATE_ALONE) as found:
        flaky = found.servers[1]
        flaky.script(Play(status=500), chance=0.5)
        begun = time.time() - time.monotonic()
        heard = await found.load(rate, 35 if full else 2.5)
    errors = [one.message for one in heard if one.error]
    figure("answered", 1 - len(errors) / len(heard), "%", least=0.999)
    assert len(errors) <= 0.001 * len(heard), errors
    out = [one.created - begun for one in caplog.records if "b/gpt-5.1" in one.getMessage()]
    assert out, "never ejected"
    figure("ejected after 20 samples and", out[0] - flaky.seen[19].at, "s", most=30)
    assert 0 < out[0] - flaky.seen[19].at < (30 if full else 2)
    assert not [one.at for one in flaky.seen if out[0] + 0.2 < one.at < out[0] + 2]
