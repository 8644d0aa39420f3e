"""What else may be relied on: doors, determinism, the record, and HTTP as it is."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from tests.simulator.conftest import exchange, request_bytes
from tests.simulator.test_faults import close_after
from trunkline.catalog import dialect
from trunkline.simulator import Settings, start

if TYPE_CHECKING:
    from tests.simulator.conftest import Simulate

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/v1/chat/completions", "choices"),
        ("/openai/deployments/house/chat/completions?api-version=2024-10-21", "choices"),
        ("/some/where/v1/messages", "content"),
    ],
)
async def test_the_path_chooses_the_dialect(path: str, key: str) -> None:
    doors = [dialect(name).door for name in ("openai-chat", "anthropic-messages")]
    async with await start(Settings(provider="both", doors=[d for d in doors if d])) as simulated:
        got = await exchange(simulated, close_after(request_bytes("", path=path)))
    assert got.status == 200
    assert key in got.value


async def test_the_same_request_gets_the_same_answer_from_another_process_or_port(
    simulate: Simulate,
) -> None:
    def without_time(body: bytes) -> object:
        return {**json.loads(body), "created": None}

    asked = close_after(request_bytes("openai-chat"))
    one, two = await simulate("openai-chat"), await simulate("openai-chat")
    other = await simulate("openai-chat", seed=7)
    first, second, third = [await exchange(each, asked) for each in (one, two, other)]
    assert one.port != two.port
    assert without_time(first.body) == without_time(second.body)
    assert first.value["id"] != third.value["id"]


async def test_what_it_is_told_to_say_it_says(simulate: Simulate) -> None:
    simulated = await simulate("anthropic-messages", reply="Exactly this: ☃")
    got = await exchange(simulated, close_after(request_bytes("anthropic-messages")))
    assert got.value["content"] == [{"type": "text", "text": "Exactly this: ☃"}]


async def test_it_remembers_what_it_was_sent(simulate: Simulate) -> None:
    simulated = await simulate("openai-chat")
    data = close_after(request_bytes("openai-chat")).replace(b"host: x", b"host: x\r\nX-Team: red")
    await exchange(simulated, data)
    seen = simulated.seen[0]
    assert (seen.number, seen.method, seen.target) == (1, "POST", "/v1/chat/completions")
    assert seen.header("x-team") == "red"
    assert seen.header("x-other") is None
    assert json.loads(seen.body)["model"] == "m-1"
    assert seen.request is not None
    assert seen.request["messages"][0]["content"] == "hello there"


async def test_requests_of_one_connection_are_answered_in_turn(simulate: Simulate) -> None:
    simulated = await simulate("openai-chat", chunk_delay=0.001)
    asked = [request_bytes("openai-chat", model=f"m-{number}") for number in range(3)]
    got = await exchange(simulated, b"".join([*asked[:2], close_after(asked[2])]))
    bodies = [part.split(b"\r\n\r\n", 1)[1] for part in got.data.split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert [json.loads(body)["model"] for body in bodies] == ["m-0", "m-1", "m-2"]


async def test_a_client_that_goes_away_in_mid_stream_is_noticed(simulate: Simulate) -> None:
    simulated = await simulate("openai-chat", chunk_delay=0.01, reply="x" * 9000, chunk=1)
    reader, writer = await asyncio.open_connection("127.0.0.1", simulated.port)
    writer.write(request_bytes("openai-chat", stream=True, max_tokens=9000))
    await reader.readuntil(b'"x"')
    writer.close()
    assert await asyncio.wait_for(simulated.seen[0].over(), 5) == "cancelled"


async def test_closing_it_ends_what_is_under_way(simulate: Simulate) -> None:
    simulated = await simulate("openai-chat", latency=60)
    waiting = asyncio.create_task(exchange(simulated, request_bytes("openai-chat")))
    seen = await simulated.arrival()
    await simulated.aclose()
    assert seen.outcome == "cancelled"
    assert (await waiting).data == b""
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", simulated.port)


async def test_a_body_larger_than_the_sockets_buffers_arrives_whole(simulate: Simulate) -> None:
    simulated = await simulate("openai-chat", reply="abc " * 1_000_000, chunk=10_000)
    asked = request_bytes("openai-chat", max_tokens=None)
    whole = await exchange(simulated, close_after(asked))
    assert whole.value["choices"][0]["message"]["content"] == "abc " * 1_000_000


async def test_a_client_that_asks_before_it_sends_is_told_to_go_on(simulate: Simulate) -> None:
    simulated = await simulate("openai-chat")
    head, _, body = close_after(request_bytes("openai-chat")).partition(b"\r\n\r\n")
    reader, writer = await asyncio.open_connection("127.0.0.1", simulated.port)
    writer.write(head + b"\r\nexpect: 100-continue\r\n\r\n")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body)
    assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()


HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"


@pytest.mark.parametrize(
    ("data", "status", "said"),
    [
        (HEAD + b"content-length: 3\r\n\r\nhm?", 400, "not JSON"),
        (HEAD + b"content-length: 2\r\n\r\n[]", 400, "must be a JSON object"),
        (HEAD + b"content-length: 2\r\n\r\n{}", 400, "model is required"),
        (
            HEAD + b'content-length: 27\r\n\r\n{"model":"m","messages":[]}',
            400,
            "at least one message wanted",
        ),
        (HEAD.replace(b"POST", b"GET") + b"\r\n", 405, "GET is not answered here"),
    ],
)
async def test_a_request_that_cannot_be_answered_is_refused_in_the_dialect(
    simulate: Simulate, data: bytes, status: int, said: str
) -> None:
    simulated = await simulate("openai-chat")
    got = await exchange(simulated, data)
    assert got.status == status
    assert said in got.value["error"]["message"]
    assert simulated.seen[0].outcome == "refused"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n", 400),
        (HEAD + b"x-long: " + b"x" * 40_000 + b"\r\n\r\n", 413),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n1400001\r\n" + b"x" * 0x1400001, 413),
    ],
)
async def test_what_is_no_request_within_limits_is_refused_and_the_connection_closed(
    simulate: Simulate, data: bytes, status: int
) -> None:
    simulated = await simulate("openai-chat")
    got = await exchange(simulated, data)
    assert got.data == b"" or got.status == status
    assert simulated.count == 0


async def test_a_provider_needs_a_dialect_that_it_can_serve() -> None:
    with pytest.raises(ValueError, match="serve"):
        await start(Settings(provider="mute", doors=[]))
