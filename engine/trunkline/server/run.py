"""The application on a socket, with uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import TYPE_CHECKING, Any

from trunkline.errors import TrunklineError
from trunkline.server.app import create_app
from trunkline.server.streaming import Pace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trunkline.compile import Plan
    from trunkline.policy.health import Event
    from trunkline.runtime import Engine

__all__ = ["run_server", "serve"]

KEEP_ALIVE = 75
"""Seconds for which an idle connection of a client is kept."""

DRAIN = 120
"""Seconds that requests under way are given when the server is told to stop."""


UNSENT = 16 * 1024
"""Bytes that the system may hold of an answer before it sends them."""


def run_server(
    routes: str | Path | Plan,
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    ready: Callable[[str], None] = lambda address: None,
    say: Callable[[str], None] = lambda _words: None,
) -> None:
    """Open an engine on a route file or folder and serve it until SIGINT or SIGTERM.

    `ready` is called with the address, as a URL, once requests are taken; port 0 is any free
    one. `say` is told when a target is ejected, restored or left alone. Raises `ConfigError`, and
    `TrunklineError` where the extra is missing or the address cannot be had.
    """
    _need_uvicorn()

    async def main() -> None:
        from trunkline.runtime import Engine

        def alert(event: Event) -> None:
            say(event.words(time.monotonic()))

        async with Engine.open(routes, alert=alert) as engine:
            await serve(engine, host, port, ready=ready)

    with asyncio.Runner(loop_factory=_fast_loop()) as runner:
        runner.run(main())


async def serve(
    engine: Engine,
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    ready: Callable[[str], None] = lambda address: None,
    pace: Pace | None = None,
) -> None:
    """Serve an open engine until SIGINT or SIGTERM, which let requests under way end, or
    cancellation, which does not; see `run_server`, and `create_app` for `pace`."""
    _need_uvicorn()
    import uvicorn

    class Server(uvicorn.Server):
        """Stops at a signal without raising it again: the engine is still to be closed."""

        def handle_exit(self, sig: int, frame: Any) -> None:
            """The first signal stops when all is answered, the second at once."""
            self.force_exit = self.should_exit
            self.should_exit = True

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready(address)

    config = uvicorn.Config(
        create_app(engine, pace=pace),
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=DRAIN,
    )
    stalled = (pace or Pace()).stalled
    with contextlib.closing(_listen(host, port, stalled)) as listening:
        address = _url(host, listening.getsockname()[1])
        server = Server(config)
        running = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            config.timeout_graceful_shutdown = 0
            server.should_exit = True
            await running
            raise


def _listen(host: str, port: int, stalled: float) -> socket.socket:
    """A listening socket. What is set on it holds for its connections, where the system knows it.

    They are reset when a client takes nothing of what is sent for so many seconds: nobody else
    waits for what is left of an answer that is finished (RFC 9293, 3.8.6.1, and RFC 5482). And
    little waits in the system to be sent: it would take megabytes off a provider for each client
    that reads slowly, and charge for them.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=2048)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            after = round(stalled * 1000)
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, after)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
        return listening
    except OSError as error:
        why = error.strerror or str(error)
        raise TrunklineError(
            f"cannot listen on {host}:{port}: {why}; choose another port"
        ) from error


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _need_uvicorn() -> None:
    try:
        import uvicorn  # noqa: F401
    except ImportError as error:
        message = "serving needs uvicorn: install it with `pip install 'trunkline[server]'`"
        raise TrunklineError(message) from error


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's event loops where it is installed, else the standard ones."""
    try:
        import uvloop
    except ImportError:
        return None
    new_loop: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return new_loop
