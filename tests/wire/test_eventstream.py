"""Amazon event streams, held against botocore's own parser."""

from __future__ import annotations

import contextlib
import struct
from typing import TYPE_CHECKING
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from trunkline.wire import MAX_EVENT, Frame, WireError
from trunkline.wire.eventstream import EventStreamDecoder, EventStreamEncoder

if TYPE_CHECKING:
    from collections.abc import Sequence


def message(headers: bytes, payload: bytes) -> bytes:
    lengths = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    head = lengths + struct.pack(">I", crc32(lengths)) + headers + payload
    return head + struct.pack(">I", crc32(head))


def text_header(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + b"\x07" + struct.pack(">H", len(value)) + value


def read(body: bytes) -> list[Frame]:
    decoder = EventStreamDecoder()
    return decoder.feed(body) + decoder.end()


def by_botocore(body: bytes) -> list[Frame]:
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    frames = []
    for event in buffer:
        kind = event.headers[":message-type"]
        name = event.headers[":event-type" if kind == "event" else ":exception-type"]
        frames.append(Frame(name, event.payload, kind != "event"))
    return frames


def test_recorded_streams_read_as_botocore_reads_them(
    streams: Sequence[tuple[str, str, bytes]],
) -> None:
    bodies = [body for _, framing, body in streams if framing == "aws-eventstream"]
    assert len(bodies) > 20
    for body in bodies:
        assert read(body) == by_botocore(body)


@given(st.text("abcé", max_size=20), st.binary(max_size=100), st.booleans())
def test_botocore_reads_what_is_written(name: str, data: bytes, error: bool) -> None:
    body = EventStreamEncoder().encode(name, data, error)
    assert by_botocore(body) == [Frame(name, data, error)]


def test_the_bytes_are_those_of_the_service() -> None:
    body = EventStreamEncoder().encode("messageStart", b'{"p": "ab", "role": "assistant"}')
    assert len(body) == 130
    assert body[:16].hex() == "00000082000000522b610c430b3a6576"


def test_an_exception_is_an_error_named_by_its_type() -> None:
    body = EventStreamEncoder().encode("throttlingException", b'{"message":"slow"}', error=True)
    assert read(body) == [Frame("throttlingException", b'{"message":"slow"}', True)]


def test_an_error_without_payload_is_given_its_message() -> None:
    headers = (
        text_header(b":message-type", b"error")
        + text_header(b":error-code", b"InternalError")
        + text_header(b":error-message", b'an "odd" one')
    )
    assert read(message(headers, b"")) == [
        Frame("InternalError", b'{"message":"an \\"odd\\" one"}', True)
    ]


def test_headers_of_every_type_are_passed_over() -> None:
    values = [b"", b"", b"1", b"22", b"4444", b"88888888", b"\0\3abc", b"\0\1t", b"88888888",
              b"x" * 16]  # fmt: skip
    others = b"".join(b"\x01h" + bytes([kind]) + value for kind, value in enumerate(values))
    assert read(message(others + text_header(b":event-type", b"a"), b"{}")) == [Frame("a", b"{}")]


@given(st.integers(0, 129), st.integers(1, 255))
def test_a_changed_byte_is_noticed(at: int, change: int) -> None:
    good = EventStreamEncoder().encode("messageStart", b'{"p": "ab", "role": "assistant"}')
    bad = good[:at] + bytes([good[at] ^ change]) + good[at + 1 :]
    with pytest.raises(WireError):
        read(bad)


@given(st.integers(1, 129))
def test_a_stream_cut_inside_a_message_is_refused(size: int) -> None:
    good = EventStreamEncoder().encode("messageStart", b'{"p": "ab", "role": "assistant"}')
    decoder = EventStreamDecoder()
    assert len(decoder.feed(good + good[:size])) == 1
    with pytest.raises(WireError, match="ended inside a message"):
        decoder.end()


@pytest.mark.parametrize(
    "headers",
    [
        b"\x05ab",
        b"\x01a",
        b"\x01a\x63",
        b"\x01a\x07\x00",
        b"\x01a\x07\x00\x05abc",
        b"\x01a\x05123",
        text_header(b":message-type", b"strange"),
    ],
)
def test_a_broken_header_is_a_typed_error(headers: bytes) -> None:
    with pytest.raises(WireError):
        read(message(headers, b""))


@given(st.binary(max_size=60))
def test_any_headers_give_a_frame_or_a_typed_error(headers: bytes) -> None:
    with contextlib.suppress(WireError):
        assert len(read(message(headers, b"{}"))) == 1


@pytest.mark.parametrize(
    ("total", "headers"), [(MAX_EVENT + 1, 0), (15, 0), (100, 90), (MAX_EVENT, 200_000)]
)
def test_lengths_beyond_reason_are_refused_from_the_first_twelve_bytes(
    total: int, headers: int
) -> None:
    lengths = struct.pack(">II", total, headers)
    with pytest.raises(WireError):
        EventStreamDecoder().feed(lengths + struct.pack(">I", crc32(lengths)))


def test_a_message_too_long_to_be_read_is_not_written() -> None:
    with pytest.raises(WireError, match="longer"):
        EventStreamEncoder().encode("a", b"x" * MAX_EVENT)
    with pytest.raises(WireError, match="header"):
        EventStreamEncoder().encode("a" * 40_000, b"{}")


def test_a_message_without_payload_says_nothing() -> None:
    for kind in (b"event", b"exception"):
        headers = text_header(b":message-type", kind)
        assert read(message(headers, b""))[0].data == b"{}"
