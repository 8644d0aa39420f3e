"""Lines of JSON."""

from __future__ import annotations

import pytest

from trunkline.wire import MAX_EVENT, Frame, WireError
from trunkline.wire.ndjson import NdjsonDecoder, NdjsonEncoder


def test_lines_are_read_blank_ones_left_out_and_the_last_needs_no_end() -> None:
    decoder = NdjsonDecoder()
    assert decoder.feed(b'{"a":1}\r\n\n  \n{"b"') == [Frame("", b'{"a":1}')]
    assert decoder.feed(b":2}") == []
    assert decoder.end() == [Frame("", b'{"b":2}')]


def test_only_lf_ends_a_line() -> None:
    data = '"a\u2028b\u0085c"'.encode()
    assert NdjsonDecoder().feed(data + b"\n") == [Frame("", data)]


def test_a_pretty_printed_text_is_written_on_one_line() -> None:
    assert NdjsonEncoder().encode("", b'{\r\n"a":1\n}') == b'{  "a":1 }\n'


def test_a_line_without_end_is_refused() -> None:
    decoder = NdjsonDecoder()
    with pytest.raises(WireError, match="longer"):
        for _ in range(MAX_EVENT // 65_536 + 1):
            decoder.feed(b"x" * 65_536)
