"""How events are put on the wire: server-sent events, AWS event streams, one JSON array."""

from __future__ import annotations

import json
from binascii import crc32
from struct import pack
from typing import Any

__all__ = ["aws_event", "aws_exception", "dumps", "sse"]


def dumps(value: Any) -> bytes:
    """JSON without blanks, in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def sse(value: Any, event: str | None = None) -> bytes:
    """One server-sent event (WHATWG HTML, 9.2); text stands as it is."""
    data = value.encode() if isinstance(value, str) else dumps(value)
    name = f"event: {event}\n".encode() if event else b""
    return name + b"data: " + data + b"\n\n"


def aws_event(kind: str, value: Any) -> bytes:
    """One message of `application/vnd.amazon.eventstream`."""
    return _aws({":event-type": kind, ":message-type": "event"}, value)


def aws_exception(kind: str, value: Any) -> bytes:
    """The message that ends a stream with an error."""
    return _aws({":exception-type": kind, ":message-type": "exception"}, value)


def _aws(named: dict[str, str], value: Any) -> bytes:
    """Prelude of two lengths and its checksum, headers of type 7 (text), payload, checksum of all
    (AWS SDKs reference, event stream encoding)."""
    headers = b""
    for name, text in {**named, ":content-type": "application/json"}.items():
        headers += pack("!B", len(name)) + name.encode() + pack("!BH", 7, len(text)) + text.encode()
    payload = dumps(value)
    lengths = pack("!II", 16 + len(headers) + len(payload), len(headers))
    message = lengths + pack("!I", crc32(lengths)) + headers + payload
    return message + pack("!I", crc32(message))
