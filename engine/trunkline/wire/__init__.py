"""Bytes to frames and back, for every framing that a dialect may name, and JSON text.

`FRAMINGS` is the table: `FRAMINGS["sse"].decoder().feed(chunk)`.
"""

from __future__ import annotations

from typing import Final

from trunkline.wire.eventstream import EventStreamDecoder, EventStreamEncoder
from trunkline.wire.frames import (
    MAX_DEPTH,
    MAX_EVENT,
    MAX_LINE,
    Decoder,
    Encoder,
    Frame,
    Framing,
    WireError,
)
from trunkline.wire.jsonarray import JsonArrayDecoder, JsonArrayEncoder
from trunkline.wire.jsontext import dumps, loads
from trunkline.wire.ndjson import NdjsonDecoder, NdjsonEncoder
from trunkline.wire.sse import SseDecoder, SseEncoder

__all__ = [
    "FRAMINGS",
    "MAX_DEPTH",
    "MAX_EVENT",
    "MAX_LINE",
    "Decoder",
    "Encoder",
    "Frame",
    "Framing",
    "WireError",
    "dumps",
    "loads",
]

FRAMINGS: Final[dict[str, Framing]] = {
    framing.name: framing
    for framing in (
        Framing("sse", "text/event-stream", SseDecoder, SseEncoder, b": ping\n\n"),
        Framing(
            "aws-eventstream",
            "application/vnd.amazon.eventstream",
            EventStreamDecoder,
            EventStreamEncoder,
        ),
        Framing("json-array", "application/json", JsonArrayDecoder, JsonArrayEncoder, b"\n"),
        Framing("ndjson", "application/x-ndjson", NdjsonDecoder, NdjsonEncoder),
    )
}
"""The framings by the name that a dialect file gives them."""
