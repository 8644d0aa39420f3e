"""Fetches images and files from hosts that a route file lists: over https, from public addresses.

What a caller writes as a URL must not reach what only this machine can reach. So the name is
resolved here, every address that it has must be public, and the connection goes to one of these
addresses and to nothing else: there is no second look-up that could answer differently. No
redirect is followed, no proxy, cookie or credential is used, and nothing is kept open.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from typing import TYPE_CHECKING, Any, Final

from trunkline.errors import InternalError
from trunkline.ports import Fetched, FetchError
from trunkline.transport.head import MAX_HEADER_BYTES, parse_url

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trunkline.transport.head import Address

    Resolve = Callable[[str, int], Awaitable[list[tuple[str, int]]]]
    """A host and a port as the addresses and ports to connect to."""

__all__ = ["HttpsFetcher", "is_public"]

_TRIES: Final = 3
"""Addresses of one host that are tried, one after the other."""

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv6 addresses that a gateway turns into the IPv4 address in their last 32 bits (RFC 6052)."""

_INNER: Final = tuple(
    ipaddress.ip_network(one)
    for one in (
        *("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "3fff::/20", "5f00::/16"),
        *("fec0::/10", "168.63.129.16/32"),
    )
)
"""Of special purpose by IANA's registries (RFC 6890) or once a site's own (RFC 3879), and not
known as such to every Python; the last is public by its number, and yet a service of the machine's
own cloud (Azure's)."""

_FRAMING: Final = 8
"""Bytes of chunks' heads and ends that there may be for each byte of a body."""


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the open internet, and so does the IPv4 address that it
    may carry inside (RFC 4291, 3056, 6052)."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip.teredo is not None:
            return False
    other = ip.is_private or ip.is_loopback or ip.is_link_local or ip.is_multicast
    odd = ip.is_reserved or ip.is_unspecified or any(ip in network for network in _INNER)
    return ip.is_global and not other and not odd


async def _resolved(host: str, port: int) -> list[tuple[str, int]]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host.strip("[]"), port, type=1)
    return list(dict.fromkeys((str(one[4][0]), int(one[4][1])) for one in found))


class HttpsFetcher:
    """A `ports.Fetcher`.

    `resolve`, `admits` and `tls` are for tests: where names lead, which addresses may be
    connected to, and whose certificates are believed. No setting of a route file reaches them.
    """

    def __init__(
        self,
        *,
        resolve: Resolve = _resolved,
        admits: Callable[[str], bool] = is_public,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._resolve = resolve
        self._admits = admits
        self._tls = tls

    async def fetch(self, url: str, take: Callable[[int], None]) -> Fetched:
        """Fetch a file; see `ports.Fetcher`."""
        address = _address(url)
        writer: asyncio.StreamWriter | None = None
        try:
            reader, writer = await self._connect(address)
            writer.write(_head(address))
            return await _answer(reader, take)
        except (OSError, ssl.SSLError, EOFError) as error:
            raise FetchError("the connection failed") from error
        finally:
            if writer is not None:
                writer.transport.abort()

    async def aclose(self) -> None:
        """Nothing is kept open."""

    async def _connect(self, to: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            places = await self._resolve(to.host, to.port)
        except (OSError, UnicodeError) as error:
            raise FetchError(f"there is no host `{to.host}`") from error
        if not places or not all(self._admits(ip) for ip, _ in places):
            raise FetchError(f"`{to.host}` is not at a public address")
        if self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        name = to.host.strip("[]")
        failure: OSError | None = None
        for ip, port in places[:_TRIES]:
            try:
                return await asyncio.open_connection(ip, port, ssl=self._tls, server_hostname=name)
            except ssl.SSLError as error:
                raise FetchError(f"`{to.host}` has no certificate that is valid") from error
            except OSError as error:
                failure = error
        raise FetchError("no connection") from failure


def _address(url: str) -> Address:
    try:
        address = parse_url(url)
    except InternalError as error:
        raise FetchError("it is not a plain URL") from error
    if address.scheme != "https":
        raise FetchError("only https is fetched")
    if address.port != 443:
        raise FetchError("only port 443 is asked")
    return address


def _head(to: Address) -> bytes:
    lines = (
        f"GET {to.target} HTTP/1.1",
        f"host: {to.authority}",
        "accept: */*",
        "accept-encoding: identity",
        "user-agent: trunkline",
        "connection: close",
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("ascii")


async def _answer(reader: asyncio.StreamReader, take: Callable[[int], None]) -> Fetched:
    import httptools

    answer = _Answer(take)
    parser: Any = httptools.HttpResponseParser(answer)
    read = 0
    while not answer.whole:
        data = await reader.read(65_536)
        if not data:
            raise FetchError("the answer broke off")
        read += len(data)
        try:
            parser.feed_data(data)
        except httptools.HttpParserError as error:
            if isinstance(error.__context__, FetchError):
                raise error.__context__ from None
            raise FetchError("the answer is not HTTP") from error
        except httptools.HttpParserUpgrade as error:
            raise FetchError("it speaks another protocol") from error
        if read - _FRAMING * len(answer.body) > MAX_HEADER_BYTES:
            raise FetchError("the answer's head is too long")
        if answer.begun and not answer.checked:
            answer.check(parser.get_status_code())
    return Fetched(answer.headers.get("content-type", ""), bytes(answer.body))


class _Answer:
    """What the parser says, kept. A body may come with the head, so it is counted at once."""

    def __init__(self, take: Callable[[int], None]) -> None:
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.begun = self.checked = self.whole = False
        self._take = take

    def on_message_begin(self) -> None:
        if self.begun:
            raise FetchError("more than one answer came")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.begun:  # What comes later is a trailer (RFC 9110, 6.5), and says nothing here.
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.begun = True

    def on_body(self, piece: bytes) -> None:
        self._take(len(piece))
        self.body += piece

    def on_message_complete(self) -> None:
        self.whole = True

    def check(self, status: int) -> None:
        """Refuse what is no file, before it is read to its end."""
        self.checked = True
        if 300 <= status < 400:
            raise FetchError(f"it redirects (status {status}), which is not followed")
        if status != 200:
            raise FetchError(f"status {status}")
        codings = (("content-encoding", "identity"), ("transfer-encoding", "chunked"))
        if any(self.headers.get(name, plain).lower() != plain for name, plain in codings):
            raise FetchError("it is compressed, which was not asked for")
        if "content-length" not in self.headers and "transfer-encoding" not in self.headers:
            raise FetchError("the answer does not say how long it is")
