"""The simulated provider itself: requests in, answers and faults out."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self
from urllib.parse import parse_qsl

from trunkline.dialect import Fold
from trunkline.dialect.classify import kind_of_status
from trunkline.errors import RequestError
from trunkline.simulator.content import answer, vectors
from trunkline.simulator.http import listen
from trunkline.simulator.settings import Fault, Seen, fault_of
from trunkline.wire import WireError
from trunkline.wire.jsontext import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.dialect import Door, StreamWriter
    from trunkline.simulator.content import Answer
    from trunkline.simulator.http import Exchange, Listener
    from trunkline.simulator.settings import Settings

__all__ = ["Simulated", "start"]

REMEMBERED: Final = 256
"""Requests kept in `Simulated.seen`."""

_NO_FAULT: Final = Fault()


class _Asked(NamedTuple):
    """A door, and what a request's target says beside the body."""

    door: Door
    params: Mapping[str, str] = MappingProxyType({})
    query: Mapping[str, str] = MappingProxyType({})


async def start(settings: Settings) -> Simulated:
    """Begin to answer, at a free port of 127.0.0.1. Close it with `aclose`, or use `async with`."""
    if not settings.doors:
        raise ValueError("a simulated provider needs a dialect with a `serve` section")
    simulated = Simulated(settings)
    await simulated.open()
    return simulated


class Simulated:
    """A provider on this machine. `seen` holds its last 256 requests, of `count` in all."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.seen: deque[Seen] = deque(maxlen=REMEMBERED)
        self.count = 0
        self._arrival = asyncio.Condition()
        self._listener: Listener

    async def open(self) -> None:
        """Open the socket; `start` has done it."""
        self._listener = await listen(self._handle)

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return self._listener.port

    @property
    def origin(self) -> str:
        """Where it is: `http://127.0.0.1:port`."""
        return f"http://127.0.0.1:{self.port}"

    async def aclose(self) -> None:
        """Close the socket and every connection."""
        await self._listener.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def arrival(self, number: int = 1) -> Seen:
        """Wait until so many requests have come, and give that one."""
        async with self._arrival:
            await self._arrival.wait_for(lambda: self.count >= number)
        return next(seen for seen in self.seen if seen.number == number)

    async def _handle(self, exchange: Exchange) -> None:
        self.count += 1
        seen = Seen(self.count, exchange.method, exchange.target, exchange.headers, exchange.body)
        self.seen.append(seen)
        async with self._arrival:
            self._arrival.notify_all()
        outcome = "cancelled"
        try:
            outcome = await self._answer(exchange, seen)
        finally:
            seen.end(outcome)

    async def _answer(self, exchange: Exchange, seen: Seen) -> str:
        asked = self._asked(exchange.target)
        door = asked.door
        refusal: RequestError | None = None
        try:
            seen.request = _read(asked, exchange)
        except RequestError as error:
            refusal = error
        fault = fault_of(self.settings.faults, seen.number, seen.request) or _NO_FAULT
        await asyncio.sleep(fault.delay)
        if fault.end_after != 0 and await _struck(exchange, fault, 0):
            return _name_of(fault)
        await asyncio.sleep(self.settings.latency)
        failing = fault.status is not None or fault.error_after is not None
        streamed = seen.request is not None and seen.request.get("stream")
        if failing and not (streamed and fault.error_after):
            await _fail(exchange, door, seen, fault)
            return "status"
        try:
            if refusal is not None or seen.request is None:
                raise refusal or RequestError("bad_request", "the request could not be read")
            if door.operation == "embeddings":
                said = vectors(seen.request, self.settings)
            else:
                said = answer(seen.request, self.settings)
            if seen.request.get("stream"):
                return await self._stream(exchange, asked, seen, said, fault)
            return await self._whole(exchange, door, seen, said, fault)
        except RequestError as error:
            kind, status = error.kind, 405 if exchange.method != "POST" else error.status
            await _refuse(exchange, door, seen, _error(kind, error.message, status, seen))
            return "refused"

    def _asked(self, target: str) -> _Asked:
        """The door whose pattern says most of the path's end; the first one if none does."""
        path, _, rest = target.partition("?")
        best, found = 0, _Asked(self.settings.doors[0])
        for door in self.settings.doors:
            for pattern in door.patterns:
                params = pattern.match(path, below=True)
                if params is not None and pattern.literal > best:
                    best = pattern.literal
                    found = _Asked(door, params, dict(reversed(parse_qsl(rest, True))))
        return found

    async def _whole(
        self, exchange: Exchange, door: Door, seen: Seen, said: Answer, fault: Fault
    ) -> str:
        """An answer in one body: it takes as long as its stream would."""
        fold = Fold(door.family)
        for delta in (said.start, *said.content, *said.end):
            fold.add(delta)
        request: Any = seen.request
        body = dumps(door.write_reply(_reply(fold, said), request, int(time.time())))
        if fault.malformed_after is not None:
            body = _spoilt(body)
        await asyncio.sleep(self.settings.chunk_delay * len(said.content))
        headers = _headers(seen, fault)
        headers.extend(door.reply_headers({"id": fold.id}).items())
        if _name_of(fault) in _STRIKES:
            await exchange.head(200, headers, None if fault.end_after is not None else len(body))
            await exchange.write(body[: len(body) // 2])
            await _struck(exchange, fault, None)
            return _name_of(fault)
        await exchange.respond(200, headers, body)
        return _name_of(fault)

    async def _stream(
        self, exchange: Exchange, asked: _Asked, seen: Seen, said: Answer, fault: Fault
    ) -> str:
        request: Any = seen.request
        if self.settings.tells_usage:
            request = {**request, "stream_options": {"include_usage": True}}
        writer = asked.door.stream_writer(request, asked.params, asked.query)
        fold = Fold(asked.door.family)
        fold.add(said.start)
        await exchange.head(200, _headers(seen, fault, writer.content_type))
        begun = {"id": fold.id, "model": fold.model, "created": int(time.time())}
        await exchange.write(writer.begin(begun))
        for sent, delta in enumerate(said.content):
            if sent == fault.error_after:
                return await _break_off(exchange, writer, seen, fault)
            if await _struck(exchange, fault, sent):
                return _name_of(fault)
            await asyncio.sleep(self.settings.chunk_delay)
            piece = writer.write(fold.add(delta))
            await exchange.write(_spoilt(piece) if sent == fault.malformed_after else piece)
        if fault.error_after is not None:
            return await _break_off(exchange, writer, seen, fault)
        if await _struck(exchange, fault, None):
            return _name_of(fault)
        for delta in said.end:
            fold.add(delta)
        rest = writer.end(_reply(fold, said))
        late = fault.malformed_after is not None and fault.malformed_after >= len(said.content)
        await exchange.write(_spoilt(rest) if late else rest)
        await exchange.finish()
        return _name_of(fault)


_STRIKES: Final = ("stall", "cut", "reset", "end")


def _name_of(fault: Fault) -> str:
    """The outcome of a request that this fault struck."""
    for name in (*_STRIKES, "malformed"):
        if getattr(fault, f"{name}_after") is not None:
            return name
    return "answered"


async def _struck(exchange: Exchange, fault: Fault, sent: int | None) -> bool:
    """Whether the fault ends the answer here, after so many chunks; None is as late as can be."""

    def due(after: int | None) -> bool:
        if after is None:
            return False
        return sent is None or after == sent

    if due(fault.stall_after):
        await asyncio.Event().wait()
    if due(fault.reset_after):
        exchange.reset()
        return True
    if due(fault.cut_after):
        exchange.cut()
        return True
    if due(fault.end_after):
        await exchange.finish()
        return True
    return False


async def _refuse(
    exchange: Exchange, door: Door, seen: Seen, error: dict[str, Any], fault: Fault = _NO_FAULT
) -> None:
    """An error as the door's dialect says it."""
    headers = [*_headers(seen, fault), *door.error_headers(error).items()]
    await exchange.respond(error["status"], headers, dumps(door.write_error(error)))


def _read(asked: _Asked, exchange: Exchange) -> dict[str, Any]:
    if exchange.method != "POST":
        raise RequestError("bad_request", f"{exchange.method} is not answered here, POST is")
    try:
        body = loads(exchange.body)
    except WireError as error:
        raise RequestError("bad_request", str(error)) from error
    return asked.door.read_request(body, dict(exchange.headers), asked.params, asked.query)


def _reply(fold: Fold, said: Answer) -> Any:
    """The reply with its usage, which is disjoint already."""
    return {**fold.reply(), "usage": said.end[-1]["usage"]}


async def _fail(exchange: Exchange, door: Door, seen: Seen, fault: Fault) -> None:
    status = fault.status or 500
    if isinstance(fault.body, str):
        text = (("content-type", "text/plain; charset=utf-8"),)
        await exchange.respond(status, (*text, *_more(seen, fault)), fault.body.encode())
        return
    if fault.body is not None:
        await exchange.respond(status, _headers(seen, fault), dumps(fault.body))
        return
    await _refuse(exchange, door, seen, _scripted(seen, fault), fault)


async def _break_off(exchange: Exchange, writer: StreamWriter, seen: Seen, fault: Fault) -> str:
    """An error instead of the rest of a stream, which ends as it should after it."""
    await exchange.write(writer.fail(_scripted(seen, fault)))
    await exchange.finish()
    return "error"


def _scripted(seen: Seen, fault: Fault) -> dict[str, Any]:
    status = fault.status or 500
    message = fault.message or f"simulated status {status}"
    return _error(kind_of_status(status), message, status, seen)


def _error(kind: str, message: str, status: int, seen: Seen) -> dict[str, Any]:
    return {"kind": kind, "message": message, "status": status, "request_id": _request_id(seen)}


def _headers(
    seen: Seen, fault: Fault, content_type: str = "application/json"
) -> list[tuple[str, str]]:
    return [("content-type", content_type), *_more(seen, fault)]


def _more(seen: Seen, fault: Fault) -> list[tuple[str, str]]:
    """Both spellings of the request's id, because clients look for one or the other."""
    more = [("x-request-id", _request_id(seen)), ("request-id", _request_id(seen))]
    if fault.retry_after is not None:
        more.append(("retry-after", f"{fault.retry_after:g}"))
    return [*more, *fault.headers]


def _request_id(seen: Seen) -> str:
    return f"req_sim_{seen.number}"


def _spoilt(piece: bytes) -> bytes:
    """Bytes of the same length that no reader of JSON takes, whatever they are framed in."""
    return piece.replace(b'"', b"'")
