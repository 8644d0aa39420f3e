"""R7: a key that is asked too often rests for as long as it was told, and nobody waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.faultd import Play
from tests.scenarios.harness import FORMS, bench

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

KEYS: Any = {"a": {"keys": [{"api_key": "${env:KEY_A}"}, {"api_key": "${env:KEY_B}"}]}}
ENVIRON = {"KEY_A": "key-number-a-000000", "KEY_B": "key-number-b-000000"}


def tired(seconds: float, **more: Any) -> Play:
    return Play(status=429, headers={"retry-after": str(seconds)}, **more)


@FORMS
async def test_r7_a_cooled_key_gets_nothing_until_its_time_is_over(
    full: bool, figure: Figure
) -> None:
    told, slack = (2, 1) if full else (1, 4)
    async with bench("openai-chat", providers=KEYS, environ=ENVIRON) as found:
        [server] = found.servers
        await found.hear()  # reads the list of prices, once a process
        server.script(tired(told), key=ENVIRON["KEY_A"], first=1)
        heard = await found.load(60, told + 1)
    assert [one.message for one in heard if one.error] == []
    assert max(one.took for one in heard) < 0.2
    of_a = [one for one in server.seen if one.key == ENVIRON["KEY_A"]]
    cooled = next(number for number, one in enumerate(of_a) if one.status == 429)
    rest = of_a[cooled + 1].at - of_a[cooled].at
    figure("asked again after the time told and", rest - told, "s", most=0.05)
    figure("longest answer to a caller", max(one.took for one in heard), "s")
    assert told - 0.005 <= rest < told + slack * 0.05


async def test_r7_a_later_and_shorter_hint_does_not_shorten_the_rest() -> None:
    async with bench("openai-chat", providers=KEYS, environ=ENVIRON) as found:
        [server] = found.servers
        server.script(tired(1, before_head=0.05), key=ENVIRON["KEY_A"], first=1)
        server.script(tired(0, before_head=0.15), key=ENVIRON["KEY_A"], first=5)
        heard = await found.load(100, 1.8)
    assert [one.message for one in heard if one.error] == []
    of_a = [one for one in server.seen if one.key == ENVIRON["KEY_A"]]
    shorter = [one for one in of_a if one.status == 429]
    assert len(shorter) > 1
    told = of_a[0].head_at
    assert told is not None
    again = [one.at - told for one in of_a if one.at > told + 0.05]
    assert 0.995 <= min(again) < 1 + 4 * 0.05
