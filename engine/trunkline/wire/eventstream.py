"""Amazon event stream framing (`application/vnd.amazon.eventstream`).

A message is: total length, headers length, CRC-32 of these eight bytes, headers, payload, and
the CRC-32 of everything before it; numbers are big-endian. A header is a name (its length in
one byte), a type byte and a value. `:message-type` is `event`, `exception` or `error`. Source:
the Smithy specification, "Amazon Event Stream", and botocore, which the tests take as oracle.
"""

from __future__ import annotations

from struct import Struct
from typing import Final
from zlib import crc32

from trunkline.wire.frames import MAX_EVENT, Decoder, Frame, WireError
from trunkline.wire.jsontext import dumps

__all__ = ["EventStreamDecoder", "EventStreamEncoder"]

_PRELUDE: Final = Struct(">III")
_LENGTHS: Final = Struct(">II")
_U32: Final = Struct(">I")
_U16: Final = Struct(">H")
_OVERHEAD: Final = _PRELUDE.size + _U32.size
_MAX_HEADERS: Final = 128 * 1024
_TEXT: Final = 7
_BYTES: Final = 6
_SIZES: Final = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Value sizes by header type: true, false, byte, short, int, long, timestamp, uuid."""

_NOTHING: Final = b"{}"
"""What a message without a payload says, such as an `initial-response`; botocore reads it so."""


class EventStreamDecoder(Decoder):
    """Messages to frames, with both checksums verified.

    An event's name is its `:event-type`. An exception is named by its `:exception-type` and an
    error by its `:error-code`; both are marked as errors, and an error without payload gets one
    that holds its `:error-message`, in the shape that exceptions have. Raises `WireError` for a
    wrong checksum or length, a broken header, and a message over 4 MiB.
    """

    __slots__ = ("_buffer", "_needed")

    def __init__(self) -> None:
        super().__init__()
        self._buffer = bytearray()
        self._needed = _PRELUDE.size

    def _read(self, chunk: bytes, frames: list[Frame]) -> None:
        if self._buffer:
            self._buffer += chunk
            if len(self._buffer) < self._needed:
                return
            chunk = bytes(self._buffer)
            self._buffer.clear()
        at, size = 0, len(chunk)
        self._needed = _PRELUDE.size
        while size - at >= _PRELUDE.size:
            total, headers = _lengths(chunk, at)
            if size - at < total:
                self._needed = total
                break
            frames.append(_message(chunk, at, total, headers))
            at += total
        self._buffer += chunk[at:]

    def _finish(self, frames: list[Frame]) -> None:
        if self._buffer:
            raise WireError(
                f"the event stream ended inside a message, {len(self._buffer)} bytes into it"
            )


class EventStreamEncoder:
    """Frames to messages, with JSON payloads."""

    __slots__ = ()

    def encode(self, name: str, data: bytes, error: bool = False) -> bytes:
        """One message; `error` makes it an exception. Raises `WireError` if it is too long."""
        kind, named = ("exception", ":exception-type") if error else ("event", ":event-type")
        headers = (
            _header(named, name)
            + _header(":content-type", "application/json")
            + _header(":message-type", kind)
        )
        total = _OVERHEAD + len(headers) + len(data)
        if total > MAX_EVENT:
            raise _too_long(total)
        lengths = _LENGTHS.pack(total, len(headers))
        message = lengths + _U32.pack(crc32(lengths)) + headers + data
        return message + _U32.pack(crc32(message))

    def end(self) -> bytes:
        """Nothing: the stream ends with its body."""
        return b""


def _lengths(chunk: bytes, at: int) -> tuple[int, int]:
    total, headers, checksum = _PRELUDE.unpack_from(chunk, at)
    if crc32(chunk[at : at + 8]) != checksum:
        raise WireError("the checksum of an event stream message's prelude is wrong")
    if total > MAX_EVENT:
        raise _too_long(total)
    if headers > _MAX_HEADERS or headers + _OVERHEAD > total:
        raise WireError(f"an event stream message of {total} bytes claims {headers} of headers")
    return total, headers


def _message(chunk: bytes, at: int, total: int, headers_size: int) -> Frame:
    payload_at = at + _PRELUDE.size + headers_size
    end = at + total - _U32.size
    if crc32(chunk[at:end]) != _U32.unpack_from(chunk, end)[0]:
        raise WireError("the checksum of an event stream message is wrong")
    headers = _headers(chunk[at + _PRELUDE.size : payload_at])
    payload = chunk[payload_at:end]
    kind = headers.get(":message-type", "event")
    if kind == "event":
        return Frame(headers.get(":event-type", ""), payload or _NOTHING)
    if kind == "exception":
        return Frame(headers.get(":exception-type", ""), payload or _NOTHING, True)
    if kind == "error":
        message = {"message": headers.get(":error-message", "")}
        return Frame(headers.get(":error-code", ""), payload or dumps(message), True)
    raise WireError(f"an event stream message has the unknown type {kind!r}")


def _headers(block: bytes) -> dict[str, str]:
    """The headers whose values are text."""
    headers: dict[str, str] = {}
    at, size = 0, len(block)
    while at < size:
        name_end = at + 1 + block[at]
        if name_end >= size:
            raise _broken_header()
        kind = block[name_end]
        value_at = name_end + 1
        if kind in (_TEXT, _BYTES):
            if value_at + 2 > size:
                raise _broken_header()
            length: int = _U16.unpack_from(block, value_at)[0]
            value_at += 2
        elif kind in _SIZES:
            length = _SIZES[kind]
        else:
            raise WireError(f"an event stream header has the unknown type {kind}")
        end = value_at + length
        if end > size:
            raise _broken_header()
        if kind == _TEXT:
            name = block[at + 1 : name_end].decode("utf-8", "replace")
            headers[name] = block[value_at:end].decode("utf-8", "replace")
        at = end
    return headers


def _header(name: str, value: str) -> bytes:
    raw_name, raw = name.encode(), value.encode()
    if len(raw) > 0x7FFF:
        raise WireError(f"an event stream header cannot hold {len(raw)} bytes")
    return b"%c%b\x07%b%b" % (len(raw_name), raw_name, _U16.pack(len(raw)), raw)


def _too_long(total: int) -> WireError:
    return WireError(f"an event stream message of {total} bytes is longer than {MAX_EVENT}")


def _broken_header() -> WireError:
    return WireError("a header of an event stream message is longer than the headers")
