"""The ASGI application: paths to endpoints, and what happens when there is none or one fails."""

from __future__ import annotations

import logging
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Protocol

from trunkline.dialect import PathPattern
from trunkline.errors import CallError, EngineClosed, InternalError, RequestError
from trunkline.server.chat import ChatEndpoint
from trunkline.server.embeddings import EmbeddingsEndpoint
from trunkline.server.facts import Health, Models
from trunkline.server.incoming import ClientGoneError, Incoming
from trunkline.server.outgoing import send_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trunkline.dialect import Door
    from trunkline.runtime import Engine
    from trunkline.server.incoming import ASGIReceive, ASGIScope, ASGISend

__all__ = ["App", "Endpoint", "create_app"]

_log = logging.getLogger("trunkline.server")


class Endpoint(Protocol):
    """What stands at a path. `door` says in which dialect its errors are written."""

    @property
    def door(self) -> Door:
        """See the class."""
        ...

    @property
    def methods(self) -> tuple[str, ...]:
        """The HTTP methods that it answers; the one to recommend comes first."""
        ...

    async def __call__(self, incoming: Incoming, send: ASGISend) -> None:
        """Answer; raise `CallError` as long as nothing has been sent."""
        ...


def create_app(engine: Engine, doors: Sequence[Door] | None = None) -> App:
    """An ASGI application on an open engine.

    `doors` are the dialects it speaks; without them, every built-in one that has a door. Whoever
    opened the engine closes it, after the last request.
    """
    if doors is None:
        doors = _built_in()
    endpoints: list[tuple[PathPattern, Endpoint]] = []
    for door in doors:
        kind = EmbeddingsEndpoint if door.operation == "embeddings" else ChatEndpoint
        endpoint: Endpoint = kind(engine, door)
        endpoints.extend((pattern, endpoint) for pattern in door.patterns)
    endpoints.append((PathPattern("/v1/models"), Models(engine, doors[0])))
    endpoints.append((PathPattern("/health"), Health(engine, doors[0])))
    return App(endpoints)


def _built_in() -> list[Door]:
    from trunkline.catalog import dialect, dialects

    doors = (dialect(name).door for name in dialects())
    return [door for door in doors if door is not None]


class App:
    """Finds the endpoint of a request's path, and answers for it when it cannot.

    Paths without places are looked up; those with some are tried from the most exact on.
    """

    def __init__(self, endpoints: Sequence[tuple[PathPattern, Endpoint]]) -> None:
        self._all = {pattern.text: endpoint for pattern, endpoint in endpoints}
        fixed = (pair for pair in endpoints if not pair[0].places)
        self._fixed = {pattern.text: endpoint for pattern, endpoint in fixed}
        placed = (pair for pair in endpoints if pair[0].places)
        self._placed = sorted(placed, key=lambda pair: -pair[0].literal)

    async def __call__(self, scope: ASGIScope, receive: ASGIReceive, send: ASGISend) -> None:
        """One ASGI connection: a request, or the server's own start and end."""
        if scope["type"] == "http":
            await self._answer(Incoming(scope, receive), send)
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})

    async def _answer(self, incoming: Incoming, send: ASGISend) -> None:
        endpoint = self._find(incoming)
        door = self._nearest(incoming.path).door if endpoint is None else endpoint.door
        try:
            if endpoint is None:
                raise self._unknown(incoming)
            if incoming.method not in endpoint.methods:
                raise _wrong_method(incoming, endpoint)
            await endpoint(incoming, send)
        except ClientGoneError:
            return
        except CallError as error:
            if isinstance(error, InternalError):
                _log.error("request %s: %s", incoming.request_id, error, exc_info=error)
            await send_error(send, incoming, door, error, _about(error, endpoint))
        except EngineClosed as error:
            closed = InternalError(str(error))
            closed.status = 503
            await send_error(send, incoming, door, closed)
        except Exception:
            _log.exception("request %s failed", incoming.request_id)
            await send_error(
                send, incoming, door, InternalError("the server has a fault of its own")
            )

    def _find(self, incoming: Incoming) -> Endpoint | None:
        """The endpoint of a request, which learns what its path captured."""
        endpoint = self._fixed.get(incoming.path)
        if endpoint is not None:
            return endpoint
        for pattern, placed in self._placed:
            params = pattern.match(incoming.raw_path)
            if params is not None:
                incoming.params = params
                return placed
        return None

    def _nearest(self, path: str) -> Endpoint:
        """The endpoint whose path shares most with this one: its client, mistaken by a little,
        reads that dialect's errors."""

        def shared(known: str) -> int:
            return sum(
                1
                for _ in takewhile(lambda pair: pair[0] == pair[1], zip(known, path, strict=False))
            )

        return self._all[max(self._all, key=shared)]

    def _unknown(self, incoming: Incoming) -> RequestError:
        known = ", ".join(f"{endpoint.methods[0]} {path}" for path, endpoint in self._all.items())
        message = f"there is nothing at {incoming.path[:200]}; what there is: {known}"
        return RequestError("bad_request", message, status=404)


def _wrong_method(incoming: Incoming, endpoint: Endpoint) -> RequestError:
    wanted = " or ".join(endpoint.methods)
    message = f"{incoming.path} is asked with {wanted}, not {incoming.method}"
    return RequestError("bad_request", message, status=405)


def _about(error: CallError, endpoint: Endpoint | None) -> list[tuple[str, str]]:
    """Headers that a status calls for (RFC 9110, 15.5.6). What is left of a body that is too
    large is not waited for."""
    if error.status == 405 and endpoint is not None:
        return [("allow", ", ".join(endpoint.methods))]
    return [("connection", "close")] if error.status == 413 else []


async def _lifespan(receive: ASGIReceive, send: ASGISend) -> None:
    """The engine is open before the server starts, so there is nothing to do."""
    while True:
        event: Any = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return
