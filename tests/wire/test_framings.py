"""What holds for every framing: cuts do not matter, and what is written is read back."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.wire import FRAMINGS, MAX_EVENT, Frame, WireError, dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Read = Callable[[str, Iterable[bytes]], list[Frame]]
    Streams = Sequence[tuple[str, str, bytes]]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
payloads = json_values.map(dumps)


def cut(body: bytes, places: Iterable[int]) -> list[bytes]:
    bounds = [0, *sorted(places), len(body)]
    return [body[a:b] for a, b in itertools.pairwise(bounds)]


def outcome(framing: str, chunks: Iterable[bytes]) -> tuple[list[Frame], str]:
    """The frames, and the error that ended them if there was one."""
    decoder = FRAMINGS[framing].decoder()
    frames: list[Frame] = []
    try:
        for chunk in chunks:
            frames += decoder.feed(chunk)
        frames += decoder.end()
    except WireError as error:
        return frames, type(error).__name__
    return frames, ""


@pytest.mark.parametrize("framing", FRAMINGS)
@given(data=st.data())
def test_what_is_written_is_read_back_under_any_cut(framing: str, data: st.DataObject) -> None:
    named = framing in ("sse", "aws-eventstream")
    names = st.text("abc_.é", max_size=5) if named else st.just("")
    errors = st.booleans() if framing == "aws-eventstream" else st.just(False)
    written = data.draw(st.lists(st.builds(Frame, names, payloads, errors), max_size=6))
    encoder = FRAMINGS[framing].encoder()
    body = b"".join(encoder.encode(f.name, f.data, f.error) for f in written) + encoder.end()
    places = data.draw(st.lists(st.integers(0, len(body)), max_size=8))
    assert outcome(framing, cut(body, places)) == (written, "")


NOISE = {
    "sse": ["data:", "data: ", "event: a", "event:", ":", "id: 1", "retry", "x", "{}", "\u2028",
            "\r", "\n", "\r\n", "\n\n", "\ufeff", "é"],
    "ndjson": ["{}", '"\u2028"', "\n", "\r\n", " ", "\r", "1", "é"],
    "json-array": ["[", "]", "{", "}", ",", '"', "\\", '\\"', "1", " ", "\r\n", '{"a":"]"}', "é"],
    "aws-eventstream": ["\0", "\x01", "x"],
}  # fmt: skip


@pytest.mark.parametrize("framing", FRAMINGS)
@given(data=st.data())
def test_hostile_bytes_read_the_same_under_any_cut(framing: str, data: st.DataObject) -> None:
    body = "".join(data.draw(st.lists(st.sampled_from(NOISE[framing]), max_size=30))).encode()
    places = data.draw(st.lists(st.integers(0, len(body)), max_size=8))
    assert outcome(framing, cut(body, places)) == outcome(framing, [body])


def test_recorded_streams_read_the_same_byte_by_byte(streams: Streams, read: Read) -> None:
    for name, framing, body in streams:
        whole = read(framing, [body])
        assert whole, name
        assert read(framing, (body[i : i + 1] for i in range(len(body)))) == whole, name


def test_recorded_streams_read_the_same_under_every_single_cut(
    streams: Streams, read: Read
) -> None:
    small = sorted(streams, key=lambda s: len(s[2]))[:60]
    assert {framing for _, framing, _ in small} >= {"sse", "aws-eventstream"}
    for name, framing, body in small:
        whole = read(framing, [body])
        for at in range(1, min(len(body), 3000)):
            assert read(framing, (body[:at], body[at:])) == whole, (name, at)


def test_recorded_streams_read_the_same_under_ten_thousand_random_cuts(
    streams: Streams, read: Read
) -> None:
    chance = random.Random(7)
    wholes = {name: read(framing, [body]) for name, framing, body in streams}
    for _ in range(10_000):
        name, framing, body = chance.choice(streams)
        places = [chance.randrange(len(body)) for _ in range(chance.randint(1, 30))]
        assert read(framing, cut(body, places)) == wholes[name], (name, places)


SHORT = {
    "sse": '\ufeff: hi\r\nevent: a\r\ndata:{"t":"\u2028é😀"}\r\n\r\ndata: x\n\ndata: y\r\r',
    "ndjson": '{"a":1}\n\r\n{"b":"é\u2028"}\r\n{"c":3}',
    "json-array": ' [{\r\n "a": "]\\"}é" }\n,\r\n{"b":[[],{}]},1,"x"\n] ',
}


@pytest.mark.parametrize("framing", SHORT)
def test_every_pair_of_cuts_reads_the_same(framing: str, read: Read) -> None:
    body = SHORT[framing].encode()
    whole = read(framing, [body])
    assert len(whole) >= 3
    for places in itertools.combinations(range(len(body)), 2):
        assert read(framing, cut(body, places)) == whole, places


@pytest.mark.parametrize("framing", ["sse", "ndjson", "json-array"])
def test_frames_before_a_fault_are_given_and_the_fault_stays(framing: str) -> None:
    encoder = FRAMINGS[framing].encoder()
    body = encoder.encode("", b'{"a":1}') + encoder.encode("", b'"%b"' % (b"x" * MAX_EVENT))
    decoder = FRAMINGS[framing].decoder()
    assert decoder.feed(body + encoder.encode("", b"2")) == [Frame("", b'{"a":1}')]
    for _ in range(2):
        with pytest.raises(WireError):
            decoder.feed(b"")
        with pytest.raises(WireError):
            decoder.end()


def test_a_framing_knows_its_name_and_media_type() -> None:
    assert {name: framing.name for name, framing in FRAMINGS.items()} == {
        name: name for name in ("sse", "aws-eventstream", "json-array", "ndjson")
    }
    assert FRAMINGS["sse"].content_type == "text/event-stream"
