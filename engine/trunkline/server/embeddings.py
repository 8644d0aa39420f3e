"""The embeddings endpoint: one door, before the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.server.chat import read_body
from trunkline.server.incoming import WhileConnected
from trunkline.server.outgoing import allowed, send_json

if TYPE_CHECKING:
    from trunkline.dialect import Door
    from trunkline.runtime import Engine
    from trunkline.server.incoming import ASGISend, Incoming

__all__ = ["EmbeddingsEndpoint"]


class EmbeddingsEndpoint:
    """Reads a request for embeddings in one dialect, and writes the vectors in it."""

    methods = ("POST",)

    def __init__(self, engine: Engine, door: Door) -> None:
        self.door = door
        self._engine = engine

    async def __call__(self, incoming: Incoming, send: ASGISend) -> None:
        """Answer. Raises `CallError` as long as nothing has been sent, `ClientGoneError` when
        there is nobody to answer."""
        request = await read_body(self.door, incoming)
        async with WhileConnected(incoming.receive):
            found = await self._engine.embed(
                request,
                headers=incoming.headers,
                request_id=incoming.request_id,
                door=self.door.dialect,
            )
            data = found.data
            named = data if data["model"] else {**data, "model": request["model"]}
            body = self.door.write_reply(named, request)
            headers = {**self.door.reply_headers(named), **found.headers}
            await send_json(send, incoming, 200, body, allowed(headers))
