"""One request played: when what is written, and how it breaks off."""

from __future__ import annotations

import asyncio
import time
import zlib
from functools import cache
from typing import TYPE_CHECKING

from tests.faultd.answer import Asked, tokens
from tests.faultd.frames import dumps
from tests.faultd.peer import GoneError, Peer, head

if TYPE_CHECKING:
    from tests.faultd.play import Play, Point
    from tests.faultd.seen import Seen
    from tests.faultd.wires import Wire

__all__ = ["perform"]

ENDLESS = 2**30
"""Bytes after which even what is endless ends."""

READING = 0.02
"""Seconds between the last byte and a reset, which may take from a client what it has not read."""

BOMB = 100 * 2**20
"""Bytes that a compressed answer unfolds to."""


class Broken(Exception):
    """The answer broke off as it was to."""


async def perform(peer: Peer, seen: Seen, asked: Asked, wire: Wire) -> bool:
    """Answer. Gives whether the connection can be used further."""
    performance = _Performance(peer, seen, asked.play)
    peer.on_gone = performance.left
    try:
        if asked.play.instead is not None:
            await performance.instead(asked, wire)
        elif asked.play.status >= 300:
            await performance.refused(wire)
        elif seen.stream:
            await performance.streamed(asked, wire)
        else:
            await performance.whole(dumps(wire.whole(asked)), "application/json")
        seen.outcome = "complete"
    except Broken as broken:
        seen.outcome = str(broken)
        return performance.ended and not asked.play.close
    except GoneError:
        seen.outcome = seen.outcome or "client_gone"
        return False
    finally:
        seen.ended_at = time.monotonic()
        peer.on_gone = None
    if asked.play.close or performance.close_delimited:
        peer.fin()
        return False
    return True


class _Performance:
    def __init__(self, peer: Peer, seen: Seen, play: Play) -> None:
        self._peer = peer
        self._seen = seen
        self._play = play
        self._chunked = False
        self.close_delimited = play.breaks is not None and play.breaks.how == "eof"
        self.ended = False

    def left(self, how: str, at: float) -> None:
        """The client has gone."""
        self._seen.client_gone, self._seen.gone_at = how, at

    async def _put(self, data: bytes) -> None:
        """Write, in slices where the play says so, and count what the socket took."""
        size = self._play.slices or len(data) or 1
        for at in range(0, len(data), size):
            await self._peer.write(data[at : at + size])
            self._seen.sent += len(data[at : at + size])
            if self._play.slices:
                await asyncio.sleep(0)

    async def _piece(self, data: bytes) -> None:
        """A piece of the body."""
        if data and self._chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        await self._put(data)

    async def _head(
        self, status: int, headers: dict[str, str], length: int | None, *, stream: bool = False
    ) -> None:
        named = {**headers, **{key.lower(): text for key, text in self._play.headers.items()}}
        if self.close_delimited:
            named["connection"] = "close"
        elif length is None or (stream and "content-length" not in named):
            named["transfer-encoding"] = "chunked"
            self._chunked = True
        else:
            named.setdefault("content-length", str(length))
        if self._play.close:
            named["connection"] = "close"
        await self._wait(self._play.before_head)
        self._seen.status = status
        await self._put(head(status, named.items()))
        self._seen.head_at = time.monotonic()
        await self._reached("head")

    async def _wait(self, seconds: float) -> None:
        """Wait, unless the client goes first."""
        if seconds:
            try:
                async with asyncio.timeout(seconds):
                    await self._peer.left()
            except TimeoutError:
                return
            raise GoneError

    async def _reached(self, point: Point, error: bytes = b"", garbage: bytes = b"\x00{") -> None:
        """Break off if it is to be here."""
        broken = self._play.breaks
        if broken is None or broken.at != point:
            return
        if broken.how == "stall":
            self._seen.outcome = "stall"
            await self._peer.left()
            raise GoneError
        if broken.how in ("error", "garbage"):
            await self._piece(error if broken.how == "error" else garbage)
        if broken.how in ("error", "garbage", "unterminated"):
            await self._end()
        elif broken.how == "rst":
            await asyncio.sleep(READING if self._seen.sent else 0)
            self._peer.rst()
        else:
            self._peer.fin()
        raise Broken(broken.how)

    async def _end(self) -> None:
        """The body's end as HTTP wants it."""
        if self._chunked:
            await self._put(b"0\r\n\r\n")
            self.ended = True
        else:
            self._peer.fin()

    async def streamed(self, asked: Asked, wire: Wire) -> None:
        """A stream of the wire."""
        await self._reached("request")
        stream = wire.streamed(asked)
        marks = {"error": stream.error, "garbage": stream.garbage}
        await self._head(200, {"content-type": stream.media_type}, None, stream=True)
        for data in stream.prelude:
            await self._piece(data)
        await self._reached("prelude", **marks)
        await self._contents(stream.content, self._play.pieces(), marks)
        await self._reached("content", **marks)
        for data in stream.finish:
            await self._piece(data)
        await self._reached("finish", **marks)
        await self._piece(stream.mark)
        await self._end()

    async def _contents(self, parts: list[bytes], said: list[str], marks: dict[str, bytes]) -> None:
        """Pieces of content, each with its time and its place to break at."""
        broken = self._play.breaks
        await self._reached(0, **marks)
        for number, (data, text) in enumerate(zip(parts, said, strict=True)):
            await self._wait(self._play.between if number else self._play.before_content)
            if broken is not None and isinstance(broken.at, float) and 0 < broken.at - number < 1:
                await self._piece(data[: int(len(data) * (broken.at - number))])
                await self._reached(broken.at, **marks)
            await self._piece(data)
            seen = self._seen
            seen.content_at = seen.content_at or time.monotonic()
            seen.chunks += 1
            seen.tokens += tokens(text)
            await self._reached(number + 1, **marks)

    async def whole(
        self, body: bytes, media_type: str, status: int = 200, more: dict[str, str] | None = None
    ) -> None:
        """A whole body, with as many places to break at as it says pieces."""
        await self._reached("request")
        broken = self._play.breaks
        length = None if broken is not None and broken.how == "unterminated" else len(body)
        await self._head(status, {"content-type": media_type, **(more or {})}, length)
        if status != 200:
            await self._piece(body)
            return
        said = self._play.pieces() or [""]
        share = -(-len(body) // len(said)) or 1
        parts = [body[at * share : (at + 1) * share] for at in range(len(said))]
        await self._reached("prelude")
        await self._contents(parts, said, {})
        if length is None:
            await self._end()

    async def refused(self, wire: Wire) -> None:
        """A status that is no success."""
        play = self._play
        named, body = wire.error(play.status, play.code, play.message)
        text = dumps(body) if play.body is None else play.body.encode()
        await self.whole(text, "application/json", play.status, named)

    async def instead(self, asked: Asked, wire: Wire) -> None:
        """An answer that is none."""
        what = self._play.instead
        media_type = "text/event-stream" if self._seen.stream else "application/json"
        if what == "html":
            await self.whole(b"<!doctype html><title>Sign in</title>", "text/html")
        elif what == "empty":
            await self.whole(b"", media_type)
        elif what == "error_object":
            said = wire.error(500, asked.play.code, asked.play.message)[1]
            await self.whole(dumps(said), "application/json")
        elif what == "not_json":
            await self.whole(b'{"id": "x", "choices": [', "application/json")
        elif what == "gzip_bomb":
            await self.whole(_bomb(), "application/json", more={"content-encoding": "gzip"})
        elif what == "not_http":
            await self._put(b"\x16\x03\x01\x02\x00 this is no HTTP\r\n\r\n")
            self._peer.fin()
        else:
            await self._endless(str(what), media_type)

    async def _endless(self, what: str, media_type: str) -> None:
        if what.startswith("endless_header"):
            await self._put(b"HTTP/1.1 200 OK\r\nx-a: ")
            block = b"a" * 65536 if what == "endless_header" else b"a\r\nx-b: " * 8192
        else:
            named = [("content-type", media_type), ("connection", "close")]
            await self._put(head(200, named) + b"data: {")
            block = b"a" * 65536 if what == "endless_line" else b"a\ndata: " * 8192
        self.close_delimited = True
        while self._seen.sent < ENDLESS:
            await self._put(block)


@cache
def _bomb() -> bytes:
    """A gzip member of little size and much content."""
    packer = zlib.compressobj(9, wbits=31)
    block = b"0" * 2**20
    packed = [packer.compress(b'{"id":"'), *(packer.compress(block) for _ in range(BOMB // 2**20))]
    return b"".join([*packed, packer.flush()])
