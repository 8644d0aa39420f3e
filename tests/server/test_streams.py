"""Streams that end otherwise than well, in the bytes that a client sees."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import openai
import pytest

from trunkline.simulator import Fault

if TYPE_CHECKING:
    from tests.server.conftest import Begin, Gateway

pytestmark = pytest.mark.anyio

PATHS = {"openai-chat": "/v1/chat/completions", "anthropic-messages": "/v1/messages"}
BREAKS = [
    Fault(cut_after=3),
    Fault(reset_after=3),
    Fault(end_after=3),
    Fault(malformed_after=3),
]
HELLO: Any = [{"role": "user", "content": "hello there"}]
REPLY = "abcdefghij"


async def streamed(served: Gateway, door: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The headers and the events (name, data) of a stream, as any reader of event streams sees
    them. The body must end as HTTP wants it."""
    value = {"model": "m-1", "max_tokens": 99, "messages": HELLO, "stream": True}
    body = json.dumps(value).encode()
    head = f"POST {PATHS[door]} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
    got = await served.send(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    lines, _, rest = got.partition(b"\r\n\r\n")
    content = b""
    while not rest.startswith(b"0\r\n\r\n"):
        size, _, rest = rest.partition(b"\r\n")
        content += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    headers = dict(line.split(": ", 1) for line in lines.decode().split("\r\n")[1:])
    events = []
    for event in content.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in event.split("\n"))
        events.append((fields.get("event", ""), fields["data"]))
    return headers, events


@pytest.mark.parametrize("wire", PATHS)
@pytest.mark.parametrize("fault", BREAKS, ids=lambda fault: fault.__repr__()[-30:])
async def test_a_break_after_the_first_words_is_one_error_event_of_openai(
    gateway: Begin, wire: str, fault: Fault
) -> None:
    served = await gateway((wire, fault), reply=REPLY, chunk=1)
    headers, events = await streamed(served, "openai-chat")
    values = [json.loads(data) for _, data in events]
    errors = [value["error"] for value in values if "error" in value]
    assert len(errors) == 1
    assert "error" in values[-1]
    assert errors[0]["code"] == "upstream_interrupted"
    assert all(c["finish_reason"] is None for value in values[:-1] for c in value["choices"])
    said = "".join(c["delta"].get("content") or "" for v in values[:-1] for c in v["choices"])
    assert said == "abc"
    assert headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("wire", PATHS)
@pytest.mark.parametrize("fault", BREAKS, ids=lambda fault: fault.__repr__()[-30:])
async def test_a_break_after_the_first_words_is_one_error_event_of_anthropic(
    gateway: Begin, wire: str, fault: Fault
) -> None:
    served = await gateway((wire, fault), reply=REPLY, chunk=1)
    headers, events = await streamed(served, "anthropic-messages")
    names = [name for name, _ in events]
    assert names.count("error") == 1
    assert names[-1] == "error"
    assert "message_delta" not in names
    assert "message_stop" not in names
    values = [json.loads(data) for _, data in events]
    deltas = [value["delta"] for value in values if value["type"] == "content_block_delta"]
    assert "".join(delta["text"] for delta in deltas) == "abc"
    assert values[-1]["request_id"] == headers["request-id"] == headers["x-request-id"]


async def test_the_sdks_raise_when_a_stream_breaks(gateway: Begin) -> None:
    served = await gateway(("openai-chat", Fault(cut_after=3)), reply=REPLY, chunk=1)
    async with served.openai() as client:
        stream = await client.chat.completions.create(model="m", messages=HELLO, stream=True)
        with pytest.raises(openai.APIError, match="broke off"):
            async for _ in stream:
                pass
    async with served.anthropic() as other:
        with pytest.raises(anthropic.APIError, match="broke off"):
            async with other.messages.stream(model="m", max_tokens=9, messages=HELLO) as events:
                await events.get_final_message()


@pytest.mark.parametrize("door", PATHS)
async def test_a_break_before_the_first_words_is_not_seen(gateway: Begin, door: str) -> None:
    served = await gateway(
        ("openai-chat", Fault(end_after=0)), ("anthropic-messages",), reply=REPLY, chunk=1
    )
    _, events = await streamed(served, door)
    assert (
        "".join(each for each in REPLY if any(f'"{each}"' in data for _, data in events)) == REPLY
    )
    assert not any("error" in name or '"error"' in data for name, data in events)
    assert [upstream.count for upstream in served.upstreams] == [1, 1]


async def test_a_stream_is_not_to_be_held_back_on_its_way(gateway: Begin) -> None:
    served = await gateway(("openai-chat",))
    headers, events = await streamed(served, "openai-chat")
    assert headers["cache-control"] == "no-cache"
    assert headers["x-accel-buffering"] == "no"
    assert events[-1] == ("", "[DONE]")
