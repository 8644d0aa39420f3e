"""A JSON array read element by element."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.wire import MAX_EVENT, Frame, WireError
from trunkline.wire.jsonarray import JsonArrayDecoder, JsonArrayEncoder

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('a"\\[]{},\u2028é', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text('a"\\[', max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)


def read(body: bytes) -> list[bytes]:
    decoder = JsonArrayDecoder()
    return [frame.data for frame in decoder.feed(body) + decoder.end()]


@given(st.lists(values, max_size=5), st.sampled_from([None, 2]), st.booleans())
def test_elements_are_those_of_the_array(
    elements: list[object], indent: int | None, escaped: bool
) -> None:
    body = json.dumps(elements, indent=indent, ensure_ascii=escaped).encode()
    assert [json.loads(element) for element in read(body)] == elements


def test_an_element_is_given_at_its_closing_brace() -> None:
    decoder = JsonArrayDecoder()
    assert decoder.feed(b'[{\n  "a": {"b": "}"}\n') == []
    assert decoder.feed(b"}") == [Frame("", b'{\n  "a": {"b": "}"}\n}')]
    assert decoder.feed(b"\n,\r\n{}") == [Frame("", b"{}")]
    assert decoder.feed(b"\n]\n") == []
    assert decoder.end() == []


def test_an_array_that_holds_one_error_is_one_element() -> None:
    assert read(b'[{"error": {"code": 429}}\n]\n') == [b'{"error": {"code": 429}}']


def test_it_is_written_the_way_google_writes_it() -> None:
    encoder = JsonArrayEncoder()
    written = encoder.encode("", b'{"a":1}') + encoder.encode("", b'{"b":2}') + encoder.end()
    assert written == b'[{"a":1}\n,\r\n{"b":2}\n]'
    assert JsonArrayEncoder().end() == b"[]"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"  ", b"<html>", b'{"error": 1}', b"[", b"[{}", b"[{},", b'["', b"[{}{}]", b"[{}1]",
        b"[,]", b"[{},]", b"[{},,{}]", b"[1}", b"[]]", b"[] {}", b"[" * 200,
    ],
)  # fmt: skip
def test_what_is_not_one_whole_array_is_a_typed_error(body: bytes) -> None:
    with pytest.raises(WireError):
        read(body)


@pytest.mark.parametrize("piece", [b'"' + b"x" * 60_000, b"1", b"{}, " * 3, b"[" * 100 + b"1"])
def test_an_element_without_end_is_refused(piece: bytes) -> None:
    decoder = JsonArrayDecoder()
    decoder.feed(b'[{"a":[')
    chunk, fed = piece * (65_536 // len(piece) + 1), 0
    with pytest.raises(WireError):
        while fed < 8 * MAX_EVENT:
            decoder.feed(chunk)
            fed += len(chunk)
    assert fed <= MAX_EVENT


def test_blanks_between_elements_are_not_kept() -> None:
    decoder = JsonArrayDecoder()
    decoder.feed(b"[{}")
    for _ in range(100):
        assert decoder.feed(b" " * 65_536) == []
    assert decoder.feed(b"]") == []
