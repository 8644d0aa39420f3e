"""What is particular to the native face: its pool, its timers, TLS, addresses and sockets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transport.canary import authority, certified
from tests.transport.conftest import _served
from tests.transport.rows import ANSWERS, BREAKS, CHUNKED, LENGTH, OK
from trunkline.errors import EngineClosed, InternalError, UpstreamError
from trunkline.ports import HttpRequest, Timeouts
from trunkline.transport import NativeTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio

ANSWER = LENGTH + b"\r\nok"
HERE = ("localhost", "local.test")


def post(url: str, body: bytes = b"{}") -> HttpRequest:
    return HttpRequest("POST", url, (), body)


async def whole(transport: NativeTransport, url: str, times: Timeouts | None = None) -> bytes:
    response = await transport.send(post(url), times or Timeouts())
    return b"".join([chunk async for chunk in response.chunks()])


async def answering(peer: Any, _: Any) -> None:
    while True:
        await peer.request()
        await peer.send(ANSWER)


def end_without_farewell(peer: Any) -> None:
    """FIN under TLS, with no close_notify: what anyone on the way could do."""
    with socket.socket(fileno=os.dup(peer.writer.get_extra_info("socket").fileno())) as raw:
        raw.shutdown(socket.SHUT_WR)


def by_name(server: Any, name: str) -> str:
    return str(server.url).replace("127.0.0.1", name)


@pytest.fixture
async def native() -> AsyncIterator[NativeTransport]:
    transport = NativeTransport()
    yield transport
    await transport.aclose()


@pytest.fixture
async def trusting() -> AsyncIterator[NativeTransport]:
    """A transport that believes the tests' own authority."""
    transport = NativeTransport(tls=certified(HERE, "127.0.0.1")[1])
    yield transport
    await transport.aclose()


# --- TLS


async def test_tls_by_name_by_address_and_with_a_file_of_authorities(
    served: Any, tmp_path: Path
) -> None:
    seen = []
    tls = certified(HERE, "127.0.0.1")[0]
    tls.sni_callback = lambda _, name, __: seen.append(name)
    file = tmp_path / "ca.pem"
    file.write_text(authority(HERE, "127.0.0.1"))
    transport = NativeTransport(ca=file)
    async with served(answering, tls) as server:
        for _ in range(2):
            assert await whole(transport, server.url) == b"ok"
            assert await whole(transport, by_name(server, "localhost")) == b"ok"
        assert server.connections == 2
        await transport.aclose()
    tls.sni_callback = None
    assert sorted(seen, key=str) == [None, "localhost"]


@pytest.mark.parametrize("authorities", ["of certifi", "another"])
async def test_a_certificate_that_nobody_vouches_for_is_refused(
    served: Any, authorities: str
) -> None:
    tls = None if authorities == "of certifi" else certified(("other.test",))[1]
    transport = NativeTransport(tls=tls)
    async with served(answering, certified(HERE, "127.0.0.1")[0]) as server:
        with pytest.raises(UpstreamError, match="certificate is not valid") as caught:
            await whole(transport, by_name(server, "localhost"))
    assert (caught.value.kind, caught.value.stage) == ("connect", "connect")
    assert transport.sockets == (0, 0, 0)
    await transport.aclose()


async def test_authorities_that_cannot_be_read_are_our_own_fault(tmp_path: Path) -> None:
    (tmp_path / "not.pem").write_text("nothing")
    for name in ("none.pem", "not.pem"):
        transport = NativeTransport(ca=tmp_path / name)
        with pytest.raises(InternalError, match="authorities"):
            await whole(transport, "https://127.0.0.1:9/")
        await transport.aclose()


async def test_a_context_that_agrees_on_http2_is_refused(served: Any) -> None:
    server_tls, client_tls = certified(("two.test",), "127.0.0.1")
    for tls in (server_tls, client_tls):
        tls.set_alpn_protocols(["h2"])
    transport = NativeTransport(tls=client_tls)
    async with served(answering, server_tls) as server:
        with pytest.raises(UpstreamError, match="speaks h2") as caught:
            await whole(transport, server.url)
    assert caught.value.kind == "connect"
    await transport.aclose()


async def test_a_certificate_for_another_host_is_refused(served: Any) -> None:
    names = ("other.test",)
    transport = NativeTransport(tls=certified(names)[1])
    async with served(answering, certified(names)[0]) as server:
        for url in (server.url, by_name(server, "localhost")):
            with pytest.raises(UpstreamError, match="certificate is not valid"):
                await whole(transport, url)
    await transport.aclose()


@pytest.mark.parametrize("farewell", [True, False])
async def test_over_tls_a_body_without_length_ends_with_a_farewell_only(
    trusting: NativeTransport, served: Any, farewell: bool
) -> None:
    async def play(peer: Any, _: Any) -> None:
        await peer.request()
        await peer.send(OK + b"\r\nok")
        if not farewell:
            end_without_farewell(peer)
            await peer.gone()

    async with served(play, certified(HERE, "127.0.0.1")[0]) as server:
        if farewell:
            assert await whole(trusting, server.url) == b"ok"
            return
        with pytest.raises(UpstreamError, match="cut off") as caught:
            await whole(trusting, server.url)
    assert (caught.value.kind, caught.value.stage) == ("server_error", "head")


async def test_a_large_request_and_answer_over_tls(trusting: NativeTransport, served: Any) -> None:
    body = random.Random(1).randbytes(3_000_000)

    async def play(peer: Any, _: Any) -> None:
        asked = (await peer.request()).partition(b"\r\n\r\n")[2]
        await peer.send(OK + b"content-length: %d\r\n\r\n" % len(asked) + asked)

    async with served(play, certified(HERE, "127.0.0.1")[0]) as server:
        response = await trusting.send(post(server.url, body), Timeouts())
        assert b"".join([chunk async for chunk in response.chunks()]) == body


# --- the pool


async def test_the_last_connection_kept_is_the_first_used(
    native: NativeTransport, served: Any
) -> None:
    used: list[int] = []

    async def play(peer: Any, server: Any) -> None:
        number = server.connections
        while True:
            await peer.request()
            used.append(number)
            if len(used) == 2:
                server.go_on.set()
            if len(used) <= 2:
                await server.go_on.wait()
            await peer.send(ANSWER)

    async with served(play) as server:
        await asyncio.gather(whole(native, server.url), whole(native, server.url))
        assert native.sockets == (2, 2, 0)
        last = native._pools[("http", "127.0.0.1", int(server.url.rpartition(":")[2]))].idle[-1]
        for _ in range(5):
            await whole(native, server.url)
        assert len(set(used[2:])) == 1
        assert not last.closed


async def test_whoever_finds_no_free_connection_waits_and_then_gives_up(served: Any) -> None:
    transport = NativeTransport(limit=1)
    times = Timeouts(pool=0.05)

    async def play(peer: Any, server: Any) -> None:
        while True:
            await peer.request()
            await server.go_on.wait()
            await peer.send(ANSWER)

    async with served(play) as server:
        first = asyncio.create_task(whole(transport, server.url))
        second = asyncio.create_task(whole(transport, server.url))
        with pytest.raises(UpstreamError, match="no free connection") as caught:
            await asyncio.gather(*(whole(transport, server.url, times) for _ in range(3)))
        assert (caught.value.kind, caught.value.stage) == ("timeout", "pool")
        server.go_on.set()
        assert await asyncio.gather(first, second) == [b"ok", b"ok"]
        assert server.connections == 1
        assert transport.sockets.waiting == 0
    await transport.aclose()


async def test_a_kept_connection_expires(served: Any) -> None:
    transport = NativeTransport(keep=0.05)

    async def play(peer: Any, server: Any) -> None:
        await peer.request()
        await peer.send(ANSWER)
        server.gone.set_result(await peer.gone())

    async with served(play) as server:
        await whole(transport, server.url)
        assert transport.sockets == (1, 1, 0)
        assert await server.gone
        assert transport.sockets == (0, 0, 0)
    await transport.aclose()


@pytest.mark.parametrize(("said", "seconds"), [("5", 4), ("1", 0.5), ("600", 30)])
async def test_a_connection_is_kept_for_less_than_the_server_says(
    native: NativeTransport, served: Any, said: str, seconds: float
) -> None:
    async def play(peer: Any, _: Any) -> None:
        await peer.request()
        await peer.send(LENGTH + f"keep-alive: timeout={said}\r\n\r\nok".encode())
        await peer.gone()

    async with served(play) as server:
        await whole(native, server.url)
        (pool,) = native._pools.values()
        kept = pool.idle[0]
        assert kept.expires - kept.idle_since == seconds


@pytest.mark.parametrize("surplus", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"])
async def test_what_comes_unasked_is_never_the_next_answer(
    native: NativeTransport, served: Any, surplus: bytes
) -> None:
    """Its end, or another answer: the connection is dropped, and nothing was replayed."""

    async def play(peer: Any, server: Any) -> None:
        await peer.request()
        await peer.send(ANSWER)
        if server.connections == 1:
            await peer.send(surplus)
            if not surplus:
                peer.writer.write_eof()
            server.gone.set_result(await peer.gone())

    async with served(play) as server:
        assert await whole(native, server.url) == b"ok"
        assert await server.gone
        assert await whole(native, server.url) == b"ok"
        assert (server.connections, native.replays) == (2, 0)


async def test_an_answer_before_the_question_is_no_answer(
    native: NativeTransport, served: Any
) -> None:
    async def play(peer: Any, server: Any) -> None:
        if server.connections == 1:
            await peer.request()
            await peer.send(ANSWER)
            await server.go_on.wait()
            await peer.send(LENGTH + b"\r\nno")
            server.gone.set_result(await peer.gone())
        else:
            await answering(peer, server)

    async with served(play) as server:
        assert await whole(native, server.url) == b"ok"
        server.go_on.set()
        assert await server.gone
        assert await whole(native, server.url) == b"ok"


async def test_a_request_is_replayed_once_and_no_more(native: NativeTransport, served: Any) -> None:
    async def play(peer: Any, server: Any) -> None:
        await peer.request()
        if server.connections == 1:
            await peer.send(ANSWER)
            await peer.request()

    async with served(play) as server:
        await whole(native, server.url)
        with pytest.raises(UpstreamError) as caught:
            await whole(native, server.url)
        assert (caught.value.kind, caught.value.stage) == ("server_error", "sent")
        assert (server.connections, native.replays) == (2, 1)
        assert native.sockets == (0, 0, 0)


async def test_a_connection_that_died_after_its_first_byte_is_not_replayed(
    native: NativeTransport, served: Any
) -> None:
    async def play(peer: Any, server: Any) -> None:
        await peer.request()
        await peer.send(ANSWER)
        await peer.request()
        await peer.send(b"H")

    async with served(play) as server:
        await whole(native, server.url)
        with pytest.raises(UpstreamError) as caught:
            await whole(native, server.url)
        assert (caught.value.kind, caught.value.stage) == ("server_error", "sent")
        assert (server.connections, native.replays) == (1, 0)


async def test_an_answer_that_comes_early_does_not_leave_the_connection_in_use(
    native: NativeTransport, served: Any
) -> None:
    async def play(peer: Any, server: Any) -> None:
        if server.connections > 1:
            await answering(peer, server)
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
        await server.go_on.wait()

    async with served(play) as server:
        response = await native.send(post(server.url, b"x" * 30_000_000), Timeouts(write=5))
        assert response.status == 413
        assert [chunk async for chunk in response.chunks()] == [b"no"]
        assert native.sockets == (0, 0, 0)
        server.go_on.set()
        assert await whole(native, server.url) == b"ok"


async def test_a_fast_server_waits_for_a_slow_reader(native: NativeTransport, served: Any) -> None:
    sent = 0

    async def play(peer: Any, server: Any) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(CHUNKED)
        for _ in range(400):
            await peer.send(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            sent += 0x10000
        await peer.send(b"0\r\n\r\n")

    async with served(play) as server:
        response = await native.send(post(server.url), Timeouts())
        chunks = response.chunks()
        got = len(await anext(chunks))
        before = -1
        while sent != before:
            before = sent
            await asyncio.wait([server.gone], timeout=0.05)
        assert sent < 400 * 0x10000
        assert response._exchange.reader.unread <= 2 * 256 * 1024
        async for chunk in chunks:
            got += len(chunk)
        assert got == 400 * 0x10000


async def test_closing_the_transport_ends_what_is_under_way(served: Any) -> None:
    transport = NativeTransport(limit=2)

    async def play(peer: Any, server: Any) -> None:
        await peer.request()
        if server.connections == 1:
            await peer.send(CHUNKED + b"1\r\nx\r\n")
        server.asked.set()
        await peer.gone()

    async with served(play) as server:
        response = await transport.send(post(server.url), Timeouts())
        server.asked.clear()
        calls = [asyncio.create_task(whole(transport, server.url)) for _ in range(3)]
        await server.asked.wait()
        await transport.aclose()
        kinds = [type(found) for found in await asyncio.gather(*calls, return_exceptions=True)]
        assert kinds == [UpstreamError, EngineClosed, EngineClosed]
        with pytest.raises(UpstreamError):
            assert [chunk async for chunk in response.chunks()] != [b"x"]
        assert transport.sockets == (0, 0, 0)


async def test_an_answer_that_nobody_took_gives_its_connection_back(
    native: NativeTransport, served: Any
) -> None:
    async def play(peer: Any, server: Any) -> None:
        await peer.request()
        await peer.send(CHUNKED + b"1\r\nx\r\n")
        server.gone.set_result(await peer.gone())

    async with served(play) as server:
        await native.send(post(server.url), Timeouts())
        assert await server.gone
        assert native.sockets == (0, 0, 0)


# --- cancelling


@pytest.mark.parametrize(("tls", "calls"), [(False, 2400), (True, 400)], ids=["plain", "tls"])
async def test_thousands_of_cancelled_calls_leave_nothing_behind(
    served: Any, tls: bool, calls: int
) -> None:
    chance = random.Random(15)
    server_tls, client_tls = certified(HERE, "127.0.0.1") if tls else (None, None)
    transport = NativeTransport(limit=20, tls=client_tls)
    loop = asyncio.get_running_loop()

    async def play(peer: Any, _: Any) -> None:
        while True:
            await peer.request()
            await asyncio.wait([loop.create_future()], timeout=chance.random() * 0.004)
            await peer.send(CHUNKED + b"2\r\nok\r\n")
            await asyncio.wait([loop.create_future()], timeout=chance.random() * 0.004)
            await peer.send(b"0\r\n\r\n")
            if chance.random() < 0.1:
                return

    async with served(play, server_tls) as server:
        for _ in range(calls // 40):
            tasks = [asyncio.create_task(whole(transport, server.url)) for _ in range(40)]
            for task in tasks:
                loop.call_later(chance.random() * 0.02, task.cancel)
            found = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(one) for one in found} <= {bytes, asyncio.CancelledError}
        for _ in range(10):
            async with asyncio.timeout(5):
                assert await whole(transport, server.url) == b"ok"
        open_, idle, waiting = transport.sockets
        assert (open_, waiting) == (idle, 0)
        await transport.aclose()
        assert transport.sockets == (0, 0, 0)


async def test_the_next_callers_timer_is_its_own(served: Any) -> None:
    """It gets the connection before the caller that had it has finished waiting."""
    transport = NativeTransport(limit=1)

    async def play(peer: Any, server: Any) -> None:
        await peer.request()
        await server.go_on.wait()
        await peer.send(ANSWER)
        await peer.gone()

    async with served(play) as server:
        first = asyncio.create_task(whole(transport, server.url))
        second = asyncio.create_task(whole(transport, server.url, Timeouts(first_byte=0.05)))
        await asyncio.wait([first], timeout=0.02)
        assert transport.sockets == (1, 0, 1)
        server.go_on.set()
        assert await first == b"ok"
        async with asyncio.timeout(2):
            with pytest.raises(UpstreamError, match=r"no answer for 0\.05 s"):
                await second
    await transport.aclose()


async def test_a_replay_finds_a_place_where_kept_connections_fill_the_pool(served: Any) -> None:
    transport = NativeTransport(limit=2)

    async def play(peer: Any, server: Any) -> None:
        while True:
            await peer.request()
            if server.connections == 2:
                server.go_on.set()
            await server.go_on.wait()
            await peer.send(ANSWER)

    async with served(play) as server:
        await asyncio.gather(*(whole(transport, server.url) for _ in range(2)))
        assert transport.sockets == (2, 2, 0)
        (pool,) = transport._pools.values()
        connection = await pool.take(Timeouts(pool=0.05), fresh=True)
        assert not connection.reused
        assert transport.sockets == (2, 1, 0)
        connection.close()
        await transport.aclose()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_request_given_up_half_way_leaves_no_socket_behind(
    native: NativeTransport, served: Any
) -> None:
    async def play(peer: Any, server: Any) -> None:
        await server.go_on.wait()

    async with served(play) as server:
        before = descriptors()
        with pytest.raises(UpstreamError, match="sent in time") as caught:
            await native.send(post(server.url, b"x" * 30_000_000), Timeouts(write=0.05))
        assert (caught.value.kind, caught.value.stage) == ("timeout", "sent")
        await asyncio.sleep(0)
        assert descriptors() == before + 1  # the server's end
        server.go_on.set()


async def test_a_handshake_cancelled_at_any_step_closes_its_socket(
    trusting: NativeTransport, served: Any
) -> None:
    gone = asyncio.Semaphore(0)

    async def play(peer: Any, _: Any) -> None:
        with contextlib.suppress(ConnectionError):
            await peer.reader.read()  # to the end
        gone.release()

    async with served(play) as server:
        url = server.url.replace("http:", "https:")
        for turns in range(12):
            call = asyncio.create_task(whole(trusting, url))
            for _ in range(turns):
                await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        async with asyncio.timeout(5):
            for _ in range(server.connections):
                await gone.acquire()
    assert server.connections > 3
    assert trusting.sockets == (0, 0, 0)


async def test_closing_an_answer_ends_the_wait_of_whoever_reads_it(
    native: NativeTransport, served: Any
) -> None:
    async def play(peer: Any, _: Any) -> None:
        await peer.request()
        await peer.send(CHUNKED + b"1\r\nx\r\n")
        await peer.gone()

    async with served(play) as server:
        response = await native.send(post(server.url), Timeouts())
        chunks = response.chunks()
        assert await anext(chunks) == b"x"
        waiting = asyncio.ensure_future(anext(chunks))
        await asyncio.wait([waiting], timeout=0.01)
        await response.aclose()
        with pytest.raises(UpstreamError, match="was closed"):
            async with asyncio.timeout(1):
                await waiting


async def test_closing_the_transport_ends_a_lookup_that_hangs() -> None:
    async def resolve(host: str, port: int) -> list[tuple[int, Any]]:
        await asyncio.Event().wait()
        return []

    transport = NativeTransport(resolve=resolve)
    call = asyncio.create_task(whole(transport, "http://model.test/"))
    await asyncio.wait([call], timeout=0.01)
    await transport.aclose()
    with pytest.raises(EngineClosed):
        await call


# --- addresses and sockets


def places(*addresses: str) -> list[tuple[int, Any]]:
    return [
        (socket.AF_INET6 if ":" in address else socket.AF_INET, (address, int(port)))
        for address, _, port in (one.rpartition("/") for one in addresses)
    ]


async def test_an_address_that_refuses_or_is_silent_is_passed_over(served: Any) -> None:
    """RFC 8305. A listener whose queue is full is as silent as a firewall."""
    asked = 0
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(socket.socket())
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        for _ in range(2):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(silent.getsockname())
        closed = socket.socket()
        closed.bind(("127.0.0.1", 0))
        refusing = closed.getsockname()[1]
        closed.close()
        async with served(answering) as server:
            port = server.url.rpartition(":")[2]

            async def resolve(host: str, _: int) -> list[tuple[int, Any]]:
                nonlocal asked
                asked += 1
                mute = silent.getsockname()[1]
                return places(f"127.0.0.1/{refusing}", f"127.0.0.1/{mute}", f"127.0.0.1/{port}")

            transport = NativeTransport(resolve=resolve)
            loop = asyncio.get_running_loop()
            began = loop.time()
            assert await whole(transport, "http://model.test/") == b"ok"
            assert 0.2 < loop.time() - began < 1.2
            await asyncio.gather(*(whole(transport, "http://model.test/") for _ in range(3)))
            assert asked == 1
            await transport.aclose()


async def test_after_a_failure_the_name_is_looked_up_again_and_another_address_taken(
    served: Any,
) -> None:
    """The first address answers, but not with TLS; the next call begins with the second."""
    asked = 0

    async def mute(peer: Any, _: Any) -> None:
        await peer.reader.read(1)

    async with served(mute) as broken, served(answering, certified(HERE)[0]) as good:
        ports = [server.url.rpartition(":")[2] for server in (broken, good)]

        async def resolve(host: str, _: int) -> list[tuple[int, Any]]:
            nonlocal asked
            asked += 1
            return places(*(f"127.0.0.1/{port}" for port in ports))

        transport = NativeTransport(tls=certified(HERE)[1], resolve=resolve)
        with pytest.raises(UpstreamError) as caught:
            await whole(transport, "https://local.test/")
        assert (caught.value.kind, caught.value.stage) == ("connect", "connect")
        assert await whole(transport, "https://local.test/") == b"ok"
        assert asked == 2
        await transport.aclose()


@pytest.mark.parametrize(
    "error",
    [socket.gaierror(socket.EAI_NONAME, "Name or service not known"), UnicodeError("label")],
)
async def test_a_name_that_leads_nowhere_is_a_connect_error(error: Exception) -> None:
    async def resolve(host: str, port: int) -> list[tuple[int, Any]]:
        raise error

    transport = NativeTransport(resolve=resolve)
    calls = [whole(transport, "http://model.test/") for _ in range(5)]
    for found in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(found, UpstreamError)
        assert (found.kind, found.stage) == ("connect", "connect")
    assert transport.sockets == (0, 0, 0)
    await transport.aclose()


async def test_a_lookup_that_takes_too_long_is_a_connect_error() -> None:
    async def resolve(host: str, port: int) -> list[tuple[int, Any]]:
        await asyncio.Event().wait()
        return []

    transport = NativeTransport(resolve=resolve)
    with pytest.raises(UpstreamError, match=r"0\.05 s") as caught:
        await whole(transport, "http://model.test/", Timeouts(connect=0.05))
    assert (caught.value.kind, caught.value.stage) == ("connect", "connect")
    await transport.aclose()


@pytest.mark.parametrize("tls", [False, True])
async def test_an_origin_can_be_a_socket_file(served: Any, tmp_path: Path, tls: bool) -> None:
    path = tmp_path / "model.sock"
    server_tls, client_tls = certified(HERE) if tls else (None, None)
    origin = "https://local.test" if tls else "http://local.test"
    transport = NativeTransport(unix={origin: path}, tls=client_tls)
    async with served(answering, server_tls, str(path)) as server:
        assert await whole(transport, f"{origin}/v1") == b"ok"
        assert await whole(transport, f"{origin}/v1") == b"ok"
        assert server.connections == 1
        await transport.aclose()
    with pytest.raises(UpstreamError, match="No such file") as caught:
        await whole(NativeTransport(unix={origin: tmp_path / "none"}, tls=client_tls), origin)
    assert caught.value.kind == "connect"


# --- what nobody thought of


@settings(max_examples=40)
@given(
    st.sampled_from([data for data, *_ in (*ANSWERS.values(), *BREAKS.values())])
    | st.binary(max_size=300),
    st.lists(st.integers(0, 300), max_size=4),
    st.sampled_from(["fin", "reset"]),
)
def test_any_answer_over_a_socket_is_an_answer_or_an_upstream_error(
    data: bytes, cuts: list[int], how: str
) -> None:
    async def play(peer: Any, _: Any) -> None:
        await peer.request()
        places = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
        for start, end in pairwise(places):
            await peer.send(data[start:end])
            await asyncio.sleep(0)
        if how == "reset":
            peer.reset()

    async def perform() -> None:
        transport = NativeTransport()
        async with _served(play) as server, asyncio.timeout(10):
            with contextlib.suppress(UpstreamError):
                await whole(transport, server.url)
            await transport.aclose()
            assert transport.sockets == (0, 0, 0)

    asyncio.run(perform())


def test_it_works_on_uvloop() -> None:
    """Kept, replayed, cancelled, timed out, over TLS with and without a farewell."""
    server_tls, client_tls = certified(HERE, "127.0.0.1")

    async def bare(peer: Any, server: Any) -> None:
        await peer.request()
        await peer.send(OK + b"\r\nok")
        if server.connections == 2:
            end_without_farewell(peer)
            await peer.gone()

    async def short(peer: Any, server: Any) -> None:
        await peer.request()
        await peer.send(ANSWER)
        await peer.request()

    async def mute(peer: Any, server: Any) -> None:
        await peer.request()
        server.gone.set_result(await peer.gone())

    async def perform() -> None:
        transport = NativeTransport(tls=client_tls)
        async with _served(answering, server_tls) as server:
            calls = (whole(transport, server.url) for _ in range(50))
            assert await asyncio.gather(*calls) == [b"ok"] * 50
            large = replace(post(server.url), body=b"x" * 3_000_000)
            assert (await transport.send(large, Timeouts())).status == 200
        async with _served(bare, server_tls) as server:
            assert await whole(transport, server.url) == b"ok"
            with pytest.raises(UpstreamError, match="cut off"):
                await whole(transport, server.url)
        async with _served(short) as server:
            for _ in range(3):
                assert await whole(transport, server.url) == b"ok"
            assert transport.replays == 2
        async with _served(mute) as server:
            with pytest.raises(UpstreamError, match=r"no answer for 0\.05 s"):
                await whole(transport, server.url, Timeouts(first_byte=0.05))
            assert await server.gone
        await transport.aclose()
        assert transport.sockets == (0, 0, 0)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(perform())
