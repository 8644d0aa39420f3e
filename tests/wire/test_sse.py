"""Server-sent events: the standard's rules, and what providers make of them."""

from __future__ import annotations

import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.wire import MAX_EVENT, MAX_LINE, Frame, WireError
from trunkline.wire.sse import SseDecoder, SseEncoder


def read(*chunks: bytes) -> list[Frame]:
    decoder = SseDecoder()
    frames = [frame for chunk in chunks for frame in decoder.feed(chunk)]
    return frames + decoder.end()


def by_the_standard(body: bytes) -> list[Frame]:
    """The algorithm of WHATWG HTML 9.2.6, line by line, with the last event given too."""
    frames: list[Frame] = []
    name, data = b"", []
    lines = re.split(rb"\r\n|\r|\n", body.removeprefix(b"\xef\xbb\xbf"))
    for line in [*lines, b""]:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if not line:
            text = b"\n".join(data)
            if text:
                frames.append(Frame(name.decode(), text))
            name, data = b"", []
        elif field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
    return frames


@pytest.mark.parametrize(
    ("body", "frames"),
    [
        pytest.param(b"data: a\n\ndata: b\n\n", ["a", "b"], id="LF"),
        pytest.param(b"data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"], id="CRLF"),
        pytest.param(b"data: a\r\rdata: b\r\r", ["a", "b"], id="CR"),
        pytest.param(b"data: a\n\r\ndata: b\r\n\n", ["a", "b"], id="mixed line ends"),
        pytest.param(b"\xef\xbb\xbfdata: a\n\n", ["a"], id="byte order mark"),
        pytest.param(b"data:a\n\ndata:  b\n\n", ["a", " b"], id="one space or none"),
        pytest.param(b"data: a\ndata: b\n\n", ["a\nb"], id="data of two lines"),
        pytest.param(b": hi\n\n: hi\ndata: a\n: hi\n\n", ["a"], id="comments"),
        pytest.param(b"id: 1\nretry: 5\nfoo: x\ndata: a\n\n", ["a"], id="other fields"),
        pytest.param(b"event: x\n\ndata\n\ndata:\n\n", [], id="no data, no event"),
        pytest.param(b"\n\n\ndata: a\n\n\n\n\n", ["a"], id="blank lines"),
        pytest.param(b"data: a\n\ndata: [DONE]", ["a", "[DONE]"], id="no blank line at the end"),
        pytest.param(b"", [], id="nothing"),
    ],
)
def test_data_is_read(body: bytes, frames: list[str]) -> None:
    assert read(body) == [Frame("", data.encode()) for data in frames]


def test_names_are_read_before_and_after_data_and_do_not_leak_into_the_next_event() -> None:
    body = b"event: a\ndata: 1\n\ndata: 2\nevent: b\n\nevent: lost\n\ndata: 3\n\n"
    assert read(body) == [Frame("a", b"1"), Frame("b", b"2"), Frame("", b"3")]


@pytest.mark.parametrize("odd", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c"])
def test_only_cr_and_lf_end_a_line(odd: str) -> None:
    data = f'{{"t":"a{odd}b"}}'.encode()
    assert read(b"data: " + data + b"\n\n") == [Frame("", data)]


def test_an_event_is_given_as_soon_as_its_blank_line_is_there() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: a\r\n\r") == [Frame("", b"a")]
    assert decoder.feed(b"\ndata: b\n") == []
    assert decoder.feed(b"\n") == [Frame("", b"b")]


@given(
    st.lists(
        st.sampled_from(
            [b"data:", b"data: ", b"event: x", b"event:", b":", b"a", b" ", b"\xc3\xa9", b"\r",
             b"\n", b"\r\n", b"\n\n", b"\xef\xbb\xbf", b"\xe2\x80\xa8"]
        ),
        max_size=40,
    )
)  # fmt: skip
def test_any_lines_are_read_as_the_standard_reads_them(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    assert read(body) == by_the_standard(body)


def test_a_line_without_end_is_refused_at_one_mebibyte_and_costs_little_memory() -> None:
    decoder, chunk, fed = SseDecoder(), b"x" * 65_536, 0
    tracemalloc.start()
    try:
        with pytest.raises(WireError, match="line"):
            while fed < 64 * MAX_LINE:
                fed += len(chunk)
                decoder.feed(chunk)
        assert fed <= MAX_LINE + len(chunk)
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("line", [b"data: " + b"x" * size + b"\n" for size in (100, 50_000)])
def test_an_event_without_end_is_refused_at_four_mebibytes(line: bytes) -> None:
    decoder, chunk, fed = SseDecoder(), line * (65_536 // len(line) + 1), 0
    tracemalloc.start()
    try:
        with pytest.raises(WireError, match="event"):
            while fed < 64 * MAX_EVENT:
                fed += len(chunk)
                decoder.feed(chunk)
        assert tracemalloc.get_traced_memory()[1] < 9 * 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [MAX_LINE - 6, MAX_LINE - 5])
@pytest.mark.parametrize("step", [10_000_000, 100_000])
def test_the_limit_of_a_line_is_the_same_however_it_arrives(size: int, step: int) -> None:
    body = b"data: " + b"x" * size + b"\n\n"
    chunks = [body[i : i + step] for i in range(0, len(body), step)]
    if size + 6 <= MAX_LINE:
        assert read(*chunks) == [Frame("", b"x" * size)]
    else:
        with pytest.raises(WireError):
            read(*chunks)


def test_written_events_cannot_be_forged_by_data_or_name() -> None:
    encoder = SseEncoder()
    assert read(encoder.encode("a", b"1\n\nevent: forged\r\rdata: 2")) == [
        Frame("a", b"1\n\nevent: forged\n\ndata: 2")
    ]
    with pytest.raises(WireError, match="name"):
        encoder.encode("a\ndata: forged", b"1")
