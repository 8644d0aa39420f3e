"""Recorded streams: however the bytes are cut, the answer is the same; a cut one is never whole."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.dialect.test_recordings import JUDGES, rows
from trunkline.catalog import dialect
from trunkline.errors import UpstreamError

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline.dialect import Dialect


def deltas(wire: Dialect, pieces: list[bytes]) -> list[dict[str, Any]]:
    reader = wire.reader()
    found = [delta for piece in pieces for delta in reader.feed(piece)]
    return found + reader.end()


def streams(recordings: Path, api: str) -> list[bytes]:
    found = [row["response"].get("text") for row in rows(recordings, api) if row["status"] == 200]
    return [text.encode() for text in found if text]


@pytest.mark.parametrize("api", JUDGES)
def test_any_cutting_of_the_bytes_gives_the_same_deltas(recordings: Path, api: str) -> None:
    wire = dialect(JUDGES[api][0])
    chance = random.Random(7)
    for data in streams(recordings, api):
        whole = deltas(wire, [data])
        cuts = sorted(chance.sample(range(len(data)), k=min(9, len(data) - 1)))
        pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        assert deltas(wire, pieces) == whole
        if len(data) < 3000:
            assert deltas(wire, [bytes([byte]) for byte in data]) == whole


@pytest.mark.parametrize("api", JUDGES)
def test_a_stream_that_breaks_off_before_its_finish_is_not_whole(
    recordings: Path, api: str
) -> None:
    wire = dialect(JUDGES[api][0])
    for data in streams(recordings, api):
        events = data.split(b"\n\n")
        with pytest.raises(UpstreamError):
            deltas(wire, [b"\n\n".join(events[: len(events) // 3]) + b"\n\n"])


def test_a_finish_and_a_clean_end_are_enough_where_the_dialect_says_so() -> None:
    chat = dialect("openai-chat")
    chunk = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n'
    assert deltas(chat, [chunk])
    messages = dialect("anthropic-messages")
    finish = b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n'
    with pytest.raises(UpstreamError):
        deltas(messages, [finish])
