"""A door before the engine: what it is asked, for chat or for embeddings, and its answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from trunkline.errors import RequestError
from trunkline.server.incoming import ClientGoneError, WhileConnected
from trunkline.server.options import options_of
from trunkline.server.outgoing import allowed, as_call_error, error_data, send_json
from trunkline.server.streaming import Outlet
from trunkline.wire import WireError
from trunkline.wire.jsontext import loads

if TYPE_CHECKING:
    from trunkline.dialect import Door, StreamWriter
    from trunkline.graph import Reply
    from trunkline.runtime import Engine
    from trunkline.server.incoming import ASGISend, Incoming
    from trunkline.server.streaming import Pace

__all__ = ["DoorEndpoint"]


class DoorEndpoint:
    """Reads a request in one dialect, for chat or for embeddings, has it performed, and writes
    the answer in it."""

    methods = ("POST",)

    def __init__(self, engine: Engine, door: Door, pace: Pace) -> None:
        self.door = door
        self._engine = engine
        self._pace = pace

    async def __call__(self, incoming: Incoming, send: ASGISend) -> None:
        """Answer. Raises `CallError` as long as nothing has been sent, `ClientGoneError` when
        there is nobody to answer."""
        request = await _read(self.door, incoming)
        async with WhileConnected(incoming.receive):
            if request.get("stream"):
                await self._stream(incoming, request, send)
            else:
                await self._whole(incoming, request, send)

    async def _whole(self, incoming: Incoming, request: dict[str, Any], send: ASGISend) -> None:
        embeds = self.door.operation == "embeddings"
        ask = self._engine.embed if embeds else self._engine.chat
        reply = await ask(
            request,
            headers=incoming.headers,
            options=options_of(incoming.headers),
            request_id=incoming.request_id,
            door=self.door.dialect,
        )
        data = reply.data
        body = self.door.write_reply(data, request, int(time.time()))
        headers = {**self.door.reply_headers(data), **reply.headers}
        await send_json(send, incoming, 200, body, allowed(headers))

    async def _stream(self, incoming: Incoming, request: dict[str, Any], send: ASGISend) -> None:
        writer = self.door.stream_writer(request, incoming.params, incoming.query)
        stream = self._engine.stream(
            request,
            headers=incoming.headers,
            options=options_of(incoming.headers),
            request_id=incoming.request_id,
            door=self.door.dialect,
        )
        reply: Reply | None = None
        with Outlet(send, incoming, writer, self._pace) as outlet:
            try:
                async with stream:
                    reply = stream.reply
                    await outlet.begin(reply.headers)
                    rest = await _write(reply, request, writer, outlet)
            except ClientGoneError:
                raise
            except Exception as error:
                if not outlet.begun:
                    raise
                said = error_data(as_call_error(error, incoming), incoming.request_id)
                rest = writer.fail(said, None if reply is None else reply.data)
            await outlet.write(rest, more=False)


async def _read(door: Door, incoming: Incoming) -> dict[str, Any]:
    """The canonical request of an incoming one. Raises `RequestError` for what it is not."""
    try:
        body = loads(await incoming.body())
    except WireError as error:
        raise RequestError("bad_request", f"the body cannot be read: {error}") from error
    return door.read_request(body, incoming.headers, incoming.params, incoming.query)


async def _write(
    reply: Reply, request: dict[str, Any], writer: StreamWriter, outlet: Outlet
) -> bytes:
    """Send the stream but for its ending, which is given back. What is ready at once is sent at
    once; the prelude goes with the first content, which has come when a reply is committed."""
    reply_id, model = reply.id, reply.model or request["model"]
    ready = writer.begin({"id": reply_id, "model": model, "created": int(time.time())})
    async for steps in reply.steps():
        ready += writer.write(steps)
        if ready:
            await outlet.write(ready)
            ready = b""
    return ready + writer.end({**reply.data, "id": reply_id, "model": model})
