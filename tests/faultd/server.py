"""The server: connections in, requests matched with plays, and the record of all."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import time
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from tests.faultd.answer import Asked
from tests.faultd.peer import GoneError, Peer, head
from tests.faultd.performing import perform
from tests.faultd.play import Play, Rule
from tests.faultd.seen import Seen
from tests.faultd.wires import WIRES, recognise

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.faultd.peer import Request

__all__ = ["Faultd", "credential", "faultd"]


_TOLD = ("id", "key", "dialect", "model", "stream")
"""What of a request rules can tell apart."""


def credential(headers: dict[str, str]) -> str:
    """The key that a request was sent with; of a signed one the id of the key."""
    for name in ("x-api-key", "x-goog-api-key", "api-key"):
        if name in headers:
            return headers[name]
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    if scheme.startswith("AWS4"):
        return rest.partition("Credential=")[2].partition("/")[0]
    return rest


class Faultd:
    """A running server at `url`. `seen` is every request in the order of arrival.

    `usual` is how a request is answered that no rule takes. `idle` is how many seconds a
    connection may be unused, None for ever.
    """

    def __init__(self, usual: Play, *, port: int, seed: int, idle: float | None) -> None:
        self.usual = usual
        self.rules: list[Rule] = []
        self.seen: list[Seen] = []
        self.connections = 0
        self.idle = idle
        self._dice = random.Random(seed)
        self._port = port
        self._ended = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._peers: set[Peer] = set()
        self._fillers: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where the server is, without a path."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        """Its port, the same after `down` and `up`."""
        return self._port

    def script(self, play: Play, **when: Any) -> None:
        """Add a rule after those that are there; `when` is what `Rule` knows."""
        self.rules.append(Rule(play=play, **when))

    def heal(self) -> None:
        """Forget all rules."""
        self.rules.clear()

    def clear(self) -> None:
        """Forget what was seen."""
        self.seen.clear()

    @property
    def ids(self) -> Counter[str]:
        """How many requests came for each id."""
        return Counter(one.id for one in self.seen)

    @property
    def open(self) -> int:
        """Connections that are open now."""
        return sum(peer.gone is None for peer in self._peers)

    async def gone(self, number: int = 0, seconds: float = 2.0) -> str:
        """How the client of a request left, `fin` or `rst`, or how the request ended without it.
        Raises `TimeoutError` when nothing of the sort happens in time."""
        async with asyncio.timeout(seconds):
            while len(self.seen) <= number or self.seen[number].ended_at is None:
                self._ended.clear()
                await self._ended.wait()
        return self.seen[number].client_gone or self.seen[number].outcome

    async def up(self) -> None:
        """Listen, and accept."""
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self._port), backlog=512)
            self._listener.setblocking(False)
            self._port = self._listener.getsockname()[1]
        while self._fillers:
            self._fillers.pop().close()
        self._listener.listen(512)
        if self._accepting is None:
            self._accepting = asyncio.create_task(self._accept(self._listener))

    async def deaf(self) -> None:
        """Accept nobody from now on: whoever connects waits in vain. `up` ends it."""
        assert self._listener is not None
        await self._stop()
        self._listener.listen(0)
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self._port))
            self._fillers.append(filler)

    async def down(self) -> None:
        """Refuse all connections, and reset those that are open. `up` ends it."""
        await self._stop()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        while self._fillers:
            self._fillers.pop().close()
        for peer in self._peers:
            peer.rst()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _stop(self) -> None:
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.wait([self._accepting])
            self._accepting = None

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(listener)
            await loop.connect_accepted_socket(lambda: Peer(self._opened, self.idle), sock)

    def _opened(self, peer: Peer) -> None:
        self.connections += 1
        self._peers.add(peer)
        task = asyncio.create_task(self._serve(peer, self.connections))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, peer: Peer, connection: int) -> None:
        try:
            nth = 0
            while True:
                peer.rest()
                request = await peer.request()
                nth += 1
                peer.rest(busy=True)
                if not await self._answer(peer, request, connection, nth):
                    return
        except GoneError:
            return
        finally:
            peer.fin()
            self._peers.discard(peer)

    async def _answer(self, peer: Peer, request: Request, connection: int, nth: int) -> bool:
        seen = Seen(
            number=len(self.seen),
            connection=connection,
            nth=nth,
            at=request.at,
            method=request.method,
            target=request.target,
            headers=request.headers,
            body=b"",
        )
        seen.read(request.body)
        seen.key = credential(dict(request.headers))
        self.seen.append(seen)
        body = _object(request.body)
        work = recognise(request.target, body)
        if work is None:
            return await _unknown(peer, seen)
        seen.dialect, seen.model, seen.stream, _ = work
        play = self._play(seen)
        asked = Asked(play, work.model, body, seen.number, work.array)
        try:
            return await perform(peer, seen, asked, WIRES[work.dialect])
        finally:
            self._ended.set()

    def _play(self, seen: Seen) -> Play:
        asked = {name: getattr(seen, name) for name in _TOLD}
        found = (rule.play for rule in self.rules if rule.takes(asked, self._dice))
        return next(found, self.usual)


async def _unknown(peer: Peer, seen: Seen) -> bool:
    """No wire has such a path."""
    body = b"no such path\n"
    named = [("content-type", "text/plain"), ("content-length", str(len(body)))]
    await peer.write(head(404, named) + body)
    seen.status, seen.outcome, seen.ended_at = 404, "unknown", time.monotonic()
    return True


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


@asynccontextmanager
async def faultd(
    usual: Play | None = None, *, port: int = 0, seed: int = 0, idle: float | None = None
) -> AsyncIterator[Faultd]:
    """A server in this process, on loopback."""
    server = Faultd(usual or Play(), port=port, seed=seed, idle=idle)
    await server.up()
    try:
        yield server
    finally:
        await server.down()
