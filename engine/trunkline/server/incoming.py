"""A request on its way in: what ASGI says about it, its body within limits, and its end.

https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import parse_qsl, quote
from uuid import uuid4

from trunkline.errors import RequestError

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["ASGIReceive", "ASGIScope", "ASGISend", "ClientGoneError", "Incoming", "WhileConnected"]

ASGIScope = MutableMapping[str, Any]
ASGIReceive = Callable[[], Awaitable[MutableMapping[str, Any]]]
ASGISend = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_BODY: Final = 20 * 1024 * 1024
"""Bytes of a request's body."""

MAX_DISCARDED: Final = 64 * 1024 * 1024
"""Bytes that are read of a body that is too large: most clients read an answer only after they
have sent all, and would see a reset connection instead."""

MAX_HEADERS: Final = 100
"""Header fields of a request."""

MAX_HEADER_BYTES: Final = 32 * 1024
"""Bytes of all their names and values."""

MAX_PARAMETERS: Final = 100
"""Parameters of a query."""

_CREDENTIALS: Final = frozenset(
    {"authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"}
)
"""What a client proves itself with to us: nothing behind the door sees it."""

_KEYS: Final = frozenset({"key", "access_token"})
"""The same as parameters of a query (Google's APIs take both)."""

_LENGTH: Final = re.compile(r"[0-9]{1,18}")


class ClientGoneError(Exception):
    """The client has closed the connection; there is nobody left to answer."""


class Incoming:
    """One HTTP request. `headers` have lower-case names and hold no credentials; `request_id`
    is ours, whatever the client calls the request. `raw_path` is the path before its escapes
    were read, `params` what an endpoint's pattern captured of it, and `query` the first value of
    each parameter behind it."""

    __slots__ = (
        "_excess",
        "headers",
        "method",
        "params",
        "path",
        "query",
        "raw_path",
        "receive",
        "request_id",
    )

    def __init__(self, scope: ASGIScope, receive: ASGIReceive) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        raw: bytes | None = scope.get("raw_path")
        self.raw_path = quote(self.path) if raw is None else raw.decode("latin-1")
        self.params: dict[str, str] = {}
        self.query = _first_values(scope.get("query_string", b""))
        self.headers: dict[str, str] = {}
        self._excess = _excess(scope["headers"])
        if self._excess:
            scope["headers"] = ()
        for raw_name, raw_value in scope["headers"]:
            name = raw_name.decode("latin-1").lower()
            if name not in _CREDENTIALS:
                value = raw_value.decode("latin-1")
                known = self.headers.get(name)
                self.headers[name] = value if known is None else f"{known}, {value}"
        self.receive = receive
        self.request_id = f"req_{uuid4().hex}"

    async def body(self) -> bytes:
        """The whole body.

        Raises `RequestError` with status 413 beyond 20 MiB, 415 for a body that is compressed
        and 431 for too many headers, `ClientGoneError` if it never comes.
        """
        if self._excess:
            raise RequestError("bad_request", self._excess, status=431)
        coding = self.headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("identity", ""):
            message = f"content-encoding {coding[:40]!r} is not read here: send the body as it is"
            raise RequestError("bad_request", message, status=415)
        said = self.headers.get("content-length", "")
        promised = int(said) if _LENGTH.fullmatch(said) else 0
        waits = "expect" in self.headers and promised > MAX_BODY
        if waits or promised > MAX_DISCARDED:
            raise _too_large()
        pieces: list[bytes] = []
        size = 0
        while True:
            event = await self.receive()
            if event["type"] == "http.disconnect":
                raise ClientGoneError
            piece: bytes = event.get("body", b"")
            size += len(piece)
            if size <= MAX_BODY:
                pieces.append(piece)
            more = event.get("more_body", False) and size <= MAX_DISCARDED
            if not more and size > MAX_BODY:
                raise _too_large()
            if not more:
                return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _first_values(query: bytes) -> dict[str, str]:
    """The parameters of a query but for credentials; too many of them are none."""
    try:
        pairs = parse_qsl(query.decode("latin-1"), True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        return {}
    return {name: value for name, value in reversed(pairs) if name not in _KEYS}


def _excess(raw: Collection[tuple[bytes, bytes]]) -> str:
    """What is wrong with the size of a request's headers; nothing if they are within limits."""
    if len(raw) > MAX_HEADERS:
        return f"more than {MAX_HEADERS} headers"
    if sum(len(name) + len(value) for name, value in raw) > MAX_HEADER_BYTES:
        return f"the headers are larger than {MAX_HEADER_BYTES // 1024} KiB"
    return ""


def _too_large() -> RequestError:
    message = f"the body is larger than {MAX_BODY // (1024 * 1024)} MiB"
    return RequestError("bad_request", message, status=413)


class WhileConnected:
    """Runs a block as long as the client is there.

    When it goes away, the block is cancelled, which closes whatever it has open upstream, and
    `ClientGoneError` is raised instead.
    """

    __slots__ = ("_block", "_gone", "_receive", "_watch")

    def __init__(self, receive: ASGIReceive) -> None:
        self._receive = receive
        self._gone = False
        self._block: asyncio.Task[Any]
        self._watch: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        block = asyncio.current_task()
        if block is None:
            raise RuntimeError("not in a task")
        self._block = block
        self._watch = asyncio.create_task(self._wait())
        return self

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._block.cancel()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watch.cancel()
        if not self._gone or self._block.uncancel():
            return
        if isinstance(error, asyncio.CancelledError):
            raise ClientGoneError from None
