"""Files are fetched over https from public addresses, once, and not beyond what was allowed."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transport.canary import answer, canary, certified
from trunkline.errors import InternalError
from trunkline.graph.media import host_of
from trunkline.ports import FetchError
from trunkline.transport import HttpsFetcher
from trunkline.transport.fetching import is_public
from trunkline.transport.head import parse_url

pytestmark = pytest.mark.anyio

URL = "https://cdn.example.com/a/b.png?c=d"
CHUNKED = b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ntransfer-encoding: chunked\r\n\r\n"


def free(_size: int) -> None:
    """Any amount will do."""


async def test_a_file_comes_with_what_its_host_calls_it() -> None:
    async with canary(answer(b"\x89PNG")) as server:
        found = await server.fetcher().fetch(URL, free)
    assert (found.media_type, found.content) == ("image/png", b"\x89PNG")
    [head] = server.heads
    assert head.startswith(b"GET /a/b.png?c=d HTTP/1.1\r\nhost: cdn.example.com\r\n")
    assert not {b"cookie", b"authorization", b"referer"} & set(head.replace(b":", b" ").split())


async def test_a_file_may_come_in_chunks() -> None:
    async with canary(CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n") as server:
        assert (await server.fetcher().fetch(URL, free)).content == b"abcde"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (answer(status="302 Found", location="https://127.0.0.1/"), "redirects"),
        (answer(status="404 Not Found"), "status 404"),
        (answer(status="206 Partial Content"), "status 206"),
        (answer(content_encoding="gzip"), "compressed"),
        (answer(content_length="99"), "broke off"),
        (answer(content_length=""), "how long"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 9000, "head is too long"),
        (b"SSH-2.0-x\r\n\r\n", "not HTTP"),
        (CHUNKED + b"zz\r\n", "not HTTP"),
        (b"", "broke off"),
        (answer() + answer(), "more than one"),
        (b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n" + answer(content_length="99"), "than one"),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "proto"),
        (CHUNKED.replace(b"chunked", b"gzip, chunked") + b"1\r\na\r\n0\r\n\r\n", "compressed"),
        (CHUNKED + b"1\r\na\r\n0\r\n" + b"x: y\r\n" * 9000 + b"\r\n", "too long"),
        (CHUNKED + b"1;" + b"x" * 99_000 + b"\r\na\r\n0\r\n\r\n", "too long"),
    ],
)
async def test_what_is_no_whole_file_is_an_error_with_its_reason(said: bytes, why: str) -> None:
    async with canary(said) as server:
        with pytest.raises(FetchError, match=why):
            await server.fetcher().fetch(URL, free)
        assert server.connections == 1


async def test_a_trailer_does_not_change_what_the_head_said() -> None:
    late = b"0\r\ncontent-type: text/html\r\n\r\n"
    async with canary(CHUNKED + b"3\r\nabc\r\n" + late) as server:
        assert (await server.fetcher().fetch(URL, free)).media_type == "image/png"


async def test_reading_stops_when_it_is_too_much() -> None:
    taken = 0

    def take(size: int) -> None:
        nonlocal taken
        taken += size
        if taken > 100_000:
            raise FetchError("too much")

    async with canary(answer(b"x" * 30_000_000)) as server:
        with pytest.raises(FetchError, match="too much"):
            await server.fetcher().fetch(URL, take)
    assert taken < 1_000_000


async def test_giving_up_closes_the_connection() -> None:
    async with canary(answer(content_length="99")) as server:
        server.holds = True
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await server.fetcher().fetch(URL, free)
        await asyncio.wait_for(server.left.wait(), 5)


@pytest.mark.parametrize(
    "url",
    [
        "http://cdn.example.com/a",
        "https://cdn.example.com:8443/a",
        "https://user:pass@cdn.example.com/a",
        "https://cdn.example.com\\@evil.example/a",
        "https://cdn.example.com/a/../b",
        "https://cdn.example.com/a\r\nhost: evil",
        "https://cdn.example.com/ä",
        "HTTPS://cdn.example.com/a",
        "file:///etc/passwd",
        "https:///a",
    ],
)
async def test_an_odd_url_is_not_asked(url: str) -> None:
    async with canary(answer()) as server:
        with pytest.raises(FetchError):
            await server.fetcher().fetch(url, free)
        assert server.connections == 0


async def test_the_certificate_must_be_that_of_the_host() -> None:
    async with canary(answer()) as server:
        with pytest.raises(FetchError, match="certificate"):
            await server.fetcher().fetch("https://other.example.com/a", free)
        assert server.heads == []


@pytest.mark.parametrize(
    "places", [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::ffff:127.0.0.1"], []]
)
async def test_a_name_that_leads_to_an_inner_address_is_not_connected_to(places: list[str]) -> None:
    async with canary(answer()) as server:

        async def inner(_host: str, _port: int) -> list[tuple[str, int]]:
            return [(place, server.port) for place in places]

        fetcher = HttpsFetcher(resolve=inner, tls=certified()[1])
        with pytest.raises(FetchError, match="public"):
            await fetcher.fetch(URL, free)
        assert server.connections == 0


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "0x7f000001", "2130706433", "[::1]"])
async def test_names_of_this_machine_are_looked_up_and_refused(host: str) -> None:
    with pytest.raises(FetchError, match=r"public|no host"):
        await HttpsFetcher(tls=ssl.create_default_context()).fetch(f"https://{host}/", free)


async def test_the_next_address_of_a_host_is_tried() -> None:
    async with canary(answer()) as server:

        async def two(_host: str, _port: int) -> list[tuple[str, int]]:
            return [("127.0.0.1", 1), ("127.0.0.1", server.port)]

        fetcher = HttpsFetcher(resolve=two, admits=lambda _: True, tls=certified()[1])
        assert (await fetcher.fetch(URL, free)).content == b"bytes"


@pytest.mark.parametrize(
    "ip",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0"),
        *("100.64.0.1", "100.100.100.200", "192.0.0.192", "198.18.0.1", "224.0.0.1"),
        *("255.255.255.255", "240.0.0.1", "168.63.129.16", "::", "::1", "fe80::1", "fe80::1%1"),
        *("fd00:ec2::254", "fc00::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
        *("64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:1::1", "::7f00:1"),
        *("2001:db8::1", "fec0::1", "not an address", ""),
    ],
)
def test_inner_addresses_are_not_public(ip: str) -> None:
    assert not is_public(ip)


@pytest.mark.parametrize(
    "ip", ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_outer_addresses_are_public(ip: str) -> None:
    assert is_public(ip)


authorities = st.text("aA1.-_:@%[]#?/\\ \t", max_size=12)


@given(authorities, st.sampled_from(["/a", "", "?x", "#f", "/../b"]))
def test_the_host_that_is_allowed_is_the_host_that_is_asked(authority: str, rest: str) -> None:
    """Two readings of one URL are how such checks are got around: where the fetcher would go at
    all, the list is asked about the same host."""
    url = f"https://cdn.{authority}{rest}"
    try:
        address: Any = parse_url(url)
    except InternalError:
        return
    port = "" if address.port == 443 else f":{address.port}"
    if not port:
        assert host_of(url).removesuffix(":443").partition(":")[0] == address.host
