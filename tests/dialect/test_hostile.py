"""Whatever comes in, what comes out is an answer or a typed error."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialect import corpus
from tests.dialect.chats import requests
from trunkline.catalog import dialect, dialect_document
from trunkline.errors import RequestError, UpstreamError
from trunkline.template import Refusal
from trunkline.wire.jsontext import dumps

WIRES = list(corpus.WIRES)


def words_of(value: Any) -> set[str]:
    """All text in a dialect's file: the words that make hostile JSON bite."""
    if isinstance(value, dict):
        return set().union(*map(words_of, value.values()), *map(words_of, value.keys()))
    if isinstance(value, list):
        return set().union(*map(words_of, value)) if value else set()
    return {value} if isinstance(value, str) and value.isidentifier() else set()


def json_of(name: str) -> st.SearchStrategy[Any]:
    """JSON made of the words that this dialect looks for."""
    document = dialect_document(name)
    assert document is not None
    fields = {word for path in paths_of(document.value) for word in path.split(".")}
    words = st.sampled_from(sorted(words_of(document.value) | fields))
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
        max_leaves=20,
    )


def paths_of(value: Any) -> set[str]:
    """Dotted names inside expressions, such as `event.delta.text`."""
    if isinstance(value, dict):
        return set().union(*map(paths_of, value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*map(paths_of, value)) if value else set()
    if isinstance(value, str) and "{{" in value:
        inside = value.replace("{", " ").replace("}", " ").replace("|", " ")
        return {word for word in inside.split() if word.replace(".", "").isidentifier()}
    return set()


HOSTILE = {name: json_of(name) for name in WIRES}
wire_and_json = st.sampled_from(WIRES).flatmap(lambda name: st.tuples(st.just(name), HOSTILE[name]))


@settings(max_examples=600, deadline=None)
@given(wire_and_json)
def test_a_hostile_reply_is_an_answer_or_an_upstream_error(case: tuple[str, Any]) -> None:
    name, body = case
    before = copy.deepcopy(body)
    try:
        reply = dialect(name).read_reply(body, {}).reply()
    except UpstreamError:
        return
    finally:
        assert body == before, "what came in is not changed"
    dumps(reply)


@settings(max_examples=600, deadline=None)
@given(wire_and_json)
def test_a_hostile_event_is_deltas_or_an_upstream_error(case: tuple[str, Any]) -> None:
    name, event = case
    wire = dialect(name)
    fold = wire.fold({})
    try:
        deltas = wire.reader().read_event(event)
    except UpstreamError:
        return
    for delta in deltas:
        fold.add(delta)
    dumps(fold.reply())


@settings(max_examples=600, deadline=None)
@given(wire_and_json)
def test_a_hostile_request_at_the_door_is_read_or_refused(case: tuple[str, Any]) -> None:
    name, body = case
    door = dialect(name).door
    assert door is not None
    try:
        request = door.read_request(body, {})
    except RequestError as error:
        assert error.kind == "bad_request"
        return
    dumps(request)


@settings(max_examples=500, deadline=None)
@given(wire_and_json, st.integers(400, 599))
def test_a_hostile_failure_has_a_kind(case: tuple[str, Any], status: int) -> None:
    name, body = case
    failure = dialect(name).classify(status, {"retry-after": "x"}, body)
    assert failure.message
    assert failure.retry_after is None


@pytest.mark.parametrize("name", WIRES)
@settings(max_examples=100, deadline=None)
@given(request_=requests())
def test_any_canonical_request_is_written_or_refused_and_not_changed(
    name: str, request_: dict[str, Any]
) -> None:
    wire = dialect(name)
    before = copy.deepcopy(request_)
    try:
        rendered = wire.write(request_, {"model": "m"}, {})
    except Refusal:
        return
    finally:
        assert request_ == before
    assert rendered.path.startswith("/")
    assert rendered.body == dumps(rendered.value)


@pytest.mark.parametrize("name", WIRES)
@settings(max_examples=100, deadline=None)
@given(request_=requests())
def test_what_is_written_reads_back_as_it_was(name: str, request_: dict[str, Any]) -> None:
    """Up to what the wire has no words for: once through, nothing changes any more."""
    wire = dialect(name)
    assert wire.door is not None
    try:
        first = wire.write(request_, {"model": "m"}, {}).value
    except Refusal:
        return
    read = wire.door.read_request(first, {}, {"model": "m"})
    assert wire.write(read, {"model": "m"}, {}).value == first
    said = {key for key, value in request_.items() if value is not None and key in first}
    assert all(key in read for key in said)
