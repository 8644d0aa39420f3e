"""The ASGI application: paths to endpoints, and what happens when there is none or one fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trunkline.dialect import PathPattern
from trunkline.errors import EngineClosed, RequestError
from trunkline.server.doors import DoorEndpoint
from trunkline.server.facts import Health, Models
from trunkline.server.incoming import ClientGoneError, Incoming
from trunkline.server.outgoing import as_call_error, send_error
from trunkline.server.streaming import Pace
from trunkline.server.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trunkline.dialect import Door
    from trunkline.errors import CallError
    from trunkline.runtime import Engine
    from trunkline.server.incoming import ASGIReceive, ASGIScope, ASGISend
    from trunkline.server.table import Endpoint

__all__ = ["App", "create_app"]


def create_app(
    engine: Engine, doors: Sequence[Door] | None = None, *, pace: Pace | None = None
) -> App:
    """An ASGI application on an open engine.

    `doors` are the dialects it speaks beside those that the route file declares; without them,
    every built-in one that has a door. `pace` says when a silent stream shows that it is alive,
    and how long a client that does not read is waited for. Whoever opened the engine closes it,
    after the last request.
    """
    return App(engine, _built_in() if doors is None else doors, pace or Pace())


def _built_in() -> list[Door]:
    from trunkline.catalog import dialect, dialects

    doors = (dialect(name).door for name in dialects())
    return [door for door in doors if door is not None]


class App:
    """Finds the endpoint of a request's path, and answers for it when it cannot.

    Doors of dialects that a route file declares come before built-in ones, and change with it.
    """

    def __init__(self, engine: Engine, doors: Sequence[Door], pace: Pace) -> None:
        self._engine = engine
        self._pace = pace
        self._doors = doors
        self._plan = engine.plan
        self._table = self._made()

    def _made(self) -> Table:
        engine = self._engine
        declared = [one.door for one in self._plan.dialects.values() if one.door is not None]
        endpoints: list[tuple[PathPattern, Endpoint]] = []
        for door in (*declared, *self._doors):
            endpoint: Endpoint = DoorEndpoint(engine, door, self._pace)
            endpoints.extend((pattern, endpoint) for pattern in door.patterns)
        first = self._doors[0]
        endpoints.append((PathPattern("/v1/models"), Models(engine, first)))
        endpoints.append((PathPattern("/health"), Health(engine, first)))
        return Table(endpoints)

    def _current(self) -> Table:
        """The table of the plan that the engine has now; the last one if it has been closed."""
        try:
            plan = self._engine.plan
        except EngineClosed:
            return self._table
        if plan is not self._plan:
            self._plan = plan
            self._table = self._made()
        return self._table

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
        table = self._current()
        found = table.find(incoming.path, incoming.raw_path)
        endpoint = None if found is None else found.endpoint
        door = (endpoint or table.nearest(incoming.path)).door
        try:
            if found is None or endpoint is None:
                raise _unknown(incoming, table)
            incoming.params = found.params
            if incoming.method not in endpoint.methods:
                raise _wrong_method(incoming, endpoint)
            await endpoint(incoming, send)
        except ClientGoneError:
            return
        except Exception as error:
            said = as_call_error(error, incoming)
            await send_error(send, incoming, door, said, _about(said, endpoint))


def _unknown(incoming: Incoming, table: Table) -> RequestError:
    known = ", ".join(table.paths())
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
