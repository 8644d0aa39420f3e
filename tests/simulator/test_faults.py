"""Every fault, as a client sees it that looks at nothing but bytes."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from tests.simulator.conftest import exchange, request_bytes
from trunkline.simulator import Fault

if TYPE_CHECKING:
    from tests.simulator.conftest import Simulate

pytestmark = pytest.mark.anyio

WIRES = ("openai-chat", "anthropic-messages")
LAST = {"openai-chat": b"data: [DONE]\n\n", "anthropic-messages": b"message_stop"}
REPLY = "abcdefghij"
"""Ten chunks of one character."""


def close_after(data: bytes) -> bytes:
    """The request, asking for the connection to be closed, so that reading comes to an end."""
    return data.replace(b"\r\n", b"\r\nconnection: close\r\n", 1)


def dechunked(body: bytes) -> tuple[bytes, bool]:
    """A chunked body's content, and whether its last chunk came."""
    content = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        if size == b"0":
            return content, True
        content += body[: int(size, 16)]
        body = body[int(size, 16) + 2 :]
    return content, False


def letters(body: bytes) -> str:
    """The letters of the reply that are in events of either wire."""
    return "".join(each for each in REPLY if f'"{each}"'.encode() in body)


@pytest.mark.parametrize("wire", WIRES)
async def test_without_a_fault_the_stream_is_whole(simulate: Simulate, wire: str) -> None:
    simulated = await simulate(wire, reply=REPLY, chunk=1)
    got = await exchange(simulated, close_after(request_bytes(wire, stream=True)))
    content, complete = dechunked(got.body)
    assert (got.status, got.ended, complete) == (200, "eof", True)
    assert got.headers["content-type"].startswith("text/event-stream")
    assert letters(content) == REPLY
    assert LAST[wire] in content
    assert simulated.seen[0].outcome == "answered"


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_status_comes_in_the_words_of_the_dialect(
    simulate: Simulate, wire: str, stream: bool
) -> None:
    fault = Fault(status=429, retry_after=1.5, message="slow down", headers=(("x-more", "1"),))
    simulated = await simulate(wire, fault)
    got = await exchange(simulated, close_after(request_bytes(wire, stream=stream)))
    assert got.status == 429
    assert got.headers["retry-after"] == "1.5"
    assert got.headers["x-more"] == "1"
    assert got.value["error"]["message"] == "slow down"
    assert got.value["error"]["type"] == "rate_limit_error"
    assert simulated.seen[0].outcome == "status"


@pytest.mark.parametrize(
    ("body", "sent", "media"),
    [
        ({"detail": "down"}, b'{"detail":"down"}', "application/json"),
        ("<h1>Bad Gateway</h1>", b"<h1>Bad Gateway</h1>", "text/plain; charset=utf-8"),
    ],
)
async def test_a_status_may_have_a_body_of_its_own(
    simulate: Simulate, body: object, sent: bytes, media: str
) -> None:
    simulated = await simulate("openai-chat", Fault(status=502, body=body))
    got = await exchange(simulated, close_after(request_bytes("openai-chat")))
    assert (got.status, got.body, got.headers["content-type"]) == (502, sent, media)


@pytest.mark.parametrize("after", [1, 4])
@pytest.mark.parametrize("wire", WIRES)
async def test_a_cut_closes_in_the_middle_of_the_body(
    simulate: Simulate, wire: str, after: int
) -> None:
    simulated = await simulate(wire, Fault(cut_after=after), reply=REPLY, chunk=1)
    got = await exchange(simulated, request_bytes(wire, stream=True))
    content, complete = dechunked(got.body)
    assert (got.ended, complete) == ("eof", False)
    assert letters(content) == REPLY[:after]
    assert simulated.seen[0].outcome == "cut"


@pytest.mark.parametrize("after", [1, 4])
@pytest.mark.parametrize("wire", WIRES)
async def test_a_reset_in_the_middle_is_one(simulate: Simulate, wire: str, after: int) -> None:
    simulated = await simulate(wire, Fault(reset_after=after), reply=REPLY, chunk=1)
    got = await exchange(simulated, request_bytes(wire, stream=True))
    assert got.ended == "reset"
    assert letters(dechunked(got.body)[0]) == REPLY[:after]
    assert simulated.seen[0].outcome == "reset"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_reset_after_nothing_comes_before_the_head(
    simulate: Simulate, stream: bool
) -> None:
    simulated = await simulate("openai-chat", Fault(reset_after=0))
    got = await exchange(simulated, request_bytes("openai-chat", stream=stream))
    assert got == (b"", "reset")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_cut_after_nothing_comes_before_the_head(simulate: Simulate, stream: bool) -> None:
    simulated = await simulate("openai-chat", Fault(cut_after=0))
    got = await exchange(simulated, request_bytes("openai-chat", stream=stream))
    assert got == (b"", "eof")


@pytest.mark.parametrize("after", [0, 3])
@pytest.mark.parametrize("wire", WIRES)
async def test_an_end_is_polite_but_lacks_the_wires_own(
    simulate: Simulate, wire: str, after: int
) -> None:
    simulated = await simulate(wire, Fault(end_after=after), reply=REPLY, chunk=1)
    got = await exchange(simulated, close_after(request_bytes(wire, stream=True)))
    content, complete = dechunked(got.body)
    assert (got.ended, complete) == ("eof", True)
    assert letters(content) == REPLY[:after]
    assert LAST[wire] not in content
    assert simulated.seen[0].outcome == "end"


@pytest.mark.parametrize("after", [0, 3])
async def test_a_malformed_chunk_is_no_json(simulate: Simulate, after: int) -> None:
    simulated = await simulate("openai-chat", Fault(malformed_after=after), reply=REPLY, chunk=1)
    got = await exchange(simulated, close_after(request_bytes("openai-chat", stream=True)))
    content, complete = dechunked(got.body)
    assert complete
    bad = []
    for number, event in enumerate(content.decode().split("\n\n")[1:11]):
        try:
            json.loads(event.removeprefix("data: "))
        except ValueError:
            bad.append(number)
    assert bad == [after]
    assert simulated.seen[0].outcome == "malformed"


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("name", ["cut_after", "reset_after", "end_after", "malformed_after"])
async def test_an_answer_shorter_than_the_fault_is_struck_before_its_end(
    simulate: Simulate, wire: str, name: str
) -> None:
    simulated = await simulate(wire, Fault(**{name: 99}), reply=REPLY, chunk=1)
    got = await exchange(simulated, close_after(request_bytes(wire, stream=True)))
    content, _ = dechunked(got.body)
    assert letters(content) == REPLY
    assert b'"finish_reason":"stop"' not in content
    assert b'"message_stop"' not in content
    assert simulated.seen[0].outcome == name.removesuffix("_after")


@pytest.mark.parametrize("wire", WIRES)
async def test_a_whole_body_is_struck_in_its_middle(simulate: Simulate, wire: str) -> None:
    faults = Fault(on=(1,), cut_after=1), Fault(on=(2,), reset_after=1), Fault(on=(3,), end_after=1)
    simulated = await simulate(wire, *faults, Fault(on=(4,), malformed_after=1))
    asked = close_after(request_bytes(wire))
    cut, reset, end, malformed, fine = [await exchange(simulated, asked) for _ in range(5)]
    assert cut.ended == "eof"
    assert 0 < len(cut.body) < int(cut.headers["content-length"])
    assert reset.ended == "reset"
    content, complete = dechunked(end.body)
    assert complete
    assert content.startswith(b"{")
    for body in (content, malformed.body):
        with pytest.raises(ValueError):
            json.loads(body)
    assert "Simulated answer" in fine.body.decode()


@pytest.mark.parametrize("after", [0, 2])
async def test_a_stall_lasts_until_the_client_goes_away(simulate: Simulate, after: int) -> None:
    simulated = await simulate("openai-chat", Fault(stall_after=after), reply=REPLY, chunk=1)
    reader, writer = await asyncio.open_connection("127.0.0.1", simulated.port)
    writer.write(request_bytes("openai-chat", stream=True))
    seen = await simulated.arrival()
    if after:
        await reader.readuntil(f'"{REPLY[after - 1]}"'.encode())
    else:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.05)
    assert seen.outcome == ""
    writer.close()
    assert await asyncio.wait_for(seen.over(), 5) == "cancelled"


async def test_faults_strike_the_requests_they_name(simulate: Simulate) -> None:
    simulated = await simulate(
        "openai-chat",
        Fault(on=(2,), status=500),
        Fault(every=3, status=503),
        Fault(when=lambda request: request["model"] == "bad", status=404),
    )
    models = ["good", "good", "good", "good", "bad", "bad"]
    got = [
        await exchange(simulated, close_after(request_bytes("openai-chat", model=model)))
        for model in models
    ]
    assert [each.status for each in got] == [200, 500, 503, 200, 404, 503]
    assert simulated.count == 6


async def test_a_delay_and_a_latency_pass_before_the_answer(simulate: Simulate) -> None:
    simulated = await simulate("openai-chat", Fault(delay=0.05), latency=0.05, chunk_delay=0.01)
    loop = asyncio.get_running_loop()
    for stream in (False, True):
        begun = loop.time()
        await exchange(simulated, close_after(request_bytes("openai-chat", stream=stream)))
        assert loop.time() - begun >= 0.1 + 0.05
