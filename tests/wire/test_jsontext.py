"""JSON text: what goes in comes out, and what is not JSON is a typed error."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.wire import WireError, dumps, loads

text = st.text(st.characters(), max_size=8)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=15,
)


@given(values)
def test_values_survive_the_round_trip(value: object) -> None:
    assert loads(dumps(value)) == value


@given(values, st.booleans())
def test_text_is_read_as_the_standard_library_reads_it(value: object, escaped: bool) -> None:
    written = json.dumps(value, ensure_ascii=escaped)
    assert loads(written) == value
    if escaped or not any(0xD800 <= ord(c) < 0xE000 for c in written):
        assert loads(written.encode()) == value


def test_big_integers_keep_every_digit() -> None:
    assert loads(b"[123456789012345678901234567890]") == [123456789012345678901234567890]
    assert dumps(10**40) == b"1" + b"0" * 40


def test_a_lone_surrogate_is_kept_and_written_escaped() -> None:
    assert loads(b'{"a":"x\\ud83d"}') == {"a": "x\ud83d"}
    assert dumps({"a": "x\ud83d"}) == b'{"a":"x\\ud83d"}'


def test_one_hundred_and_twenty_eight_levels_are_read_and_one_more_is_refused() -> None:
    assert loads(b"[" * 128 + b"]" * 128)
    assert loads(b'[{"[[[":"{\\"[["},' + b"[]," * 300 + b"[]]")
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        with pytest.raises(WireError, match="deeper than 128"):
            loads(opening * 129 + b"1" + closing * 129)


@pytest.mark.parametrize(
    "wrong",
    [
        b"", b"{", b"[1,]", b"{'a':1}", b"NaN", b"[Infinity]", b"1e999", b"[1] 2", b'"a\nb"',
        b"\xff", b'"\xff"', b'"\xed\xa0\x80"', b"\xef\xbb\xbf{}", b"1" * 5000, b"[" * 100_000,
        b'{"a":' * 100_000, b'["\\ud800", NaN]', b'["\\ud800", 1e999]', b'["\\ud800"',
        b'["\\ud800",' + b"[" * 100_000, b'"\\ud800\xff"', b"[\"\\ud800\"," + b"1" * 5000 + b"]",
        "[\ud800", '"\\ud800',
    ],
    ids=lambda wrong: repr(wrong[:16]),
)  # fmt: skip
def test_what_is_not_json_is_a_typed_error_at_once(wrong: bytes | str) -> None:
    begun = time.process_time()
    with pytest.raises(WireError):
        loads(wrong)
    assert time.process_time() - begun < 0.05


endless: list[object] = []
endless.append(endless)


@pytest.mark.parametrize(
    "wrong",
    [object(), {None: 1}, 10**5000, endless, {"\ud800": object()}, {"\ud800": float("nan")}],
    ids=["object", "key", "digits", "endless", "object after surrogate", "NaN after surrogate"],
)
def test_what_json_cannot_say_is_a_typed_error(wrong: object) -> None:
    with pytest.raises(WireError, match="JSON"):
        dumps(wrong)
