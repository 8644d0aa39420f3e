"""Every fault of faultd is what it says, seen from a plain socket."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
import zlib
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.faultd import Break, Faultd, Play, Remote, Rule, Seen, faultd

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.faultd.play import How, Instead

pytestmark = pytest.mark.anyio

CHAT = "/v1/chat/completions"


def request(stream: bool = False, path: str = CHAT, key: str = "", **body: Any) -> bytes:
    """The bytes of a request."""
    text = json.dumps({"model": "m", "messages": [], "stream": stream, **body}).encode()
    named = f"authorization: Bearer {key}\r\n" if key else ""
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\n{named}content-length: {len(text)}\r\n\r\n"
    return head.encode() + text


class Line:
    """A client's connection. `ended` is how the server left it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.ended = ""

    async def ask(self, data: bytes | None = None) -> bytes:
        """Send, and read one answer whose head says where it ends, or all until the end."""
        self.writer.write(request() if data is None else data)
        head = await self.reader.readuntil(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                return head + await self.reader.readexactly(int(line[15:]))
        return head + await self.reader.readuntil(b"\r\n0\r\n\r\n")

    async def rest(self, data: bytes | None = None) -> bytes:
        """Send, and read until the connection ends."""
        if data is not None:
            self.writer.write(data)
        got = b""
        try:
            while piece := await self.reader.read(65536):
                got += piece
            self.ended = "fin"
        except ConnectionResetError:
            self.ended = "rst"
        return got

    def reset(self) -> None:
        """Close with a RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@asynccontextmanager
async def line(server: Faultd | Remote) -> AsyncIterator[Line]:
    """A connection to the server."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()


def unchunked(got: bytes) -> tuple[bytes, bool]:
    """The body, and whether HTTP says that it is whole."""
    rest, body = got.partition(b"\r\n\r\n")[2], b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        if int(size, 16) == 0:
            return body, rest == b"\r\n"
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return body, False


def events(body: bytes) -> list[Any]:
    return [
        json.loads(part[6:]) if b"[DONE]" not in part else "DONE"
        for part in body.split(b"\n\n")
        if part
    ]


def words(body: bytes) -> str:
    """What the events of a chat say."""
    found = [one["choices"][0]["delta"] for one in events(body) if "choices" in one]
    return "".join(delta.get("content", "") for delta in found)


async def test_one_connection_carries_requests_one_after_another() -> None:
    async with faultd() as server, line(server) as peer:
        for _ in range(3):
            got = await peer.ask()
            assert json.loads(got.partition(b"\r\n\r\n")[2])["model"] == "m"
        got = await peer.ask(request(stream=True))
    body, whole = unchunked(got)
    assert (words(body), whole, events(body)[-1]) == ("000 001 002 ", True, "DONE")
    assert [(one.connection, one.nth) for one in server.seen] == [(1, 1), (1, 2), (1, 3), (1, 4)]
    assert server.seen[0].sent < len(got) == server.seen[3].sent
    assert server.seen[0].header("host") == "x"


async def test_a_chunked_request_is_read() -> None:
    chunked = b"POST %s HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" % CHAT.encode()
    async with faultd() as server, line(server) as peer:
        await peer.ask(chunked + b'7\r\n{"model\r\n6\r\n":"q"}\r\n0\r\n\r\n')
    assert (server.seen[0].model, server.seen[0].body) == ("q", b'{"model":"q"}')


async def test_ids_keys_and_bodies_are_kept() -> None:
    async with faultd() as server, line(server) as peer:
        await peer.ask(request(key="k-1", user="[id:a]"))
        await peer.ask(request(key="k-2", user="[id:a]"))
        await peer.ask(request(user="x" * 100_000).replace(b"host", b"x-request-id: b\r\nhost"))
    assert server.ids == Counter(a=2, b=1)
    assert [one.key for one in server.seen] == ["k-1", "k-2", ""]
    assert server.seen[2].size > 100_000 > len(server.seen[2].body)
    assert len({one.digest for one in server.seen}) == 2
    assert all(Seen.of(json.loads(json.dumps(one.to_json()))) == one for one in server.seen)


@pytest.mark.parametrize(
    ("how", "ended", "whole"),
    [
        ("fin", "fin", False),
        ("rst", "rst", False),
        ("unterminated", "", True),
        ("error", "", True),
        ("garbage", "", True),
    ],
)
async def test_a_stream_breaks_off_after_so_many_pieces(how: How, ended: str, whole: bool) -> None:
    play = Play(chunks=60, breaks=Break(how, 40))
    async with faultd(play) as server, line(server) as peer:
        if whole:
            got = await peer.ask(request(stream=True))
            again = await peer.ask(request(stream=True))
            assert len(again) == len(got)
        else:
            got = await peer.rest(request(stream=True))
    assert peer.ended == ended
    body, complete = unchunked(got)
    assert complete is whole
    if how == "garbage":
        body, _, trash = body.rpartition(b"data: ")
        with pytest.raises(ValueError):
            json.loads(trash)
    said = events(body)
    assert words(body).split() == [f"{number:03d}" for number in range(40)]
    assert said[-1].get("error", {}).get("type") == ("server_error" if how == "error" else None)
    seen = server.seen[0]
    assert (seen.outcome, seen.chunks, seen.tokens, seen.client_gone) == (how, 40, 40, None)
    assert seen.sent == len(got)


async def test_a_body_without_a_length_ends_with_the_connection() -> None:
    async with faultd(Play(chunks=4, breaks=Break("eof", 2))) as server, line(server) as peer:
        got = await peer.rest(request(stream=True))
    head, _, body = got.partition(b"\r\n\r\n")
    assert b"connection: close" in head
    assert b"transfer-encoding" not in head
    assert b"content-length" not in head
    assert (words(body), peer.ended) == ("000 001 ", "fin")


async def test_a_piece_can_be_cut_in_half() -> None:
    async with faultd(Play(chunks=4, breaks=Break("fin", 1.5))) as server, line(server) as peer:
        body, whole = unchunked(await peer.rest(request(stream=True)))
    first, half = body.split(b"\n\n")[1:]
    assert b"000 " in first
    assert 10 < len(half) < len(first) - 10
    assert (whole, server.seen[0].chunks) == (False, 1)


@pytest.mark.parametrize(
    ("at", "last"),
    [("prelude", "role"), (0, "role"), ("content", "content"), ("finish", "stop")],
)
async def test_a_stream_breaks_off_at_a_point_that_has_a_name(at: Any, last: str) -> None:
    play = Play(chunks=2, breaks=Break("unterminated", at))
    async with faultd(play) as server, line(server) as peer:
        body, whole = unchunked(await peer.ask(request(stream=True)))
    assert whole
    assert last in json.dumps(events(body)[-1])


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize(("at", "begun"), [("request", b""), ("head", b"HTTP/1.1 200 OK\r\n")])
async def test_an_answer_breaks_off_before_it_has_begun(how: How, at: Any, begun: bytes) -> None:
    async with faultd(Play(breaks=Break(how, at))) as server, line(server) as peer:
        got = await peer.rest(request())
    assert got[:17] == begun
    assert got.partition(b"\r\n\r\n")[2] == b""
    assert peer.ended == how


async def test_a_whole_answer_breaks_off_in_the_middle() -> None:
    async with faultd(Play(chunks=4, breaks=Break("fin", 2))) as server, line(server) as peer:
        got = await peer.rest(request())
    head, _, body = got.partition(b"\r\n\r\n")
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    assert length / 2 - 3 < len(body) < length / 2 + 3
    assert server.seen[0].tokens == 2


async def test_a_stall_lasts_until_the_client_goes_and_says_when() -> None:
    async with faultd(Play(breaks=Break("stall", 1))) as server:
        async with line(server) as peer:
            peer.writer.write(request(stream=True))
            await peer.reader.readuntil(b"000 ")
            with pytest.raises(TimeoutError):
                await server.gone(seconds=0.05)
            left = time.monotonic()
        assert await server.gone() == "fin"
    [seen] = server.seen
    assert seen.gone_at is not None
    assert 0 <= seen.gone_at - left < 0.2
    assert (seen.outcome, seen.chunks) == ("stall", 1)


async def test_a_reset_by_the_client_is_told_from_a_close() -> None:
    async with faultd(Play(breaks=Break("stall"))) as server, line(server) as peer:
        peer.writer.write(request())
        with pytest.raises(TimeoutError):
            await server.gone(seconds=0.05)
        peer.reset()
        assert await server.gone() == "rst"


async def test_a_client_that_goes_is_seen_while_an_answer_waits() -> None:
    async with faultd(Play(before_head=30)) as server:
        async with line(server) as peer:
            peer.writer.write(request())
            with pytest.raises(TimeoutError):
                await server.gone(seconds=0.05)
        assert await server.gone() == "fin"
    assert (server.seen[0].outcome, server.seen[0].status) == ("client_gone", 0)


async def test_each_wait_is_where_it_says() -> None:
    play = Play(chunks=3, before_head=0.05, before_content=0.1, between=0.03)
    async with faultd(play) as server, line(server) as peer:
        await peer.ask(request(stream=True))
    [seen] = server.seen
    assert seen.head_at is not None
    assert seen.content_at is not None
    assert seen.ended_at is not None
    waits = (
        seen.head_at - seen.at,
        seen.content_at - seen.head_at,
        seen.ended_at - seen.content_at,
    )
    for waited, wanted in zip(waits, (0.05, 0.1, 0.06), strict=True):
        assert wanted - 0.002 <= waited < wanted + 0.2


async def test_a_refusal_has_the_status_the_headers_and_the_code_it_is_told() -> None:
    play = Play(status=429, headers={"Retry-After": "2"}, code="insufficient_quota", message="no")
    async with faultd(play) as server, line(server) as peer:
        head, _, body = (await peer.ask()).partition(b"\r\n\r\n")
        server.usual = Play(status=503, body="<h1>busy</h1>", headers={"content-type": "text/html"})
        other = await peer.ask()
    assert head.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
    assert b"retry-after: 2" in head
    assert json.loads(body)["error"]["code"] == "insufficient_quota"
    assert json.loads(body)["error"]["message"] == "no"
    assert other.endswith(b"\r\n\r\n<h1>busy</h1>")
    assert b"content-type: text/html" in other


async def test_rules_are_tried_in_order_and_count_down() -> None:
    async with faultd() as server, line(server) as peer:
        server.script(Play(status=500), first=2)
        server.script(Play(status=429), key="a")
        server.script(Play(status=404), stream=True)
        server.script(Play(status=402), model="other")
        server.script(Play(status=403), dialect="cohere-chat")
        server.script(Play(status=418), id="x.1")
        asked = [
            *(request(key="a"), request(), request(), request(key="a"), request(stream=True)),
            *(request(model="other"), request(path="/v2/chat"), request(user="[id:x.1]")),
        ]
        for data in asked:
            await peer.ask(data)
        server.heal()
        await peer.ask(request(key="a"))
    assert [one.status for one in server.seen] == [500, 500, 200, 429, 404, 402, 403, 418, 200]


async def test_every_so_many_th_is_exact() -> None:
    async with faultd() as server, line(server) as peer:
        server.script(Play(status=500), every=4)
        for _ in range(12):
            await peer.ask()
    assert [one.status for one in server.seen] == [200, 200, 200, 500] * 3


async def test_chance_is_seeded() -> None:
    found = []
    for seed in (1, 1, 2):
        async with faultd(seed=seed) as server, line(server) as peer:
            server.script(Play(status=500), chance=0.5)
            for _ in range(40):
                await peer.ask()
            found.append([one.status for one in server.seen])
    assert found[0] == found[1] != found[2]
    assert 8 < found[0].count(500) < 32


@pytest.mark.parametrize(
    ("what", "wanted"),
    [
        ("html", b"<!doctype html>"),
        ("empty", b""),
        ("error_object", b'{"error":'),
        ("not_json", b'{"id": "x", "choices": ['),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_is_none(what: Instead, wanted: bytes, stream: bool) -> None:
    async with faultd(Play(instead=what)) as server, line(server) as peer:
        got = await peer.ask(request(stream=stream))
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body.startswith(wanted)
    assert bool(body) == bool(wanted)


async def test_what_is_no_http() -> None:
    async with faultd(Play(instead="not_http")) as server, line(server) as peer:
        assert not (await peer.rest(request())).startswith(b"HTTP")


@pytest.mark.parametrize(
    ("what", "lines"),
    [
        ("endless_header", 2),
        ("endless_headers", 1000),
        ("endless_line", 5),
        ("endless_event", 1000),
    ],
)
async def test_what_is_endless_goes_on_while_it_is_read(what: Instead, lines: int) -> None:
    async with faultd(Play(instead=what)) as server:
        async with line(server) as peer:
            peer.writer.write(request(stream=True))
            got = await peer.reader.readexactly(2**20)
            await peer.reader.readexactly(7 * 2**20)
        assert await server.gone() in {"fin", "rst"}
    assert got.count(b"\n") <= lines + 1 if lines < 10 else got.count(b"\n") > lines
    assert (b"\r\n\r\n" in got) == ("header" not in what)
    assert 2**23 <= server.seen[0].sent < 2**25


async def test_a_reader_that_is_slow_holds_the_server_back() -> None:
    async with faultd(Play(instead="endless_line")) as server, line(server) as peer:
        peer.writer.write(request())
        await peer.reader.readexactly(1024)
        with pytest.raises(TimeoutError):
            await server.gone(seconds=0.2)
        assert server.seen[0].sent < 2**24


async def test_a_bomb_is_small_and_unfolds() -> None:
    async with faultd(Play(instead="gzip_bomb")) as server, line(server) as peer:
        head, _, body = (await peer.ask()).partition(b"\r\n\r\n")
    assert b"content-encoding: gzip" in head
    assert len(body) < 2**18
    assert len(zlib.decompress(body, wbits=31)) > 100 * 2**20


async def test_an_idle_connection_is_closed_and_a_busy_one_is_not() -> None:
    async with faultd(Play(before_head=0.2), idle=0.1) as server, line(server) as peer:
        await peer.ask()
        answered = time.monotonic()
        assert await peer.rest() == b""
        assert 0.09 < time.monotonic() - answered < 0.4


async def test_an_answer_can_close_its_connection() -> None:
    async with faultd(Play(close=True)) as server, line(server) as peer:
        got = await peer.rest(request())
    assert b"connection: close" in got
    assert got.endswith(b"}")


async def test_a_deaf_server_lets_nobody_in() -> None:
    async with faultd() as server:
        await server.deaf()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await asyncio.open_connection("127.0.0.1", server.port)
        assert server.seen == []
        await server.up()
        async with line(server) as peer:
            assert (await peer.ask()).startswith(b"HTTP/1.1 200")


async def test_a_server_that_is_down_refuses_and_comes_back_at_its_port() -> None:
    async with faultd() as server:
        async with line(server) as peer:
            await peer.ask()
            await server.down()
            await peer.rest()
            assert peer.ended == "rst"
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", server.port)
        await server.up()
        async with line(server) as peer:
            assert (await peer.ask()).startswith(b"HTTP/1.1 200")


async def test_an_unknown_path_is_404_and_seen() -> None:
    async with faultd() as server, line(server) as peer:
        assert (await peer.ask(request(path="/nowhere"))).startswith(b"HTTP/1.1 404")
    assert (server.seen[0].outcome, server.seen[0].dialect) == ("unknown", "")


def test_plays_and_rules_are_json() -> None:
    rule = Rule(play=Play(chunks=5, breaks=Break("rst", 2.5)), key="k", first=3, chance=0.5)
    assert Rule.of(json.loads(json.dumps(rule.to_json()))) == rule
    with pytest.raises(TypeError):
        Play.of({"chunk": 5})


async def test_a_process_of_its_own_is_scripted_frozen_killed_and_restarted() -> None:
    async with Remote() as server:
        await server.script(Play(status=503), first=1)
        async with line(server) as peer:
            assert (await peer.ask(request(user="[id:r]"))).startswith(b"HTTP/1.1 503")
            assert (await peer.ask()).startswith(b"HTTP/1.1 200")
            assert [(one.status, one.id) for one in await server.seen()] == [(503, "r"), (200, "")]
            assert await server.order("counts") == {"requests": 2, "connections": 1, "open": 1}
            with pytest.raises(ValueError, match="chunk"):
                await server.order("script", rule={"play": {"chunk": 1}})
            server.freeze()
            peer.writer.write(request())
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await peer.reader.read(1)
            server.thaw()
            assert (await peer.reader.read(12)) == b"HTTP/1.1 200"
            await server.kill()
            await peer.rest()
            assert peer.ended
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", server.port)
        await server.start()
        async with line(server) as peer:
            assert (await peer.ask()).startswith(b"HTTP/1.1 200")
        assert len(await server.seen()) == 1
