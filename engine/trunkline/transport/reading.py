"""The bytes of one HTTP/1.1 response in, its head and body out; no IO, no clock.

The head is held against RFC 9112's grammar by one expression, a length is counted, and llhttp
takes the chunked coding apart. Nothing is forgiven: a response that two readers could take for
two different ones is refused, since what follows it would be taken for the next one's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from trunkline.errors import UpstreamError
from trunkline.transport.body import MAX_BODY
from trunkline.transport.head import MAX_HEADER_BYTES, joined

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MAX_INTERIM", "ResponseReader"]

MAX_INTERIM: Final = 16
"""Interim responses (1xx) before the final one."""

_HEAD: Final = re.compile(
    rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?\r\n"
    rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*)\r\n"
)
"""RFC 9112, 4 and 5: no folded lines, no blanks before a colon, no bare CR or LF, no NUL."""

_BARE: Final = re.compile(rb"(?<!\r)\n")
_BEGIN: Final = b"HTTP/1."
_DIGITS: Final = re.compile(r"[0-9]{1,18}")
_CHUNKED: Final = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
_FRAMING_EACH: Final = 16
"""Bytes around the chunks for each byte in them: a chunk of one byte has five around it."""


def _malformed(words: str, stage: str = "head") -> UpstreamError:
    return UpstreamError("malformed", f"the answer is not proper HTTP: {words}", stage=stage)


class ResponseReader:
    """Reads one response. `feed` and `end` raise `UpstreamError`; `take` gives the body so far.

    `begun`: a byte has come. `head`: `status` and `headers` are there. `whole`: so is the body.
    `keep`: nothing speaks against another request on the same connection. `until`: why the body
    is over: `empty`, `length`, `chunked` or `close`.
    """

    __slots__ = (
        "_bodyless",
        "_chunks",
        "_interim",
        "_left",
        "_pieces",
        "_raw",
        "begun",
        "head",
        "headers",
        "keep",
        "kept_for",
        "status",
        "unread",
        "until",
        "whole",
    )

    def __init__(self, method: str) -> None:
        self._bodyless = method == "HEAD"
        self._raw = b""
        self._interim = 0
        self._left = 0
        self._pieces: list[bytes] = []
        self._chunks: _Chunks | None = None
        self.begun = self.head = self.whole = False
        self.keep = False
        self.kept_for: float | None = None
        self.status = 0
        self.headers: dict[str, str] = {}
        self.unread = 0
        self.until = ""

    def feed(self, data: bytes) -> None:
        """The next bytes, not none. Bytes after the response's end only clear `keep`."""
        self.begun = True
        if self.head:
            self._feed_body(data)
        else:
            self._feed_head(data)

    def end(self, *, clean: bool) -> None:
        """No more bytes come. `clean`: the other end said so, rather than being gone."""
        if self.whole:
            return
        if self.until == "close" and clean:
            self.whole = True
        else:
            stage = "head" if self.head else "sent"
            words = "the answer was cut off" if self.begun else "closed without an answer"
            raise UpstreamError("server_error", f"the connection broke: {words}", stage=stage)

    def take(self) -> bytes:
        """The bytes of the body that were not taken yet."""
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.unread = 0
        return data

    def _feed_head(self, data: bytes) -> None:
        """Gather a head; RFC 9110, 15.2: any number of interim ones before the final one."""
        before, raw = len(self._raw), self._raw + data if self._raw else data
        while True:
            end = raw.find(b"\r\n\r\n", max(0, before - 3))
            if end < 0:
                self._check_part(raw, before)
                self._raw = raw
                return
            rest = raw[end + 4 :]
            self._read_head(raw[: end + 4])
            if self.head:
                self._raw = b""
                if rest:
                    self._feed_body(rest)
                return
            before, raw = 0, rest

    def _check_part(self, raw: bytes, before: int) -> None:
        """Refuse what will not become a head, rather than wait for the rest of it."""
        if raw[:7] != _BEGIN[: len(raw)]:
            raise _malformed("it begins with no HTTP/1 status line", "sent")
        if len(raw) > MAX_HEADER_BYTES:
            raise _malformed(f"its head is longer than {MAX_HEADER_BYTES} bytes", "sent")
        if _BARE.search(raw, max(0, before - 1)):
            raise _malformed("a line of its head ends without CR", "sent")

    def _read_head(self, raw: bytes) -> None:
        found = _HEAD.fullmatch(raw)
        if found is None:
            self._check_part(raw, 0)
            raise _malformed("its head breaks RFC 9112", "sent")
        if len(raw) > MAX_HEADER_BYTES:
            raise _malformed(f"its head is longer than {MAX_HEADER_BYTES} bytes", "sent")
        minor, code, fields = found.groups()
        status = int(code)
        if status < 200:
            self._interim += 1
            if status == 101:
                raise _malformed("it switches protocols, which was not asked for", "sent")
            if self._interim > MAX_INTERIM:
                raise _malformed(f"more than {MAX_INTERIM} interim answers", "sent")
            return
        lines = fields.decode("latin-1").split("\r\n")
        pairs = [line.partition(":") for line in lines[:-1]]
        self.headers = joined([(name, value.strip(" \t")) for name, _, value in pairs])
        self.status = status
        self._frame(old=minor == b"0")
        self.head = True

    def _frame(self, *, old: bool) -> None:
        """Where the body ends (RFC 9112, 6.3), and what the connection is good for after it."""
        headers = self.headers
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if coding is not None:
            if length is not None:
                raise _malformed("it has both a length and a transfer coding", "sent")
            if coding.lower() != "chunked" or old:
                raise _malformed(f"the transfer coding {coding[:40]!r} was not asked for", "sent")
        if length is not None and not _DIGITS.fullmatch(length):
            raise _malformed("its content-length is not one number", "sent")
        if self._bodyless or self.status in (204, 304):
            self.until, self.whole = "empty", True
        elif coding is not None:
            self.until, self._chunks = "chunked", _Chunks(self._pieces)
        elif length is not None:
            self.until, self._left = "length", int(length)
            self.whole = not self._left
            if self._left > MAX_BODY:
                raise UpstreamError(
                    "malformed", f"the answer is longer than {MAX_BODY} bytes", stage="head"
                )
        else:
            self.until = "close"
        self._read_keeping(old)

    def _read_keeping(self, old: bool) -> None:
        """RFC 9112, 9.3; the `keep-alive` field is that of RFC 2068, 19.7.1.1."""
        options = self.headers.get("connection", "").lower()
        words = [word.strip() for word in options.split(",")] if options else []
        self.keep = self.until != "close" and "close" not in words
        if old:
            self.keep = self.keep and "keep-alive" in words
        kept = self.headers.get("keep-alive")
        if kept is not None:
            found = re.search(r"timeout=([0-9]{1,6})", kept.lower())
            self.kept_for = float(found[1]) if found else None

    def _feed_body(self, data: bytes) -> None:
        if self.whole:
            self.keep = False
        elif self._chunks is not None:
            self._feed_chunks(self._chunks, data)
        elif self.until == "length":
            if len(data) > self._left:
                data, self.keep = data[: self._left], False
            self._pieces.append(data)
            self.unread += len(data)
            self._left -= len(data)
            self.whole = not self._left
        else:
            self._pieces.append(data)
            self.unread += len(data)

    def _feed_chunks(self, chunks: _Chunks, data: bytes) -> None:
        before = len(self._pieces)
        try:
            chunks.feed(data)
        finally:
            got = sum(map(len, self._pieces[before:]))
            self.unread += got
        chunks.weigh(len(data), got)
        self.whole = chunks.whole
        if chunks.surplus:
            self.keep = False


class _Chunks:
    """llhttp as a decoder of the chunked coding, whose pieces it puts into a list.

    `whole`: the last chunk and the trailers have come. `surplus`: something follows them.
    """

    __slots__ = ("_around", "_begun", "_inside", "_parse", "_silent", "on_body", "surplus", "whole")

    def __init__(self, pieces: list[bytes]) -> None:
        import httptools

        self.whole = self.surplus = self._begun = False
        self._around = self._inside = self._silent = 0
        self.on_body: Callable[[bytes], None] = pieces.append
        parser: Any = httptools.HttpResponseParser(self)
        parser.feed_data(_CHUNKED)
        self._parse: Callable[[bytes], None] = parser.feed_data

    def feed(self, data: bytes) -> None:
        """The next bytes. Raises `UpstreamError` where they are not properly chunked."""
        try:
            self._parse(data)
        except Exception as error:
            if not self.whole:
                raise _malformed(str(error)[:200]) from error
            self.surplus = True

    def weigh(self, came: int, inside: int) -> None:
        """Bound what came around the chunks: sizes, extensions and trailers say nothing to us."""
        self._around += came - inside
        self._inside += inside
        self._silent = 0 if inside else self._silent + came
        most = MAX_HEADER_BYTES + _FRAMING_EACH * self._inside
        if self._silent > MAX_HEADER_BYTES or self._around > most:
            raise _malformed("there is more around its chunks than in them")

    def on_message_begin(self) -> None:
        """llhttp begins another message: what came is no longer this one's."""
        if self._begun:
            raise ValueError("a second message")
        self._begun = True

    def on_message_complete(self) -> None:
        """llhttp has seen the end of the trailers."""
        self.whole = True
