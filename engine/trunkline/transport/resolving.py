"""Names to addresses, off the loop, with a small cache."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, Final

from trunkline.errors import EngineClosed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Resolve = Callable[[str, int], Awaitable[list["Place"]]]

__all__ = ["Place", "Resolver"]

Place = tuple[int, Any]
"""An address family and the socket address to connect to."""

_SECONDS: Final = 30.0
_MOST: Final = 512


class Resolver:
    """What a name leads to, for 30 seconds, and for at most 512 names.

    Lookups of one name at the same time are one lookup. `failed` forgets a name and puts the
    address that failed behind the others when the name is looked up again.
    """

    def __init__(self, resolve: Resolve | None = None) -> None:
        self._resolve = resolve or _resolved
        self._known: dict[tuple[str, int], tuple[float, list[Place]]] = {}
        self._asking: dict[tuple[str, int], asyncio.Task[list[Place]]] = {}
        self._worse: dict[tuple[str, int], Place] = {}

    async def places(self, host: str, port: int) -> list[Place]:
        """Every address of the name, the best first.

        Raises `OSError` or `UnicodeError` where there is none.
        """
        key = (host, port)
        known = self._known.get(key)
        if known is not None and known[0] > asyncio.get_running_loop().time():
            return known[1]
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.ensure_future(self._ask(key))
            asking.add_done_callback(_looked_at)
        await asyncio.wait([asking])
        if asking.cancelled():
            raise EngineClosed("the transport was closed; open a new engine")
        return asking.result()

    def failed(self, host: str, port: int, place: Place | None) -> None:
        """No connection there. `place` is the address, where it was one of them."""
        self._known.pop((host, port), None)
        if place is not None:
            _put(self._worse, (host, port), place)

    def close(self) -> None:
        """Wait for no lookup."""
        for asking in self._asking.values():
            asking.cancel()

    async def _ask(self, key: tuple[str, int]) -> list[Place]:
        try:
            places = _numeric(*key) or await self._resolve(*key)
        finally:
            del self._asking[key]
        if not places:
            raise OSError("the name has no address")
        worse = self._worse.pop(key, None)
        places = sorted(dict.fromkeys(places), key=lambda place: place == worse)
        _put(self._known, key, (asyncio.get_running_loop().time() + _SECONDS, places))
        return places


def _put(table: dict[Any, Any], key: Any, value: Any) -> None:
    table.pop(key, None)
    table[key] = value
    if len(table) > _MOST:
        del table[next(iter(table))]


def _looked_at(task: asyncio.Task[Any]) -> None:
    """Whoever asked may be gone by the time the answer is an error."""
    if not task.cancelled():
        task.exception()


def _numeric(host: str, port: int) -> list[Place]:
    """The address that a host already is, or nothing; this asks nobody."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except OSError:
        return []
    return [(one[0], one[4]) for one in found]


async def _resolved(host: str, port: int) -> list[Place]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(one[0], one[4]) for one in found]
