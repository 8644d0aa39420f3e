"""R10: a provider that refuses our own credential is our trouble, and never the caller's."""

from __future__ import annotations

import json

import pytest

from tests.faultd import Play
from tests.scenarios.harness import CHATS, KEY, bench
from tests.scenarios.harness_doors import DOORS, served

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("dialect", CHATS)
async def test_r10_the_next_target_answers_and_the_credential_rests(
    dialect: str, status: int
) -> None:
    async with bench(dialect, "openai-chat") as found:
        found.servers[0].script(Play(status=status))
        assert (await found.hear()).attempts == [("a", "auth"), ("b", "ok")]
        assert (await found.hear(stream=True)).attempts == [("b", "ok")]
        found.clock.by += 299
        assert (await found.hear()).attempts == [("b", "ok")]
        found.clock.by += 2
        assert (await found.hear()).attempts == [("a", "auth"), ("b", "ok")]
    assert found.counts[0] == 2


@pytest.mark.parametrize("status", [401, 403])
async def test_r10_a_client_is_never_told_that_it_is_its_own_key(status: int) -> None:
    leak = Play(status=status, message=f"Incorrect API key provided: {KEY}. Or is it {KEY[:12]}…?")
    async with served("openai-chat") as found:
        found.bench.servers[0].script(leak)
        for door in DOORS:
            for stream in (False, True):
                answer = await found.ask(door, stream=stream)
                assert answer.status in (502, 503)
                shown = answer.body + json.dumps(answer.headers).encode()
                assert KEY.encode() not in shown
                assert KEY[:12].encode() not in shown
                if answer.status == 502:
                    assert b"upstream_auth_error" in answer.body
