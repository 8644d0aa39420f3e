"""R11: what a provider refuses is the request's fault: nobody else is asked, and it stays well."""

from __future__ import annotations

import pytest

from tests.faultd import Play
from tests.scenarios.harness import CHATS, bench
from tests.scenarios.harness_doors import served

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("dialect", CHATS)
async def test_r11_a_refused_request_goes_to_nobody_else(dialect: str, status: int) -> None:
    async with bench(dialect, "openai-chat") as found:
        found.servers[0].script(Play(status=status, message="no such parameter"))
        for stream in (False, True):
            heard = await found.hear(stream=stream)
            assert (heard.error, heard.status) == ("bad_request", status)
            assert "no such parameter" in heard.message
            assert heard.attempts == [("a", "bad_request")]
    assert found.counts == [2, 0]


async def test_r11_refusals_leave_health_as_it_is() -> None:
    async with bench("openai-chat", "openai-chat") as found:
        found.servers[0].script(Play(status=400), first=20)
        heard = [await found.hear() for _ in range(21)]
    assert [one.status for one in heard] == [400] * 20 + [200]
    assert found.counts == [21, 0]


@pytest.mark.parametrize("status", [400, 422])
async def test_r11_a_client_gets_the_same_status(status: int) -> None:
    async with served("openai-chat", "openai-chat") as found:
        found.bench.servers[0].script(Play(status=status, message="no such parameter"))
        for door in ("openai-chat", "anthropic-messages", "openai-responses"):
            for stream in (False, True):
                answer = await found.ask(door, stream=stream)
                assert answer.status == status
                assert "no such parameter" in answer.json["error"]["message"]
    assert found.bench.counts == [6, 0]
