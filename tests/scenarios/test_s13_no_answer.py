"""S13: status 200 is no answer by itself."""

from __future__ import annotations

import pytest

from tests.faultd import Break, Play
from tests.scenarios.harness import CHATS, bench

pytestmark = pytest.mark.anyio

NONE = {
    "html": Play(instead="html"),
    "error_object": Play(instead="error_object"),
    "empty": Play(instead="empty"),
    "not_json": Play(instead="not_json"),
    "wrong_type": Play(instead="html", headers={"content-type": "application/octet-stream"}),
    "no_events": Play(breaks=Break("unterminated", "head")),
    "prelude_alone": Play(breaks=Break("unterminated", "prelude")),
    "not_http": Play(instead="not_http"),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("what", NONE)
@pytest.mark.parametrize("dialect", CHATS)
async def test_s13_what_is_no_answer_goes_to_the_next(
    dialect: str, what: str, stream: bool
) -> None:
    async with bench(dialect, "openai-chat") as found:
        found.servers[0].script(NONE[what])
        heard = await found.hear(stream=stream)
    assert heard.text == "000 001 002 "
    assert (heard.error, heard.finish) == ("", "stop")
    assert found.counts == [1, 1]
    assert heard.attempts[0][1] in ("malformed", "server_error", "overloaded")
    assert heard.attempts[1] == ("b", "ok")
