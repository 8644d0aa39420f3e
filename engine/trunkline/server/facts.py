"""What a server says of itself: whether it is well, and which models it can be asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trunkline.errors import EngineClosed
from trunkline.server.outgoing import send_json

if TYPE_CHECKING:
    from trunkline.dialect import Door
    from trunkline.runtime import Engine
    from trunkline.server.incoming import ASGISend, Incoming

__all__ = ["Health", "Models"]


class Health:
    """Says that the engine can take requests."""

    methods = ("GET", "HEAD")

    def __init__(self, engine: Engine, door: Door) -> None:
        self.door = door
        self._engine = engine

    async def __call__(self, incoming: Incoming, send: ASGISend) -> None:
        """200 and `ok`, or 503 and `closed`."""
        try:
            plan = self._engine.plan
        except EngineClosed:
            await send_json(send, incoming, 503, {"status": "closed"})
            return
        await send_json(send, incoming, 200, {"status": "ok", "routes": len(plan.routes)})


class Models:
    """Lists the model names that routes match exactly; patterns match more, which are not listed.

    The list is one that clients of several providers read: each takes the keys that it knows.
    """

    methods = ("GET", "HEAD")

    def __init__(self, engine: Engine, door: Door) -> None:
        self.door = door
        self._engine = engine

    async def __call__(self, incoming: Incoming, send: ASGISend) -> None:
        """All names, in the order of the routes, on one page."""
        patterns = [name for route in self._engine.plan.routes for name in route.patterns]
        names = [name for name in dict.fromkeys(patterns) if _is_name(name)]
        listed = {
            "object": "list",
            "data": [_model(name) for name in names],
            "has_more": False,
            "first_id": names[0] if names else None,
            "last_id": names[-1] if names else None,
        }
        await send_json(send, incoming, 200, listed)


def _is_name(pattern: str) -> bool:
    return not (pattern.startswith("re:") or "*" in pattern or "?" in pattern)


def _model(name: str) -> dict[str, Any]:
    """When a model was made is not known, which the beginning of time stands for."""
    return {
        "id": name,
        "object": "model",
        "type": "model",
        "display_name": name,
        "created": 0,
        "created_at": "1970-01-01T00:00:00Z",
        "owned_by": "trunkline",
    }
