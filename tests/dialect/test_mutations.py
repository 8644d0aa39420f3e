"""Recorded exchanges with something wrong in them: an answer or a typed error, never another."""

from __future__ import annotations

import copy
import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.dialect.answering import REQUEST, STARTED, streaming_place
from tests.dialect.asking import captured
from tests.dialect.corpus import (
    APIS,
    WIRES,
    Row,
    content_type_of,
    data_of,
    place_of,
    rows,
    skip_of,
    wire_of,
)
from tests.dialect.proof import read
from trunkline.catalog import dialect
from trunkline.errors import RequestError, UpstreamError
from trunkline.graph.played import deltas_of
from trunkline.template import Refusal
from trunkline.wire.jsontext import dumps

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline.chat import ReplyData

JUNK: list[Any] = [None, True, -1, 0.5, 10**30, "", "x", "\ud800", [], {}, [[]], [None], {"": {}}]
EACH = 6
"""Exchanges of a file, and wrongs done to each of them."""


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = [path] if path else []
    if isinstance(value, dict | list):
        for key, item in inner:
            found += places(item, (*path, key)) if isinstance(item, dict | list) else [(*path, key)]
    return found


def wronged(value: Any, chance: random.Random) -> Any:
    """A copy with one or two things in it replaced, left out, or moved elsewhere."""
    value = copy.deepcopy(value)
    for _ in range(chance.randint(1, 2)):
        spots = places(value)
        if not spots:
            return chance.choice(JUNK)
        *way, last = chance.choice(spots)
        holder = value
        for step in way:
            holder = holder[step]
        if chance.random() < 0.25:
            del holder[last]
        elif chance.random() < 0.2:
            holder[last] = copy.deepcopy(value)
        else:
            holder[last] = copy.deepcopy(chance.choice(JUNK))
    return value


def sample(recordings: Path, api: str) -> list[Row]:
    small = [row for row in rows(recordings, api) if len(json.dumps(row)) < 20_000]
    return [row for row in small if skip_of(row) is None][:EACH]


@pytest.mark.parametrize("api", APIS)
def test_a_wronged_request_is_read_and_written_or_refused(recordings: Path, api: str) -> None:
    chance = random.Random(api)
    for row in sample(recordings, api):
        door = dialect(wire_of(row)).door
        assert door is not None
        path, query = place_of(row)
        for _ in range(EACH):
            body = wronged(row["request"]["body"], chance)
            try:
                request = door.read_request(body, {}, captured(door, path), query)
            except RequestError as error:
                assert error.kind == "bad_request"
                continue
            for wire in WIRES:
                try:
                    dialect(wire).loss(request, {"model": "m"}, {})
                    dialect(wire).write(request, {"model": "m"}, {})
                except Refusal:
                    continue


@pytest.mark.parametrize("api", APIS)
def test_a_wronged_answer_is_an_answer_or_an_upstream_error(recordings: Path, api: str) -> None:
    chance = random.Random(api)
    for row in sample(recordings, api):
        wire, response = dialect(wire_of(row)), row["response"]
        for _ in range(EACH):
            if "body" in response:
                changed = {"headers": {}, "body": wronged(response["body"], chance)}
                wire.classify(chance.choice([200, 400, 429, 500]), {}, changed["body"])
            else:
                data = bytearray(data_of(response))
                for _ in range(chance.randint(1, 3)):
                    data[chance.randrange(len(data))] = chance.randrange(256)
                text = bytes(data[: chance.choice([len(data), chance.randrange(len(data))])])
                changed = {"headers": {"content-type": content_type_of(response)}, "data": text}
            try:
                reply = answered(row, changed)
            except UpstreamError:
                continue
            everywhere(reply)


def answered(row: Row, changed: Row) -> ReplyData:
    wire = dialect(wire_of(row))
    if "body" in changed:
        return read(wire, changed)
    reader, fold = wire.reader(content_type_of(changed)), wire.fold({})
    for delta in [*reader.feed(changed["data"]), *reader.end()]:
        fold.add(delta)
    return fold.reply()


def everywhere(reply: ReplyData) -> None:
    """Every door can say what was read, whatever it was."""
    for wire in WIRES:
        door = dialect(wire).door
        assert door is not None
        dumps(door.write_reply(reply, REQUEST))
        writer, fold = (
            door.stream_writer(REQUEST, streaming_place(wire), {}),
            dialect(wire).fold({}),
        )
        writer.begin(STARTED)
        for delta in deltas_of(reply):
            writer.write(fold.add(delta))
        writer.end(reply)
