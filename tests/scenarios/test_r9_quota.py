"""R9: a credential that cannot pay is left alone for five minutes, at once and without a retry."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faultd import Play
from tests.scenarios.harness import bench

pytestmark = pytest.mark.anyio

SPENT = {
    "openai-chat": Play(status=429, code="insufficient_quota"),
    "openai-responses": Play(status=429, code="insufficient_quota"),
    "anthropic-messages": Play(status=402),
    "vertex-anthropic": Play(status=402),
    "gemini-generate": Play(status=402),
    "bedrock-converse": Play(status=400, code="ServiceQuotaExceededException"),
    "bedrock-invoke-claude": Play(status=400, code="ServiceQuotaExceededException"),
    "cohere-chat": Play(status=402),
}
LIMITED = Play(
    status=429,
    body='{"type":"error","error":{"type":"rate_limit_error","message":"The limit is reached.",'
    '"details":{"error_code":"enforced_spend_limit_reached"}}}',
)
KEYS: Any = {"a": {"keys": [{"api_key": "${env:KEY_A}"}, {"api_key": "${env:KEY_B}"}]}}
ENVIRON = {"KEY_A": "key-number-a-000000", "KEY_B": "key-number-b-000000"}


@pytest.mark.parametrize("dialect", SPENT)
async def test_r9_the_next_target_answers_and_the_spent_one_rests(
    dialect: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench(dialect, "openai-chat") as found:
        found.servers[0].script(SPENT[dialect])
        assert (await found.hear()).attempts == [("a", "quota"), ("b", "ok")]
        for later in (0.0, 299.0):
            found.clock.by += later
            assert (await found.hear()).attempts == [("b", "ok")]
        assert [one.getMessage() for one in caplog.records] == [
            "a was refused or cannot pay: not used for 300 s"
        ]
        found.clock.by += 2
        assert (await found.hear()).attempts == [("a", "quota"), ("b", "ok")]
    assert found.counts[0] == 2


async def test_r9_an_enforced_spend_limit_is_one_too() -> None:
    async with bench("anthropic-messages", "openai-chat") as found:
        found.servers[0].script(LIMITED)
        assert (await found.hear()).attempts == [("a", "quota"), ("b", "ok")]


async def test_r9_another_key_of_the_pool_goes_on() -> None:
    async with bench("openai-chat", providers=KEYS, environ=ENVIRON) as found:
        [server] = found.servers
        server.script(SPENT["openai-chat"], key=ENVIRON["KEY_A"])
        heard = [await found.hear() for _ in range(10)]
    assert [one.error for one in heard] == [""] * 10
    assert sum(one.key == ENVIRON["KEY_A"] for one in server.seen) == 1


async def test_r9_the_caller_is_told_when_nobody_else_is_there() -> None:
    async with bench("openai-chat") as found:
        found.servers[0].script(SPENT["openai-chat"])
        heard = await found.hear()
    assert (heard.error, heard.status) == ("quota", 429)
    assert found.counts == [1]
