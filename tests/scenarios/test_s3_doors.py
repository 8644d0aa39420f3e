"""S3 at the doors: a stream that is cut after 40 of 60 pieces is 40 pieces and one error event,
in the client's own wire, without an ending that was never said. Nobody else is asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.faultd import Break, Play
from tests.scenarios.harness_doors import served
from tests.server.doors import Line, asked, events

if TYPE_CHECKING:
    from tests.faultd.play import How

pytestmark = pytest.mark.anyio

SAID = "".join(f"{number:03d} " for number in range(40))
CUTS: list[How] = ["fin", "rst", "unterminated", "eof"]


def of_chat(told: list[tuple[str, Any]], request_id: str) -> str:
    *shown, (_, last) = told
    error = last["error"]
    assert (error["code"], error["request_id"]) == ("upstream_interrupted", request_id)
    assert not any("error" in value or value == "[DONE]" for _, value in shown)
    choices = [choice for _, value in shown for choice in value["choices"]]
    assert not any(choice["finish_reason"] for choice in choices)
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def of_responses(told: list[tuple[str, Any]], request_id: str) -> str:
    """The wire says a failure in two events: the response has failed, and why."""
    *shown, (failed, whole), (name, last) = told
    assert (failed, name) == ("response.failed", "error")
    assert (whole["response"]["status"], last["code"]) == ("failed", "upstream_interrupted")
    assert last["error"]["request_id"] == request_id
    assert not any(".done" in event or "completed" in event for event, _ in told)
    return "".join(v["delta"] for event, v in shown if event == "response.output_text.delta")


def of_messages(told: list[tuple[str, Any]], request_id: str) -> str:
    *shown, (name, last) = told
    assert (name, last["type"], last["error"]["type"]) == ("error", "error", "api_error")
    assert last["request_id"] == request_id
    assert {event for event, _ in shown} == {
        "message_start",
        "content_block_start",
        "content_block_delta",
    }
    return "".join(v["delta"]["text"] for event, v in shown if event == "content_block_delta")


def of_gemini(told: list[tuple[str, Any]], request_id: str) -> str:
    *shown, (_, last) = told
    details = last["error"]["details"]
    assert [one["reason"] for one in details if "reason" in one] == ["UPSTREAM_INTERRUPTED"]
    assert [one["requestId"] for one in details if "requestId" in one] == [request_id]
    assert not any("error" in value for _, value in shown)
    candidates = [one for _, value in shown for one in value["candidates"]]
    assert not any("finishReason" in one for one in candidates)
    return "".join(part["text"] for one in candidates for part in one["content"]["parts"])


def of_converse(told: list[tuple[str, Any]], _: str) -> str:
    """The wire's exceptions have a message and no more; the id is in the headers alone."""
    *shown, (name, last) = told
    assert name == "modelStreamErrorException"
    assert "broke off" in last["message"]
    assert {event for event, _ in shown} <= {"messageStart", "contentBlockDelta"}
    return "".join(v["delta"]["text"] for event, v in shown if event == "contentBlockDelta")


def of_cohere(told: list[tuple[str, Any]], request_id: str) -> str:
    """ERROR is what this wire calls an error, and no reason for which a model stops."""
    *shown, (name, last) = told
    assert (name, last["delta"]["finish_reason"], last["id"]) == (
        "message-end",
        "ERROR",
        request_id,
    )
    assert {event for event, _ in shown} == {"message-start", "content-start", "content-delta"}
    deltas = [value["delta"] for event, value in shown if event == "content-delta"]
    return "".join(delta["message"]["content"]["text"] for delta in deltas)


READ = {
    "openai-chat": of_chat,
    "openai-responses": of_responses,
    "anthropic-messages": of_messages,
    "gemini-generate": of_gemini,
    "gemini-array": of_gemini,
    "bedrock-converse": of_converse,
    "cohere-chat": of_cohere,
}


@pytest.mark.parametrize("how", CUTS)
@pytest.mark.parametrize("door", READ)
async def test_s3_a_cut_is_one_error_event_of_the_door(door: str, how: How) -> None:
    cut = Play(chunks=60, breaks=Break(how, 40))
    async with (
        served("openai-chat", "anthropic-messages", usual=cut) as found,
        Line.to(found.port, asked(door)) as line,
    ):
        assert await line.head() == 200
        told = events(door, await line.body())
        assert READ[door](told, line.headers["x-request-id"]) == SAID
        assert [len(upstream.seen) for upstream in found.bench.servers] == [1, 0]


@pytest.mark.parametrize("upstream", ["openai-chat", "anthropic-messages"])
@pytest.mark.parametrize("asks", [True, False])
async def test_s3_usage_that_is_known_comes_before_the_error_where_it_was_asked_for(
    upstream: str, asks: bool
) -> None:
    """Anthropic's wire counts the input first, OpenAI's counts at the end, which never comes."""
    cut = Play(chunks=60, breaks=Break("fin", 40), input_tokens=77)
    more = {"stream_options": {"include_usage": True}} if asks else {}
    async with (
        served(upstream, usual=cut) as found,
        Line.to(found.port, asked("openai-chat", **more)) as line,
    ):
        assert await line.head() == 200
        told = [value for _, value in events("openai-chat", await line.body())]
    counted = [at for at, value in enumerate(told) if value.get("usage")]
    if asks and upstream == "anthropic-messages":
        assert counted == [len(told) - 2]
        assert told[-2]["choices"] == []
        assert told[-2]["usage"]["prompt_tokens"] == 77
    else:
        assert counted == []
    assert told[-1]["error"]["code"] == "upstream_interrupted"


async def test_s3_a_whole_answer_that_is_cut_is_asked_for_elsewhere() -> None:
    async with served("openai-chat", "anthropic-messages") as found:
        found.bench.servers[0].script(Play(chunks=60, breaks=Break("fin", 40)))
        request = asked("openai-chat", "connection: close", stream=False)
        async with Line.to(found.port, request) as line:
            assert await line.head() == 200
            said = json.loads(await line.body())
        assert said["choices"][0]["message"]["content"] == "000 001 002 "
