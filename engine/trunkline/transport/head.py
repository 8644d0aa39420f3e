"""What every face of the transport agrees on: a request exactly as it goes on the wire."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from trunkline.errors import InternalError, UpstreamError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trunkline.ports import HttpRequest, Timeouts

__all__ = [
    "MAX_HEADERS",
    "MAX_HEADER_BYTES",
    "Address",
    "first_idle",
    "on_the_wire",
    "parse_url",
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
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_PORTS: Final = {"http": 80, "https": 443}
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


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
    return Address(scheme, host.lower(), int(port) if port else _PORTS[scheme], target)


def on_the_wire(request: HttpRequest) -> HttpRequest:
    """The request with every header that will be sent, in the order sent.

    Adds `host` first and, where they are not given, `accept-encoding: identity`, `user-agent`
    and `content-length` last. Raises `InternalError` for a URL or a header that HTTP cannot
    carry; the message never shows a header's value.
    """
    address = parse_url(request.url)
    given = {name for name, _ in request.headers}
    headers = [(name, _checked(name, value)) for name, value in request.headers]
    if "host" not in given:
        headers.insert(0, ("host", address.authority))
    if "accept-encoding" not in given:
        headers.append(("accept-encoding", "identity"))
    if "user-agent" not in given:
        headers.append(("user-agent", "trunkline"))
    if "content-length" not in given and (request.body or request.method in _WITH_BODY):
        headers.append(("content-length", str(len(request.body))))
    return replace(request, headers=tuple(headers))


def response_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Header fields by lower-case name; repeated ones are joined by a comma (RFC 9110, 5.3).

    Raises `UpstreamError` of kind `malformed` beyond 100 fields or 32 KiB.
    """
    headers: dict[str, str] = {}
    count = size = 0
    for raw_name, raw_value in raw:
        count += 1
        size += len(raw_name) + len(raw_value)
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if count > MAX_HEADERS or size > MAX_HEADER_BYTES:
        raise UpstreamError(
            "malformed", f"the answer has {count} headers of {size} bytes, which is too much"
        )
    return headers


def first_idle(timeouts: Timeouts) -> float | None:
    """How long a body may be silent before its first content: see `HttpResponse.idle`."""
    if timeouts.idle is None or timeouts.first_token is None:
        return None
    return max(timeouts.idle, timeouts.first_token)


def _checked(name: str, value: str) -> str:
    if not _TOKEN.fullmatch(name) or name == "transfer-encoding":
        raise InternalError(f"the header {name!r} cannot be sent")
    if _CONTROL.search(value):
        raise InternalError(f"the value of the header {name!r} holds a control character")
    return value.strip(" \t")


def _shown(url: str) -> str:
    """The URL for a message, without its query and without credentials."""
    return repr(re.sub(r"//[^/]*@", "//…@", url.partition("?")[0])[:200])
