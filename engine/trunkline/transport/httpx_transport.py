"""The httpx face: carries requests through any `httpx.AsyncClient`, ours or the user's.

For proxies, HTTP/2 and a client of one's own: configure it and hand it in. Clients of
`httpx2` work alike, so errors are told by their class names, which both share.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from trunkline.errors import EngineClosed, ErrorKind, InternalError, UpstreamError
from trunkline.patience import Patience
from trunkline.transport.body import Body
from trunkline.transport.head import (
    Address,
    first_idle,
    on_the_wire,
    parse_url,
    response_headers,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable

    import httpx

    from trunkline.ports import HttpRequest, Timeouts

    _Leave = Callable[["_Shared"], Awaitable[None]]

__all__ = ["HttpxResponse", "HttpxTransport"]

_KINDS: Final[dict[str, tuple[ErrorKind, str, str]]] = {
    "ConnectTimeout": ("connect", "no connection in time", "connect"),
    "ConnectError": ("connect", "cannot connect", "connect"),
    "ProxyError": ("connect", "the proxy refused", "connect"),
    "PoolTimeout": ("timeout", "no free connection in time", "pool"),
    "WriteTimeout": ("timeout", "the request could not be sent in time", "sent"),
    "ReadTimeout": ("timeout", "no answer in time", "sent"),
    "InvalidURL": ("internal", "the request cannot be sent", ""),
    "LocalProtocolError": ("internal", "the request cannot be sent", ""),
    "UnsupportedProtocol": ("internal", "the request cannot be sent", ""),
}
"""Kind, words and stage by the name of an httpx exception; all others are a broken connection."""

_SPOILED: Final = 256
"""Sends given up half-way after which our own client is replaced: each may leave a dead entry
in the pool of httpcore 1.0, which would grow without end (encode/httpcore#1093)."""


class HttpxTransport:
    """Sends through httpx.

    Without a client it builds its own at the first send: HTTP/1.1, no redirects, no limit on
    connections, and proxies from the environment only if `trust_env` is set. A client that is
    given keeps its own pool, proxies and certificates, and stays open after `aclose`; its
    default headers, authentication, cookies and redirects are not used.
    """

    def __init__(self, client: httpx.AsyncClient | None = None, *, trust_env: bool = False) -> None:
        self._current = _Shared(client, ours=False) if client is not None else None
        self._trust_env = trust_env
        self._ours: set[_Shared] = set()
        self._tls: ssl.SSLContext | None = None
        self._closed = False

    async def send(self, request: HttpRequest, timeouts: Timeouts) -> HttpxResponse:
        """Send, and wait for the response's head; see `ports.Transport`."""
        if self._closed:
            raise EngineClosed("the transport was closed; open a new engine")
        request = on_the_wire(request)
        shared = self._client()
        shared.users += 1
        try:
            response = await _send(shared, request, timeouts)
            try:
                return HttpxResponse(response, first_idle(timeouts), shared, self._leave)
            except UpstreamError:
                await response.aclose()
                raise
        except BaseException:
            await self._leave(shared)
            raise

    async def aclose(self) -> None:
        """Close every connection of our own clients; a client that was given stays open."""
        self._closed = True
        while self._ours:
            await self._ours.pop().client.aclose()

    def _client(self) -> _Shared:
        current = self._current
        if current is None or (current in self._ours and current.spoiled >= _SPOILED):
            self._current = current = _Shared(self._new_client())
            self._ours.add(current)
        return current

    def _new_client(self) -> httpx.AsyncClient:
        import httpx

        if self._tls is None:
            self._tls = httpx.create_ssl_context(trust_env=self._trust_env)
        limits = httpx.Limits(
            max_connections=None, max_keepalive_connections=1000, keepalive_expiry=30.0
        )
        return httpx.AsyncClient(verify=self._tls, limits=limits, trust_env=self._trust_env)

    async def _leave(self, shared: _Shared) -> None:
        """One user less; a client of ours that is to be replaced is closed by its last."""
        shared.users -= 1
        if not shared.users and shared.spoiled >= _SPOILED and shared in self._ours:
            self._ours.discard(shared)
            self._current = None if self._current is shared else self._current
            await shared.client.aclose()


class HttpxResponse:
    """An `HttpResponse`; its body can be read once."""

    __slots__ = (
        "_body",
        "_cut",
        "_leave",
        "_patience",
        "_raw",
        "_response",
        "_shared",
        "headers",
        "idle",
        "status",
    )

    def __init__(
        self, response: httpx.Response, idle: float | None, shared: _Shared, leave: _Leave
    ) -> None:
        self.status: int = response.status_code
        self.headers = response_headers(response.headers.raw)
        self.idle = idle
        # A mock transport gives a response that has been read already, and decoded with it.
        self._raw = response.aiter_bytes() if response.is_stream_consumed else response.aiter_raw()
        coding = "" if response.is_stream_consumed else self.headers.get("content-encoding", "")
        self._body = Body(coding)
        self._response = response
        self._shared: _Shared | None = shared
        self._leave = leave
        self._cut = False
        self._patience = Patience()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives; see `ports.HttpResponse`."""
        try:
            while (chunk := await self._next()) is not None:
                for piece in self._body.take(chunk):
                    yield piece
            self._body.end()
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Stop reading; see `ports.HttpResponse`."""
        shared, self._shared = self._shared, None
        if shared is None:
            return
        self._patience.close()
        try:
            await self._response.aclose()
        except asyncio.CancelledError:
            self._cut = True
            raise
        finally:
            if self._cut:
                shared.spoiled += 1
                await self._hang_up()
            await self._leave(shared)

    async def _hang_up(self) -> None:
        """Close the socket itself. httpcore 1.0 guards its closing against anyio's cancellation
        only: asyncio's leaves it half done, and what is closed twice is not closed after all."""
        stream = self._response.extensions.get("network_stream")
        if stream is not None and self._response.http_version.startswith("HTTP/1"):
            await stream.aclose()

    async def _next(self) -> bytes | None:
        try:
            with self._patience.within(self.idle):
                return await anext(self._raw, None)
        except TimeoutError:
            self._cut = True
            raise UpstreamError(
                "timeout", f"no byte of the answer for {self.idle:g} s", stage="head"
            ) from None
        except asyncio.CancelledError:
            self._cut = True
            raise
        except Exception as error:
            raise _failure(error, stage="head") from error


@dataclass(eq=False, slots=True)
class _Shared:
    """A client, how many sends and responses use it, and how many sends were given up in it.
    `ours` speaks HTTP/1.1 only, so that a socket carries one request at a time."""

    client: httpx.AsyncClient
    ours: bool = True
    users: int = 0
    spoiled: int = 0


class _Watch:
    """Follows one send by httpcore's trace events: when the request is out, the time for the
    first byte begins; a connection that was opened for this send is not a reused one.

    `opened` is the socket that was opened for it, as httpcore's network stream."""

    __slots__ = ("_seconds", "fresh", "limit", "opened", "seen")

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self.limit = asyncio.timeout(None)
        self.seen = False
        self.fresh = False
        self.opened: Any = None

    async def saw(self, event: str, info: dict[str, Any]) -> None:
        self.seen = True
        if event.startswith("connection."):
            self.fresh = True
            if info.get("return_value") is not None:
                self.opened = info["return_value"]
        elif event.endswith(".send_request_body.complete") and self._seconds is not None:
            self.limit.reschedule(asyncio.get_running_loop().time() + self._seconds)


async def _send(shared: _Shared, request: HttpRequest, timeouts: Timeouts) -> httpx.Response:
    watch = _Watch(timeouts.first_byte)
    built = _build(shared.client, request, timeouts)
    built.extensions["trace"] = watch.saw
    try:
        async with watch.limit:
            response = await shared.client.send(
                built, stream=True, auth=None, follow_redirects=False
            )
    except TimeoutError:
        await _give_up(shared, watch)
        raise UpstreamError(
            "timeout", f"no answer for {timeouts.first_byte:g} s", stage="sent"
        ) from None
    except asyncio.CancelledError:
        await _give_up(shared, watch)
        raise
    except Exception as error:
        raise _failure(error, reused=watch.seen and not watch.fresh) from error
    built.extensions["timeout"]["read"] = None
    return response


async def _give_up(shared: _Shared, watch: _Watch) -> None:
    """Close the socket that was opened for the send: httpcore 1.0 forgets one that is cancelled
    between its opening and the first byte, and keeps it open."""
    shared.spoiled += 1
    if shared.ours and watch.opened is not None:
        await watch.opened.aclose()


def _build(client: httpx.AsyncClient, request: HttpRequest, timeouts: Timeouts) -> httpx.Request:
    """The request for this client, with nothing of the client's own in it."""
    seconds = {
        "connect": timeouts.connect,
        "pool": timeouts.pool,
        "write": timeouts.write,
        "read": timeouts.first_byte,
    }
    kind: Any = type(client.base_url)
    try:
        built = client.build_request(
            request.method,
            _parsed(kind, request.url),
            content=request.body,
            extensions={"timeout": seconds},
        )
    except Exception as error:
        raise _failure(error) from error
    built.headers = type(built.headers)(
        [(name.encode("ascii"), value.encode()) for name, value in request.headers]
    )
    _assert_same(built.url, parse_url(request.url))
    return built


@lru_cache(maxsize=512)
def _parsed(kind: Any, url: str) -> Any:
    """httpx's reading of a URL, which takes it longer than all else it does to build a request."""
    return kind(url)


def _assert_same(url: httpx.URL, asked: Address) -> None:
    """httpx and a client's settings may rewrite a URL; ours goes out as it is or not at all."""
    port = url.port or {"http": 80, "https": 443}[url.scheme]
    host = f"[{url.host}]" if ":" in url.host else url.host
    if (url.scheme, host, port, url.raw_path.decode("ascii")) != asked:
        raise InternalError(
            f"the HTTP client would send the request elsewhere than to {asked.authority} "
            "or with another path; nothing was sent"
        )


def _failure(
    error: Exception, reused: bool = False, stage: str = "sent"
) -> UpstreamError | InternalError:
    kind: ErrorKind
    kind, words = "server_error", "the connection broke"
    for base in type(error).__mro__:
        if base.__name__ in _KINDS:
            kind, words, known = _KINDS[base.__name__]
            stage = "head" if stage == "head" else known
            break
    detail = f"{words}: {error}" if str(error) else words
    if kind == "internal":
        return InternalError(detail)
    if kind == "server_error" and reused:
        return UpstreamError("connect", f"a kept connection was closed: {error}", stage="stale")
    return UpstreamError(kind, detail, stage=stage)
