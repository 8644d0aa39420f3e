"""Streams: however the bytes are cut, the answer is the same; a cut one is never whole."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.dialect.answering import STARTED, steps_of, streamed, streaming_place, whole
from tests.dialect.corpus import (
    APIS,
    TOTAL,
    WIRES,
    Row,
    content_type_of,
    data_of,
    rows,
    skip_of,
    wire_of,
)
from tests.dialect.proof import answer_of, read, readings
from trunkline.catalog import dialect
from trunkline.errors import UpstreamError
from trunkline.graph.played import deltas_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trunkline.dialect import Dialect

SMALL = 3000
"""Bytes up to which a stream is also fed byte by byte."""


def streams(recordings: Path, api: str) -> Iterator[Row]:
    """The recorded streams of a file that are read."""
    for row in rows(recordings, api):
        skip = skip_of(row)
        left_out = skip is not None and "answer" in skip.stages
        if row["status"] == 200 and "body" not in row["response"] and not left_out:
            yield row


def deltas(wire: Dialect, pieces: list[bytes], content_type: str = "") -> list[dict[str, Any]]:
    reader = wire.reader(content_type)
    found = [delta for piece in pieces for delta in reader.feed(piece)]
    if not (found and "fail" in found[-1]):
        found += reader.end()
    if reader.broken is not None:  # what came before the fault was given first
        raise reader.broken
    return found


@pytest.mark.parametrize("api", APIS)
def test_any_cutting_of_the_bytes_gives_the_same_deltas(recordings: Path, api: str) -> None:
    chance = random.Random(7)
    for row in streams(recordings, api):
        wire, kind, data = (
            dialect(wire_of(row)),
            content_type_of(row["response"]),
            data_of(row["response"]),
        )
        once = deltas(wire, [data], kind)
        cuts = sorted(chance.sample(range(len(data)), k=min(9, len(data) - 1)))
        pieces = [data[a:b] for a, b in pairwise([0, *cuts, len(data)])]
        assert deltas(wire, pieces, kind) == once, row["id"]
        if len(data) < SMALL:
            assert deltas(wire, [bytes([byte]) for byte in data], kind) == once, row["id"]


def test_every_single_cut_of_the_smallest_streams_gives_the_same_deltas(recordings: Path) -> None:
    """One of each wire and framing; the framings alone are held to it over sixty streams."""
    smallest: dict[tuple[str, str], Row] = {}
    for api in APIS:
        for row in streams(recordings, api):
            key = (wire_of(row), content_type_of(row["response"]).partition(";")[0])
            if key not in smallest or len(data_of(row["response"])) < len(
                data_of(smallest[key]["response"])
            ):
                smallest[key] = row
    assert smallest
    for (name, kind), row in smallest.items():
        wire, data = dialect(name), data_of(row["response"])
        once = deltas(wire, [data], kind)
        for cut in range(1, len(data)):
            assert deltas(wire, [data[:cut], data[cut:]], kind) == once, (row["id"], cut)


@pytest.mark.parametrize("api", APIS)
def test_a_stream_that_breaks_off_before_its_finish_is_not_whole(
    recordings: Path, api: str
) -> None:
    for row in streams(recordings, api):
        data = data_of(row["response"])
        with pytest.raises(UpstreamError):
            deltas(
                dialect(wire_of(row)), [data[: len(data) // 3]], content_type_of(row["response"])
            )


def test_a_finish_and_a_clean_end_are_enough_where_the_dialect_says_so() -> None:
    chat = dialect("openai-chat")
    chunk = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n'
    assert deltas(chat, [chunk])
    messages = dialect("anthropic-messages")
    finish = b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n'
    with pytest.raises(UpstreamError):
        deltas(messages, [finish])


ODD = "a\u2028b\u2029c\u0085d\ve\ff\u200bg"
REPLY: Any = {
    "id": "an-id",
    "model": "a-model",
    "choices": [
        {
            "index": 0,
            "parts": [{"type": "text", "text": ODD}],
            "finish": "stop",
            "native_finish": None,
            "logprobs": None,
        }
    ],
    "usage": {"input": 3, "output": 4},
    "raw_usage": None,
}


@pytest.mark.parametrize("wire", WIRES)
def test_line_separators_inside_text_split_nothing(wire: str) -> None:
    fold = dialect(wire).fold({})
    steps = [fold.add(delta) for delta in deltas_of(REPLY)]
    for response in (whole(REPLY, wire), streamed(steps, REPLY, wire)):
        (found,) = readings(read(dialect(wire), response))
        assert found.text == ODD


ENDLESS = {
    "text/event-stream": (b"data: ", b"x" * 65536),
    "application/json": (b'[{"a": "', b"x" * 65536),
    "application/vnd.amazon.eventstream": (b"\x7f\xff\xff\xff\x00\x00\x00\x00", b"\x00" * 65536),
}
CAP = 4 << 20


@pytest.mark.parametrize("wire", WIRES)
def test_a_stream_without_end_is_refused_before_it_fills_memory(wire: str) -> None:
    kind = _framing_of(wire)
    head, piece = ENDLESS[kind]
    reader = dialect(wire).reader(kind)
    with pytest.raises(UpstreamError) as caught:
        for part in [head, *[piece] * (2 * CAP // len(piece))]:
            reader.feed(part)
    assert caught.value.kind == "malformed"


def _framing_of(wire: str) -> str:
    fold = dialect(wire).fold({})
    steps = [fold.add(delta) for delta in deltas_of(REPLY)]
    kind: str = streamed(steps, REPLY, wire)["headers"]["content-type"]
    return kind.partition(";")[0]


def test_a_responses_stream_adds_up_to_the_response_that_it_ends_with(recordings: Path) -> None:
    """The one wire whose recorded streams hold the whole reply as well."""
    wire, compared = dialect("openai-responses"), 0
    for api in APIS:
        if not api.endswith("/responses"):
            continue
        for row in streams(recordings, api):
            last = _terminal(row)
            if last is None:
                continue
            body = {"headers": {}, "body": last}
            assert readings(answer_of(row)) == readings(read(wire, body)), row["id"]
            compared += 1
    assert compared > 30 or sum(len(rows(recordings, api)) for api in APIS) != TOTAL


def _terminal(row: Row) -> Any:
    found = [line[5:] for line in row["response"]["text"].splitlines() if line.startswith("data:")]
    events = [json.loads(line) for line in found if line.strip().startswith("{")]
    kinds = ("response.completed", "response.incomplete")
    ended = [event["response"] for event in events if event.get("type") in kinds]
    # servers beside OpenAI leave the output out of the last event
    return ended[-1] if ended and ended[-1].get("output") else None


@pytest.mark.parametrize("wire", WIRES)
def test_a_stream_that_fails_half_way_says_so_to_its_reader(wire: str) -> None:
    door = dialect(wire).door
    assert door is not None
    fold = dialect(wire).fold({})
    written = door.stream_writer({"model": "m", "messages": []}, streaming_place(wire), {})
    data = written.begin(STARTED)
    data += written.write([step for delta in deltas_of(REPLY)[:2] for step in fold.add(delta)])
    error = {"kind": "overloaded", "message": "too much", "status": 503, "request_id": "r"}
    data += written.fail(error)
    reader = dialect(wire).reader(written.content_type)
    found = reader.feed(data)
    assert found[-1]["fail"]["message"] == "too much"
    assert "".join(delta.get("text", "") for delta in found) == ODD


def test_steps_of_a_whole_answer_are_those_of_its_parts(recordings: Path) -> None:
    """What a door streams of a whole body folds to the whole body again (S12)."""
    for api in APIS:
        for row in rows(recordings, api)[:10]:
            if row["status"] != 200 or skip_of(row) or "body" not in row["response"]:
                continue
            try:
                reply = answer_of(row)
            except UpstreamError:
                continue
            fold = dialect(wire_of(row)).fold({})
            for delta in deltas_of(reply):
                fold.add(delta)
            again = fold.reply()
            assert again["choices"] == reply["choices"], row["id"]
            assert steps_of(row)
