"""Answers that are none: what a caller hears when a base URL or a proxy is wrong, and when a
failure comes as a whole body where a stream was asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.graph.making import HELLO, failing, opened, plan, said, streamed
from trunkline import InterruptedAnswer, UpstreamError
from trunkline.transport import Canned

pytestmark = pytest.mark.anyio

ONE = "  - {match: '*', to: a/m, retry: {same_target: 0}}"
JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html; charset=utf-8"}


def body(value: Any, *headers: dict[str, str], status: int = 200) -> Canned:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Canned(status, dict(*headers) or JSON, (text,))


async def refused(canned: Canned, *, stream: bool) -> UpstreamError:
    engine, _ = await opened(plan(ONE), [canned])
    async with engine:
        with pytest.raises(UpstreamError) as caught:
            if stream:
                async with engine.stream(model="m", messages=HELLO) as reply:
                    async for _ in reply:
                        pass
            else:
                await engine.chat(model="m", messages=HELLO)
    return caught.value


@pytest.mark.parametrize("stream", [False, True])
async def test_an_error_in_a_200_is_the_error_that_it_says(stream: bool) -> None:
    error = {"error": {"message": "no money left", "code": "insufficient_quota"}}
    found = await refused(body(error), stream=stream)
    assert found.message == "no money left"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_page_for_people_is_called_one(stream: bool) -> None:
    found = await refused(body(b"<html>log in</html>", HTML), stream=stream)
    assert found.kind == "malformed"
    assert "text/html" in found.message


async def test_an_empty_answer_is_called_empty() -> None:
    assert (await refused(body(b""), stream=False)).message == "the reply is empty"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_redirect_says_where_to_and_that_it_is_not_followed(stream: bool) -> None:
    away = body(b"", {"location": "https://elsewhere.test/x?token=1"}, status=302)
    found = await refused(away, stream=stream)
    assert "a redirect to elsewhere.test, which is not followed" in found.message


async def test_a_redirect_to_nowhere_is_one_all_the_same() -> None:
    found = await refused(body(b"", {"location": "https://[broken"}, status=302), stream=False)
    assert "a redirect, which is not followed" in found.message
    away = body(b"", {"location": "https://user:word@elsewhere.test/"}, status=302)
    assert "word" not in (await refused(away, stream=False)).message


async def test_a_404_that_no_provider_wrote_shows_the_path() -> None:
    found = await refused(body(b"<html>not found</html>", HTML, status=404), stream=False)
    assert found.kind == "not_found"
    assert "(POST /v1/chat/completions)" in found.message
    assert "POST" not in (await refused(failing(404), stream=False)).message


async def test_a_whole_answer_where_a_stream_was_asked_for_is_an_answer() -> None:
    engine, _ = await opened(plan(ONE), [said("whole")])
    async with engine, engine.stream(model="m", messages=HELLO) as reply:
        async for _ in reply:
            pass
        assert reply.reply.text == "whole"


async def test_a_stream_that_is_called_json_is_read_as_the_stream_that_it_is() -> None:
    events = streamed(b"\n", "he", "llo", b"data: [DONE]\n\n")
    engine, _ = await opened(plan(ONE), [Canned(200, JSON, events.body)])
    async with engine, engine.stream(model="m", messages=HELLO) as reply:
        async for _ in reply:
            pass
        assert reply.reply.text == "hello"


async def test_a_stream_that_never_ends_is_not_read_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("trunkline.graph.answer.MAX_STREAM", 10_000)
    with pytest.raises(InterruptedAnswer, match="longer than 10000 bytes"):
        engine, _ = await opened(plan(ONE), [streamed(*["word "] * 1_000)])
        async with engine, engine.stream(model="m", messages=HELLO) as reply:
            async for _ in reply:
                pass
