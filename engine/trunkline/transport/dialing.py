"""New sockets: the first address that answers (RFC 8305), TLS, and Unix sockets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Final

from trunkline.errors import EngineClosed, InternalError, UpstreamError
from trunkline.transport.connection import Connection
from trunkline.transport.resolving import Resolver

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from trunkline.transport.head import Address
    from trunkline.transport.resolving import Place, Resolve

__all__ = ["Dialer"]

_STAGGER: Final = 0.25
"""Seconds before the next address is tried beside those that have not answered (RFC 8305, 5)."""

_PROBES: Final = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 30), ("TCP_KEEPCNT", 4))
"""A model may think for minutes, and what is on the way forgets silent connections sooner."""


class Dialer:
    """Opens connections.

    `tls` is the context for https; without one it is made when it is first needed, and believes
    the authorities of certifi, or those of the PEM file `ca`. `unix` names the socket files of
    origins that are not reached over TCP. `resolve` replaces the system's resolver.
    """

    def __init__(
        self,
        tls: ssl.SSLContext | None,
        ca: str | Path | None,
        unix: Mapping[str, str | Path],
        resolve: Resolve | None,
    ) -> None:
        self._tls = tls
        self._ca = ca
        self._unix = {origin.rstrip("/").lower(): str(path) for origin, path in unix.items()}
        self._making = asyncio.Lock()
        self._resolver = Resolver(resolve)
        self._closed = False

    async def dial(self, to: Address, seconds: float | None) -> Connection:
        """A connection with TLS where the scheme asks for it.

        Raises `UpstreamError` of kind `connect`.
        """
        context = await self._context() if to.scheme == "https" else None
        try:
            async with asyncio.timeout(seconds):
                connection = await self._connect(to, context)
        except TimeoutError:
            self._resolver.failed(to.host.strip("[]"), to.port, None)
            raise _no_connection(f"no connection in {seconds:g} s") from None
        except (OSError, ValueError) as error:
            raise _no_connection(f"cannot connect: {_reason(error)}") from error
        if self._closed:
            connection.close()
            raise EngineClosed("the transport was closed; open a new engine")
        if connection.speaks not in ("", "http/1.1"):
            connection.close()
            raise _no_connection(f"the server speaks {connection.speaks}, by the context's ALPN")
        return connection

    def close(self) -> None:
        """Open no more."""
        self._closed = True
        self._resolver.close()

    async def _connect(self, to: Address, context: ssl.SSLContext | None) -> Connection:
        origin = f"{to.scheme}://{to.authority}"
        host = to.host.strip("[]")
        place: Place | None = None
        try:
            if origin in self._unix:
                sock = await _socket((socket.AF_UNIX, self._unix[origin]))
            else:
                sock = await _first(await self._resolver.places(host, to.port))
                place = _place(sock)
                _keep_alive(sock)
        except OSError:
            self._resolver.failed(host, to.port, None)
            raise
        try:
            return await _open(sock, context, host.rstrip("."))
        except (OSError, asyncio.CancelledError):
            # The address answers, and what is there does not: let another try begin elsewhere.
            self._resolver.failed(host, to.port, place)
            raise

    async def _context(self) -> ssl.SSLContext:
        """The context, made once and off the loop: to read the authorities takes milliseconds."""
        async with self._making:
            if self._tls is None:
                try:
                    self._tls = await asyncio.to_thread(_context, self._ca)
                except OSError as error:
                    words = f"the authorities for TLS cannot be read: {_reason(error)}"
                    raise InternalError(words) from error
        return self._tls


def _context(ca: str | Path | None) -> ssl.SSLContext:
    if ca is None:
        import certifi

        ca = certifi.where()
    context = ssl.create_default_context(cafile=str(ca))
    context.set_alpn_protocols(["http/1.1"])
    return context


async def _open(sock: socket.socket, context: ssl.SSLContext | None, host: str) -> Connection:
    loop = asyncio.get_running_loop()
    connection = Connection(loop)
    try:
        await loop.create_connection(
            lambda: connection,
            sock=sock,
            ssl=context,
            server_hostname=host if context is not None else None,
        )
    except BaseException:
        # asyncio ends a handshake by itself, but says goodbye where one has just succeeded.
        connection.close()
        raise
    return connection


async def _first(places: Sequence[Place]) -> socket.socket:
    """A socket to the first address that answers; the families take turns (RFC 8305, 4)."""
    if len(places) == 1:
        return await _socket(places[0])
    left = _in_turns(places)
    tries: list[asyncio.Task[socket.socket]] = []
    winner: socket.socket | None = None
    try:
        while winner is None:
            if left:
                tries.append(asyncio.ensure_future(_socket(left.pop(0))))
            open_ones = [one for one in tries if not one.done()]
            if open_ones:
                await asyncio.wait(
                    open_ones,
                    timeout=_STAGGER if left else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            winner = next((one.result() for one in tries if _answered(one)), None)
            if winner is None and not left and all(one.done() for one in tries):
                tries[0].result()
        return winner
    finally:
        _give_up(tries, winner)


def _in_turns(places: Sequence[Place]) -> list[Place]:
    """The first address's family first, then the other, and so on."""
    first = [place for place in places if place[0] == places[0][0]]
    other = [place for place in places if place[0] != places[0][0]]
    return [place for place in chain(*zip_longest(first, other)) if place is not None]


def _answered(one: asyncio.Task[socket.socket]) -> bool:
    return one.done() and not one.cancelled() and one.exception() is None


def _give_up(tries: list[asyncio.Task[socket.socket]], winner: socket.socket | None) -> None:
    """Close every socket but the winner's."""
    for one in tries:
        if not one.done():
            one.cancel()
        elif _answered(one) and one.result() is not winner:
            one.result().close()


async def _socket(place: Place) -> socket.socket:
    family, address = place
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _place(sock: socket.socket) -> Place | None:
    """The address of the other end, unless it has gone already."""
    try:
        return sock.family, sock.getpeername()
    except OSError:
        return None


def _keep_alive(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _PROBES:
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _no_connection(words: str) -> UpstreamError:
    return UpstreamError("connect", words, stage="connect")


def _reason(error: Exception) -> str:
    """The system's words, without the addresses that asyncio puts into them."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not valid: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error.strerror or type(error).__name__}"
    if isinstance(error, OSError) and not isinstance(error, socket.gaierror) and error.errno:
        return os.strerror(error.errno)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
