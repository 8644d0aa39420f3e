"""What every face that sends must do, against servers that behave and servers that do not."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from trunkline.errors import EngineClosed, InternalError, UpstreamError
from trunkline.ports import HttpRequest, Timeouts
from trunkline.transport import NativeTransport, on_the_wire

if TYPE_CHECKING:
    from trunkline.ports import HttpResponse, Transport

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
QUICK = Timeouts(connect=1, pool=1, write=0.3, first_byte=0.15, first_token=0.15, idle=0.15)
PATIENT = Timeouts()


def post(url: str, body: bytes = b"{}", **headers: str) -> HttpRequest:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return HttpRequest("POST", url, (("content-type", "application/json"), *named), body)


async def whole(response: HttpResponse) -> bytes:
    return b"".join([chunk async for chunk in response.chunks()])


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def refused(transport: Transport) -> str:
    """The kind of what is not HTTP. httpx has one error for that and for a connection that
    broke, and tells them apart by words only."""
    return "malformed" if isinstance(transport, NativeTransport) else "server_error"


async def failure(transport: Transport, url: str, timeouts: Timeouts = PATIENT) -> UpstreamError:
    """The error that a call ends in, whether at its head or in its body."""
    with pytest.raises(UpstreamError) as caught:
        await whole(await transport.send(post(url), timeouts))
    return caught.value


async def test_a_whole_answer_and_the_connection_is_used_again(
    transport: Transport, served: Any
) -> None:
    async def play(peer: Any, _: Any) -> None:
        while True:
            await peer.request()
            await peer.send(OK)

    async with served(play) as server:
        for _ in range(3):
            response = await transport.send(post(server.url + "/v1"), PATIENT)
            assert response.status == 200
            assert response.headers == {"content-length": "2"}
            assert await whole(response) == b"ok"
        assert server.connections == 1


async def test_the_request_arrives_byte_for_byte_as_shown(
    transport: Transport, served: Any
) -> None:
    seen = []

    async def play(peer: Any, _: Any) -> None:
        seen.append(await peer.request())
        await peer.send(OK)

    async with served(play) as server:
        url = server.url + "/model/a%3Ab/x;y@1?alt=sse&q=%2e%2e"
        request = post(url, b'{"a":"\xc3\xa9"}', x_api_key="k", x_text="é")
        await whole(await transport.send(request, PATIENT))
    shown = on_the_wire(request)
    lines = [f"POST {url.removeprefix(server.url)} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in shown.headers]
    assert seen == ["\r\n".join([*lines, "", ""]).encode() + request.body]
    assert [name for name, _ in shown.headers] == [
        "host", "content-type", "x-api-key", "x-text", "accept-encoding", "user-agent",
        "content-length",
    ]  # fmt: skip


async def test_chunks_come_as_they_are_sent(transport: Transport, served: Any) -> None:
    async def play(peer: Any, server: Any) -> None:
        await peer.request()
        await peer.send(CHUNKED + chunk(b"one"))
        await server.go_on.wait()
        await peer.send(chunk(b"two") + b"0\r\n\r\n")

    async with served(play) as server:
        response = await transport.send(post(server.url), PATIENT)
        chunks = response.chunks()
        assert await anext(chunks) == b"one"
        server.go_on.set()
        assert [part async for part in chunks] == [b"two"]


async def test_a_body_without_length_ends_with_the_connection(
    transport: Transport, served: Any
) -> None:
    async def play(peer: Any, _: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.0 200 OK\r\nX-A: 1\r\nx-a: 2\r\n\r\nhello")

    async with served(play) as server:
        response = await transport.send(post(server.url), PATIENT)
        assert response.headers == {"x-a": "1, 2"}
        assert await whole(response) == b"hello"


@pytest.mark.parametrize("status", [301, 307, 429, 500, 599])
async def test_every_status_is_an_answer_and_no_redirect_is_followed(
    transport: Transport, served: Any, status: int
) -> None:
    async def play(peer: Any, _: Any) -> None:
        await peer.request()
        await peer.send(
            b"HTTP/1.1 %d X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 2\r\n\r\nno"
            % status
        )

    async with served(play) as server:
        response = await transport.send(post(server.url), PATIENT)
        assert (response.status, await whole(response)) == (status, b"no")
        assert server.connections == 1


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\ncontent-"], ids=["nothing", "half"])
async def test_an_end_before_the_head_is_a_server_error(
    transport: Transport, served: Any, head: bytes
) -> None:
    async def play(peer: Any, _: Any) -> None:
        await peer.request()
        await peer.send(head)

    async with served(play) as server:
        error = await failure(transport, server.url)
    assert (error.kind, error.stage) == ("server_error", "sent")


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", id="another protocol"),
        pytest.param(b"\x16\x03\x01\x00\xff" * 9 + b"\r\n\r\n", id="bytes"),
        pytest.param(b"HTTP/1.1 200 OK\r\nbroken header\r\n\r\n", id="a broken header"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", id="a broken length"),
    ],
)
async def test_no_proper_head_is_malformed(transport: Transport, served: Any, head: bytes) -> None:
    async def play(peer: Any, _: Any) -> None:
        await peer.request()
        await peer.send(head)

    async with served(play) as server:
        error = await failure(transport, server.url)
    assert (error.kind, error.stage) == (refused(transport), "sent")


async def test_a_reset_before_the_head_is_a_server_error(transport: Transport, served: Any) -> None:
    async def play(peer: Any, _: Any) -> None:
        await peer.request()
        peer.reset()

    async with served(play) as server:
        assert (await failure(transport, server.url)).kind == "server_error"


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(CHUNKED + chunk(b"abc"), id="chunked"),
        pytest.param(CHUNKED + chunk(b"abc") + b"5\r\nde", id="inside a chunk"),
        pytest.param(CHUNKED + chunk(b"abc") + b"zz\r\n", id="a broken chunk"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", id="with a length"),
    ],
)
@pytest.mark.parametrize("how", ["fin", "reset"])
async def test_a_body_that_is_cut_raises_and_does_not_end(
    transport: Transport, served: Any, start: bytes, how: str
) -> None:
    async def play(peer: Any, server: Any) -> None:
        await peer.request()
        await peer.send(start)
        await server.go_on.wait()
        if how == "reset":
            peer.reset()

    async with served(play) as server:
        response = await transport.send(post(server.url), PATIENT)
        chunks = response.chunks()
        assert (await anext(chunks)).startswith(b"abc")
        server.go_on.set()
        with pytest.raises(UpstreamError) as caught:
            assert b"abc" not in [part async for part in chunks]
        kind = refused(transport) if start.endswith(b"zz\r\n") else "server_error"
        assert (caught.value.kind, caught.value.stage) == (kind, "head")


async def test_nobody_listening_is_a_connect_error(transport: Transport, served: Any) -> None:
    async with served(None) as server:
        url = server.url
    assert (await failure(transport, url)).kind == "connect"


async def test_a_stalled_handshake_is_a_connect_error(transport: Transport, served: Any) -> None:
    async def play(peer: Any, _: Any) -> None:
        await peer.gone()

    async with served(play) as server:
        url = server.url.replace("http:", "https:")
        error = await failure(transport, url, Timeouts(connect=0.1))
    assert error.kind == "connect"


async def test_plain_text_in_place_of_tls_is_a_connect_error(
    transport: Transport, served: Any
) -> None:
    async def play(peer: Any, _: Any) -> None:
        await peer.reader.read(10)
        await peer.send(OK)

    async with served(play) as server:
        error = await failure(transport, server.url.replace("http:", "https:"))
    assert error.kind == "connect"


@pytest.mark.parametrize("manner", ["silence", "a byte now and then"])
async def test_a_head_that_does_not_come_is_a_timeout_and_the_socket_closes(
    transport: Transport, served: Any, manner: str
) -> None:
    async def play(peer: Any, server: Any) -> None:
        await peer.request()
        gone = asyncio.ensure_future(peer.gone())
        await peer.send(b"" if manner == "silence" else b"HTTP/1.1 200 OK\r\nx: ")
        while manner != "silence" and not gone.done():
            await peer.send(b"y")
            await asyncio.wait([gone], timeout=0.03)
        server.gone.set_result(await gone)

    async with served(play) as server:
        error = await failure(transport, server.url, QUICK)
        assert error.kind == "timeout"
        assert "0.15 s" in error.message
        assert await server.gone


async def test_time_to_connect_and_send_does_not_count_as_time_to_answer(
    transport: Transport, served: Any
) -> None:
    body = b"x" * 20_000_000
    times = replace(QUICK, write=2, first_byte=0.7)

    async def play(peer: Any, server: Any) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.go_on.wait(), 0.9)
        await peer.request()
        await peer.send(OK)

    async with served(play) as server:
        response = await transport.send(post(server.url, body), times)
        assert response.status == 200
        await response.aclose()


async def test_a_server_that_does_not_read_is_a_timeout(transport: Transport, served: Any) -> None:
    async def play(peer: Any, server: Any) -> None:
        await server.go_on.wait()

    async with served(play) as server:
        with pytest.raises(UpstreamError) as caught:
            await transport.send(post(server.url, b"x" * 30_000_000), QUICK)
        server.go_on.set()
    assert caught.value.kind == "timeout"


async def test_a_body_that_falls_silent_is_a_timeout_and_the_socket_closes(
    transport: Transport, served: Any
) -> None:
    async def play(peer: Any, server: Any) -> None:
        await peer.request()
        await peer.send(CHUNKED + chunk(b"abc"))
        server.gone.set_result(await peer.gone())

    async with served(play) as server:
        response = await transport.send(post(server.url), QUICK)
        chunks = response.chunks()
        assert await anext(chunks) == b"abc"
        with pytest.raises(UpstreamError, match=r"0\.15 s") as caught:
            await anext(chunks)
        assert caught.value.kind == "timeout"
        assert await server.gone


async def test_silence_before_the_first_content_has_its_own_limit(
    transport: Transport, served: Any
) -> None:
    async def play(peer: Any, server: Any) -> None:
        await peer.request()
        await peer.send(CHUNKED + chunk(b"abc"))
        await peer.gone()

    async with served(play) as server:
        for limits, idle in (
            (Timeouts(first_token=9, idle=2), 9),
            (Timeouts(first_token=1, idle=2), 2),
            (Timeouts(first_token=None, idle=2), None),
            (Timeouts(idle=None), None),
        ):
            response = await transport.send(post(server.url), limits)
            assert response.idle == idle
            await response.aclose()
        response = await transport.send(post(server.url), PATIENT)
        chunks = response.chunks()
        assert await anext(chunks) == b"abc"
        response.idle = 0.05
        with pytest.raises(UpstreamError, match=r"0\.05 s"):
            await anext(chunks)


async def test_an_answer_that_comes_before_the_request_was_read_is_read(
    transport: Transport, served: Any
) -> None:
    async def play(peer: Any, server: Any) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
        await server.go_on.wait()

    async with served(play) as server:
        timeouts = Timeouts(write=0.2)
        try:
            response = await transport.send(post(server.url, b"x" * 200_000), timeouts)
            assert (response.status, await whole(response)) == (413, b"no")
        finally:
            server.go_on.set()


@pytest.mark.parametrize("stage", ["head", "body"])
async def test_cancelling_closes_the_socket(transport: Transport, served: Any, stage: str) -> None:
    async def play(peer: Any, server: Any) -> None:
        await peer.request()
        if stage == "body":
            await peer.send(CHUNKED + chunk(b"abc"))
        server.asked.set()
        server.gone.set_result(await peer.gone())

    got = asyncio.Event()

    async def call(url: str) -> None:
        response = await transport.send(post(url), PATIENT)
        async for _ in response.chunks():
            got.set()

    async with served(play) as server:
        task = asyncio.create_task(call(server.url))
        await (server.asked if stage == "head" else got).wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await server.gone


@pytest.mark.parametrize("begun", [False, True])
async def test_closing_a_response_early_closes_the_socket(
    transport: Transport, served: Any, begun: bool
) -> None:
    async def play(peer: Any, server: Any) -> None:
        await peer.request()
        await peer.send(CHUNKED + chunk(b"abc"))
        server.gone.set_result(await peer.gone())

    async with served(play) as server:
        response = await transport.send(post(server.url), PATIENT)
        if begun:
            assert await anext(response.chunks()) == b"abc"
        await response.aclose()
        await response.aclose()
        assert await server.gone


@pytest.mark.parametrize("replayable", [True, False])
async def test_a_kept_connection_that_dies_unanswered_is_replaced_or_named_stale(
    transport: Transport, served: Any, replayable: bool
) -> None:
    """httpx retries a connection only before it is connected, so that it never replays."""

    async def play(peer: Any, server: Any) -> None:
        await peer.request()
        await peer.send(OK)
        if server.connections == 1:
            await peer.request()

    async with served(play) as server:
        await whole(await transport.send(post(server.url), PATIENT))
        again = replace(post(server.url), replayable=replayable)
        if replayable and isinstance(transport, NativeTransport):
            assert await whole(await transport.send(again, PATIENT)) == b"ok"
            assert (server.connections, transport.replays) == (2, 1)
            return
        with pytest.raises(UpstreamError) as caught:
            await transport.send(again, PATIENT)
        assert (caught.value.kind, caught.value.stage) == ("connect", "stale")
        assert server.connections == 1


@pytest.mark.parametrize(
    "fields",
    [b"x: y\r\n" * 101, b"x: " + b"y" * 40_000 + b"\r\n", b"x: " + b"y" * 1_000_000],
    ids=["many", "long", "endless"],
)
async def test_a_head_beyond_the_limits_is_refused(
    transport: Transport, served: Any, fields: bytes
) -> None:
    async def play(peer: Any, server: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n" + fields + b"\r\nok")
        server.gone.set_result(await peer.gone())

    async with served(play) as server:
        assert (await failure(transport, server.url)).kind in ("malformed", "server_error")


@pytest.mark.parametrize("coding", ["gzip", "x-gzip"])
async def test_a_body_compressed_unasked_is_read(
    transport: Transport, served: Any, coding: str
) -> None:
    body = gzip.compress(b"[{}]" * 100_000)

    async def play(peer: Any, server: Any) -> None:
        await peer.request()
        head = b"HTTP/1.1 200 OK\r\ncontent-encoding: %b\r\ncontent-length: %d\r\n\r\n"
        await peer.send(head % (coding.encode(), len(body)) + body)

    async with served(play) as server:
        response = await transport.send(post(server.url), PATIENT)
        assert await whole(response) == b"[{}]" * 100_000


@pytest.mark.parametrize(
    ("coding", "body", "kind"),
    [
        ("gzip", gzip.compress(b"hello")[:-9], "server_error"),
        ("gzip", b"not gzip at all", "malformed"),
        ("gzip", gzip.compress(b"\0" * 30_000_000), "malformed"),
        ("br", b"x", "malformed"),
    ],
    ids=["cut", "broken", "bomb", "unknown"],
)
async def test_a_body_that_cannot_or_must_not_be_decompressed_is_an_error(
    transport: Transport, served: Any, coding: str, body: bytes, kind: str
) -> None:
    async def play(peer: Any, server: Any) -> None:
        await peer.request()
        head = b"HTTP/1.1 200 OK\r\ncontent-encoding: %b\r\ncontent-length: %d\r\n\r\n"
        await peer.send(head % (coding.encode(), len(body)) + body)

    async with served(play) as server:
        assert (await failure(transport, server.url)).kind == kind


async def test_a_hostile_path_is_refused_and_nothing_is_sent(
    transport: Transport, served: Any
) -> None:
    async with served(None) as server:
        for path in ("/v1/../admin", "/a/%2e%2e/b", "/a b", "/a\\b", "/a#b", "/é", "/a\r\nx: y"):
            with pytest.raises(InternalError, match="cannot be sent"):
                await transport.send(post(server.url + path), PATIENT)
        assert server.connections == 0


async def test_a_closed_transport_says_so(transport: Transport) -> None:
    await transport.aclose()
    with pytest.raises(EngineClosed):
        await transport.send(post("http://127.0.0.1:9/"), PATIENT)


async def test_many_calls_at_once_each_get_their_own_answer(
    transport: Transport, served: Any
) -> None:
    async def play(peer: Any, _: Any) -> None:
        while True:
            body = (await peer.request()).partition(b"\r\n\r\n")[2]
            await peer.send(CHUNKED + chunk(body) + b"0\r\n\r\n")

    async def call(url: str, number: int) -> bytes:
        return await whole(await transport.send(post(url, b"%d" % number), PATIENT))

    async with served(play) as server:
        answers = await asyncio.gather(*(call(server.url, n) for n in range(150)))
    assert answers == [b"%d" % n for n in range(150)]
