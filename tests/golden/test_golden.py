"""The golden matrix: each case once, its form in every dialect beside it.

`requests/CASE.json` is a canonical request; `requests/CASE.DIALECT.json` what is written for it,
or the refusal. `replies/CASE.json` are deltas; `replies/CASE.DIALECT.json` the whole body that
the dialect's door writes, `replies/CASE.DIALECT.txt` its stream. A new need goes into the case
`full` first. With TRUNKLINE_GOLDEN=write the files are written again: read the difference.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.dialect.corpus import PLACES, TARGETS
from trunkline.catalog import dialect, dialects
from trunkline.dialect.fold import Fold
from trunkline.template import Refusal
from trunkline.wire import FRAMINGS

HERE = Path(__file__).parent
REQUESTS = sorted(path.stem for path in HERE.glob("requests/*.json") if path.stem.count(".") == 0)
REPLIES = sorted(path.stem for path in HERE.glob("replies/*.json") if path.stem.count(".") == 0)
CHAT = [name for name in dialects() if dialect(name).operation == "chat"]
# A Gemini before 3 refuses half of what the case `full` asks for.
MODELS = {**TARGETS, "gemini-generate": "gemini-3-pro-preview"}
WITH_DOOR = [name for name in CHAT if dialect(name).door is not None]


def compare(path: Path, found: str) -> None:
    """Against the file, or into it."""
    if os.environ.get("TRUNKLINE_GOLDEN") == "write":
        path.write_bytes(found.encode())
    assert path.is_file(), f"{path.name} is missing: TRUNKLINE_GOLDEN=write makes it"
    assert found == path.read_bytes().decode()


def pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def readable(framing: str, stream: bytes) -> str:
    """A stream as it is, or, where its framing is no text, its messages line by line."""
    if framing != "aws-eventstream":
        return stream.decode()
    frames = FRAMINGS[framing].decoder().feed(stream)
    return "".join(f"{frame.name}: {frame.data.decode()}\n" for frame in frames)


def load(folder: str, case: str) -> Any:
    return json.loads((HERE / folder / f"{case}.json").read_text("utf-8"))


@pytest.mark.parametrize("name", CHAT)
@pytest.mark.parametrize("case", REQUESTS)
def test_a_request_in_every_dialect(case: str, name: str) -> None:
    wire, request = dialect(name), load("requests", case)
    target, provider = {"model": MODELS[name]}, PLACES.get(name, {})
    dropped, lost = wire.loss(request, target, provider)
    try:
        written = wire.write(request, target, provider)
        shown: dict[str, Any] = {"path": written.path, "headers": dict(written.headers)}
        shown |= {"dropped": dropped, "lost": lost, "body": written.value}
    except Refusal as refusal:
        shown = {"refused": str(refusal)}
    compare(HERE / "requests" / f"{case}.{name}.json", pretty(shown))


@pytest.mark.parametrize("name", WITH_DOOR)
@pytest.mark.parametrize("case", REPLIES)
def test_a_reply_in_every_dialect(case: str, name: str) -> None:
    door, request = dialect(name).door, {"stream_options": {"include_usage": True}}
    assert door is not None
    fold = Fold("a-wire", lambda raw: dict(raw))  # type: ignore[arg-type, return-value]
    writer = door.stream_writer(request)
    written = writer.begin({"id": "r-1", "model": "m-1", "created": 1_700_000_000})
    for delta in load("replies", case):
        written += writer.write(fold.add(delta))
    written += writer.end(fold.reply())
    whole = door.write_reply(fold.reply(), request, created=1_700_000_000)
    compare(HERE / "replies" / f"{case}.{name}.json", pretty(whole))
    compare(HERE / "replies" / f"{case}.{name}.txt", readable(writer.framing, written))
