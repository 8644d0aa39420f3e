"""What every face of the transport agrees on: a request exactly as it goes on the wire."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from trunkline.errors import InternalError, UpstreamError
from trunkline.ports import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trunkline.ports import Timeouts

__all__ = [
    "MAX_HEADERS",
    "MAX_HEADER_BYTES",
    "Address",
    "first_idle",
    "joined",
    "on_the_wire",
    "parse_url",
    "request_head",
    "response_headers",
]

MAX_HEADERS: Final = 100
"""Header fields in a response."""

MAX_HEADER_BYTES: Final = 32 * 1024
"""Bytes of all names and values in a response's head."""

_URL: Final = re.compile(
    r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::([0-9]{1,5}))?(/[!-~]*|\?[!-~]*)?"
)
_DOTS: Final = re.compile(r"/(?:\.|%2e){1,2}(?=[/?]|$)", re.IGNORECASE)
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_METHOD: Final = re.compile(r"[A-Z]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_PORTS: Final = {"http": 80, "https": 443}
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_ONCE: Final = frozenset({"host", "content-length"})
"""Header fields that say where a request goes and where it ends: two would be two requests."""


class Address(NamedTuple):
    """Where a request goes. `target` is the path with its query, byte for byte as asked."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The `host` header: the port only where it is not the scheme's own."""
        return self.host if self.port == _PORTS[self.scheme] else f"{self.host}:{self.port}"


@lru_cache(maxsize=512)
def parse_url(url: str) -> Address:
    """Take an absolute http(s) URL apart without changing a byte of its path.

    Raises `InternalError` for whatever a server and we might read differently: credentials,
    fragments, backslashes, dot segments in any spelling, blanks and what is not ASCII. Base URLs
    are checked when a route file is compiled and segments when they are rendered, so that such
    a URL here is our own fault.
    """
    found = _URL.fullmatch(url)
    if found is None or "#" in url or "\\" in url:
        raise InternalError(f"the URL {_shown(url)} cannot be sent: it is not a plain http(s) URL")
    scheme, host, port, target = found.groups()
    target = target or "/"
    if not target.startswith("/"):
        target = "/" + target
    if _DOTS.search(target.partition("?")[0]):
        raise InternalError(f"the URL {_shown(url)} cannot be sent: its path climbs with dots")
    number = int(port) if port else _PORTS[scheme]
    if not 0 < number < 65536:
        raise InternalError(f"the URL {_shown(url)} cannot be sent: there is no port {number}")
    return Address(scheme, host.lower(), number, target)


def on_the_wire(request: HttpRequest) -> HttpRequest:
    """The request with every header that will be sent, in the order sent.

    Adds `host` first and, where they are not given, `accept-encoding: identity`, `user-agent`
    and `content-length` last. Raises `InternalError` for a URL or a header that HTTP cannot
    carry, and for one that would end the request elsewhere than its body does; the message never
    shows a header's value.
    """
    address = parse_url(request.url)
    _check_method(request.method)
    headers = []
    given = set()
    for name, value in request.headers:
        _check_name(name)
        if name in _ONCE and name in given:
            raise InternalError(f"the header {name!r} cannot be sent twice")
        given.add(name)
        # All that is printable and most that is not may be sent (RFC 9110, 5.5).
        if not value.isprintable() and _CONTROL.search(value):
            raise InternalError(f"the value of the header {name!r} holds a control character")
        headers.append((name, value.strip(" \t")))
    if "host" not in given:
        headers.insert(0, ("host", address.authority))
    if "accept-encoding" not in given:
        headers.append(("accept-encoding", "identity"))
    if "user-agent" not in given:
        headers.append(("user-agent", "trunkline"))
    length = str(len(request.body))
    if "content-length" not in given:
        if request.body or request.method in _WITH_BODY:
            headers.append(("content-length", length))
    elif ("content-length", length) not in headers:
        raise InternalError("the header 'content-length' is not the length of the body")
    return HttpRequest(
        request.method,
        request.url,
        tuple(headers),
        request.body,
        request.secret_headers,
        request.replayable,
    )


def request_head(request: HttpRequest) -> tuple[Address, bytes]:
    """Where the request goes, and the bytes before its body: those of `on_the_wire`."""
    address = parse_url(request.url)
    lines = [f"{request.method} {address.target} HTTP/1.1\r\n"]
    lines += [f"{name}: {value}\r\n" for name, value in on_the_wire(request).headers]
    lines.append("\r\n")
    return address, "".join(lines).encode()


def response_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Header fields by lower-case name; repeated ones are joined by a comma (RFC 9110, 5.3).

    Raises `UpstreamError` of kind `malformed` beyond 100 fields or 32 KiB.
    """
    return joined([(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw])


def joined(fields: list[tuple[str, str]]) -> dict[str, str]:
    """`response_headers` of fields that are text."""
    headers: dict[str, str] = {}
    size = 0
    for shown, value in fields:
        size += len(shown) + len(value)
        name = shown.lower()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if len(fields) > MAX_HEADERS or size > MAX_HEADER_BYTES:
        raise UpstreamError(
            "malformed",
            f"the answer has {len(fields)} headers of {size} bytes, which is too much",
            stage="sent",
        )
    return headers


def first_idle(timeouts: Timeouts) -> float | None:
    """How long a body may be silent before its first content: see `HttpResponse.idle`."""
    if timeouts.idle is None or timeouts.first_token is None:
        return None
    return max(timeouts.idle, timeouts.first_token)


@lru_cache(maxsize=64)
def _check_method(method: str) -> None:
    if not _METHOD.fullmatch(method):
        raise InternalError(f"the method {method[:40]!r} cannot be sent")


@lru_cache(maxsize=512)
def _check_name(name: str) -> None:
    if not _TOKEN.fullmatch(name) or name == "transfer-encoding":
        raise InternalError(f"the header {name!r} cannot be sent")


def _shown(url: str) -> str:
    """The URL for a message, without its query and without credentials."""
    return repr(re.sub(r"//[^/]*@", "//…@", url.partition("?")[0])[:200])
