"""Responses read from bytes: every row, in every slicing, and what nobody thought of."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import httptools
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.transport.rows import ANSWERS, BREAKS, CHUNKED, LENGTH, OK
from trunkline.errors import UpstreamError
from trunkline.transport.reading import ResponseReader

Result = tuple[str, int, bytes]


def read(pieces: list[bytes], method: str = "POST") -> Result:
    """What becomes of a response that comes in these pieces: its kind of end, status, body."""
    reader = ResponseReader(method)
    try:
        for piece in pieces:
            if piece:
                reader.feed(piece)
        reader.end(clean=True)
    except UpstreamError as error:
        return error.kind, reader.status, reader.take()
    return "ok", reader.status, reader.take()


def sliced(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("row", ANSWERS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000_000])
def test_an_answer_is_read_however_it_is_sliced(row: str, size: int) -> None:
    data, status, body = ANSWERS[row]
    assert read(sliced(data, size)) == ("ok", status, body)


@pytest.mark.parametrize("row", BREAKS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000_000])
def test_what_breaks_the_rules_is_refused_however_it_is_sliced(row: str, size: int) -> None:
    data, kind = BREAKS[row]
    assert read(sliced(data, size))[0] == kind


@pytest.mark.parametrize(
    ("data", "keep"),
    [
        (LENGTH + b"\r\nok", True),
        (LENGTH + b"connection: close\r\n\r\nok", False),
        (LENGTH + b"Connection: x, CLOSE\r\n\r\nok", False),
        (LENGTH + b"connection: keep-alive\r\n\r\nok", True),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", False),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nok", True),
        (CHUNKED + b"0\r\n\r\n", True),
        (CHUNKED + b"0\r\n\r\nx", False),
        (CHUNKED + b"0\r\n\r\n" + LENGTH + b"\r\nno", False),
        (LENGTH + b"\r\nokx", False),
        (OK + b"\r\nok", False),
        (b"HTTP/1.1 204 X\r\n\r\n", True),
        (b"HTTP/1.1 204 X\r\n\r\nx", False),
    ],
)
@pytest.mark.parametrize("size", [1, 1_000_000])
def test_a_connection_is_kept_only_where_nothing_is_left_on_it(
    data: bytes, keep: bool, size: int
) -> None:
    reader = ResponseReader("POST")
    for piece in sliced(data, size):
        reader.feed(piece)
    assert reader.keep is keep


def test_the_answer_to_head_has_no_body() -> None:
    assert read([OK + b"content-length: 99\r\n\r\n"], "HEAD") == ("ok", 200, b"")


def test_a_body_without_length_that_does_not_end_cleanly_is_cut() -> None:
    reader = ResponseReader("POST")
    reader.feed(OK + b"\r\nok")
    with pytest.raises(UpstreamError, match="cut off"):
        reader.end(clean=False)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("timeout=5", 5), ("Timeout=5, max=100", 5), ("max=3", None), ("x", None), ("timeout=0", 0)],
)
def test_how_long_the_server_keeps_a_connection_is_read(said: str, seconds: float) -> None:
    reader = ResponseReader("POST")
    reader.feed(LENGTH + b"keep-alive: " + said.encode() + b"\r\n\r\nok")
    assert reader.kept_for == seconds


def test_what_is_around_the_chunks_is_bounded_after_a_long_body_too() -> None:
    reader = ResponseReader("POST")
    reader.feed(CHUNKED + b"fffff\r\n" + b"x" * 0xFFFFF + b"\r\n1;")
    with pytest.raises(UpstreamError, match="around its chunks"):
        for _ in range(40):
            reader.feed(b"a" * 1000)
    assert len(reader.take()) == 0xFFFFF


def test_two_fields_of_a_name_are_one_list() -> None:
    reader = ResponseReader("POST")
    reader.feed(LENGTH + b"X-A: 1 \r\nx-a:\t\xe9\r\n\r\nok")
    assert reader.headers == {"content-length": "2", "x-a": "1, \xe9"}


def mutated() -> st.SearchStrategy[bytes]:
    """Responses of the tables, with bytes put in, taken out or replaced."""
    rows = [data for data, *_ in (*ANSWERS.values(), *BREAKS.values()) if len(data) < 2000]
    odd = st.sampled_from(
        [b"\r", b"\n", b"\r\n", b"\r\n\r\n", b" ", b"\0", b"0", b":", b";", b"\xff"]
    )
    edit = st.tuples(st.integers(0, 400), st.integers(0, 4), odd | st.binary(max_size=3))
    return st.builds(_edited, st.sampled_from(rows), st.lists(edit, max_size=4))


def _edited(data: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    for at, gone, new in edits:
        data = data[:at] + new + data[at + gone :]
    return data


@settings(max_examples=600)
@given(st.binary(max_size=200) | mutated(), st.lists(st.integers(0, 400), max_size=6))
@example(LENGTH + b"\r\nok", [1, 2, 3])
def test_any_bytes_end_the_same_way_in_any_slicing(data: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    pieces = [data[a:b] for a, b in pairwise(places)]
    whole = read([data])
    assert read(pieces) == whole
    assert read(sliced(data, 1)) == whole
    assert whole[0] in ("ok", "server_error", "malformed")


class _Parsed:
    def __init__(self) -> None:
        self.body: list[bytes] = []
        self.whole = 0
        self.on_body = self.body.append

    def on_message_complete(self) -> None:
        self.whole += 1


@settings(max_examples=400)
@given(mutated())
def test_llhttp_agrees_with_whatever_was_read_whole(data: bytes) -> None:
    kind, status, body = read([data])
    if kind != "ok" or status in (204, 304):
        return
    parsed = _Parsed()
    parser: Any = httptools.HttpResponseParser(parsed)
    while data.startswith((b"HTTP/1.1 1", b"HTTP/1.0 1")):
        data = data.partition(b"\r\n\r\n")[2]
    try:
        parser.feed_data(data)
    except httptools.HttpParserError:
        assert parsed.whole
    assert b"".join(parsed.body)[: len(body)] == body
