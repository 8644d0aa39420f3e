"""R19: an answer that took three attempts says so."""

from __future__ import annotations

import pytest

from tests.faultd import Play
from tests.scenarios.harness import bench

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("stream", [False, True])
async def test_r19_every_attempt_is_in_the_record(stream: bool) -> None:
    route = {"retry": {"same_target": 0}}
    async with bench(*["openai-chat"] * 3, route=route) as found:
        for server in found.servers[:2]:
            server.script(Play(status=500))
        heard = await found.hear(stream=stream)
    assert heard.text == "000 001 002 "
    assert heard.decision is not None
    attempts = heard.decision.attempts
    assert [(one.target, one.outcome, one.status) for one in attempts] == [
        ("a/gpt-5.1", "server_error", 500),
        ("b/gpt-5.1", "server_error", 500),
        ("c/gpt-5.1", "ok", 200),
    ]
    assert [one.started for one in attempts] == sorted(one.started for one in attempts)
    assert attempts[2].first_content is not None
    assert found.counts == [1, 1, 1]
