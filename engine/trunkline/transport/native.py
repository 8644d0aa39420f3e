"""The native face: HTTP/1.1 on asyncio and llhttp, which is what an engine sends through.

It speaks to the provider itself. For proxies, HTTP/2 and a client of one's own there is
`HttpxTransport`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from trunkline.errors import EngineClosed, UpstreamError
from trunkline.transport.body import Body
from trunkline.transport.connection import Exchange
from trunkline.transport.dialing import Dialer
from trunkline.transport.head import first_idle, request_head
from trunkline.transport.pool import Pool

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from trunkline.ports import HttpRequest, Timeouts
    from trunkline.transport.head import Address
    from trunkline.transport.resolving import Resolve

__all__ = ["NativeResponse", "NativeTransport", "Sockets"]


class Sockets(NamedTuple):
    """How many connections there are: `open`, of these `idle`; and how many calls wait for one."""

    open: int
    idle: int
    waiting: int


class NativeTransport:
    """Sends over sockets of its own.

    `tls` is the context for https; without one the server's certificate must be signed by an
    authority of certifi's, or of the PEM file `ca`, and be for the host that is called. `limit`
    is how many connections one origin (scheme, host and port) may have; whoever finds none free
    waits `Timeouts.pool`. An unused one is closed after `keep` seconds, or a second before the
    server's own `keep-alive: timeout`. `unix` names the socket files of origins that are not
    reached over TCP: `{"http://local.test": "/run/model.sock"}`. `resolve` replaces the system's
    resolver, for tests.

    `replays` counts requests that a kept connection lost before the first byte of an answer, and
    that were sent once more on a new one. Raises `ValueError` for a `limit` below 1.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        ca: str | Path | None = None,
        limit: int = 1000,
        keep: float = 30.0,
        unix: Mapping[str, str | Path] | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        if limit < 1:
            raise ValueError("an origin needs a connection: `limit` is at least 1")
        self._dialer = Dialer(tls, ca, unix or {}, resolve)
        self._limit = limit
        self._keep = keep
        self._pools: dict[tuple[str, str, int], Pool] = {}
        self._closed = False
        self.replays = 0

    async def send(self, request: HttpRequest, timeouts: Timeouts) -> NativeResponse:
        """Send, and wait for the response's head; see `ports.Transport`."""
        if self._closed:
            raise EngineClosed("the transport was closed; open a new engine")
        address, head = request_head(request)
        pool = self._pool(address)
        exchange = Exchange(await pool.take(timeouts), request.method)
        try:
            await exchange.run(head, request.body, timeouts)
        except UpstreamError as error:
            if not exchange.stale:
                raise
            if not request.replayable:
                words = "a kept connection was closed before it answered"
                raise UpstreamError("connect", words, stage="stale") from error
            self.replays += 1
            exchange = Exchange(await pool.take(timeouts, fresh=True), request.method)
            await exchange.run(head, request.body, timeouts)
        try:
            return NativeResponse(exchange, first_idle(timeouts))
        except BaseException:
            exchange.abandon()
            raise

    async def aclose(self) -> None:
        """Close every connection."""
        self._closed = True
        self._dialer.close()
        for pool in self._pools.values():
            pool.close()
        # A socket that was told to close is closed by the loop's next turn.
        await asyncio.sleep(0)

    @property
    def sockets(self) -> Sockets:
        """How many connections there are now."""
        pools = self._pools.values()
        return Sockets(
            sum(pool.open for pool in pools),
            sum(len(pool.idle) for pool in pools),
            sum(len(pool.waiting) for pool in pools),
        )

    def _pool(self, to: Address) -> Pool:
        key = to[:3]
        pool = self._pools.get(key)
        if pool is None:
            self._pools = {name: one for name, one in self._pools.items() if one.used()}
            pool = self._pools[key] = Pool(
                lambda seconds: self._dialer.dial(to, seconds), self._limit, self._keep
            )
        return pool


class NativeResponse:
    """An `HttpResponse`; its body can be read once."""

    __slots__ = ("_body", "_exchange", "headers", "idle", "status")

    def __init__(self, exchange: Exchange, idle: float | None) -> None:
        self._exchange = exchange
        self.status: int = exchange.reader.status
        self.headers = exchange.reader.headers
        self.idle = idle
        self._body = Body(self.headers.get("content-encoding", ""))

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives; see `ports.HttpResponse`."""
        body, more = self._body, self._exchange.more
        try:
            while data := await more(self.idle):
                if body.plain:
                    body.count(data)
                    yield data
                else:
                    for piece in body.take(data):
                        yield piece
            body.end()
        finally:
            self._exchange.abandon()

    async def aclose(self) -> None:
        """Stop reading; see `ports.HttpResponse`."""
        self._exchange.abandon()

    def __del__(self) -> None:
        """An answer that nobody took, because whoever waited for it was cancelled at that very
        moment, must not hold its connection for ever."""
        self._exchange.forget()
