"""Recorded streams, and reading bytes in pieces."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from trunkline.wire import FRAMINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from trunkline.wire import Frame


@pytest.fixture(scope="session")
def read() -> Callable[[str, Iterable[bytes]], list[Frame]]:
    """Read chunks through a fresh decoder of a framing, to the end."""

    def read_chunks(framing: str, chunks: Iterable[bytes]) -> list[Frame]:
        decoder = FRAMINGS[framing].decoder()
        frames = [frame for chunk in chunks for frame in decoder.feed(chunk)]
        return frames + decoder.end()

    return read_chunks


@pytest.fixture(scope="session")
def streams(recordings: Path) -> Sequence[tuple[str, str, bytes]]:
    """Every recorded stream: its id, its framing and its bytes."""
    found = []
    for file in sorted(recordings.glob("*/*.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            row = json.loads(line)
            response = row["response"]
            if not row["stream"] or not ("text" in response or "base64" in response):
                continue
            if "base64" in response:
                framing, body = "aws-eventstream", base64.b64decode(response["base64"])
            else:
                body = response["text"].encode()
                framing = "json-array" if body.startswith(b"[") else "sse"
            found.append((row["id"], framing, body))
    return found
