"""The tests that a dialect file carries.

Each item of `tests:` has a `name` and one of these pairs:

- `request` and `sends`: a canonical request and the body written for it (`target` and `provider`
  may stand beside, and `at`: the path and query that it goes to), or `refuses`: a piece of the
  refusal's text;
- `client` and `asks`: a client's body at the door and the canonical request read from it
  (`params` and `query` may stand beside: what its path and query said);
- `reply` or `events` and `gives`: a whole body, or a stream's events, and the reply read;
- `status`, `body` and `kind`: a failed response and what it means (`headers` may stand beside,
  and `retry_after`: the seconds that it asks to wait, at the beginning of the epoch);
- `answer` and `serves`: a reply and the body that the door writes for it;
- `steps` and `streams`: deltas and the events that the door writes for them.

What is expected matches as a subset: mappings may have more, lists are exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trunkline.dialect.fold import Fold
from trunkline.errors import CallError
from trunkline.template import Refusal
from trunkline.wire import FRAMINGS
from trunkline.wire.jsontext import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.dialect.dialect import Dialect

__all__ = ["difference", "run_own_test"]

JSONMap = dict[str, Any]


def run_own_test(dialect: Dialect, test: Mapping[str, Any]) -> str:
    """What is wrong with this test's outcome; empty if it passes."""
    for words, run in _FORMS.items():
        if all(word in test for word in words.split()):
            return run(dialect, test)
    return "no form of test has these keys: " + ", ".join(sorted(test))


def difference(expected: Any, found: Any, place: str = "") -> str:
    """Where `found` does not hold what is expected; empty where it does."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            if key not in found:
                return f"{place}.{key} is missing"
            deeper = difference(value, found[key], f"{place}.{key}")
            if deeper:
                return deeper
        return ""
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, (left, right) in enumerate(zip(expected, found, strict=True)):
            deeper = difference(left, right, f"{place}[{index}]")
            if deeper:
                return deeper
        return ""
    same = expected == found and isinstance(expected, bool) == isinstance(found, bool)
    return "" if same else f"{place}: {expected!r} expected, {found!r} found"


def _write(dialect: Dialect, test: Mapping[str, Any]) -> str:
    target = {"model": "a-model", **test.get("target", {})}
    request = {"model": "a-model", **test["request"]}
    try:
        rendered = dialect.write(request, target, test.get("provider", {}))
    except Refusal as refusal:
        wanted = test.get("refuses")
        return "" if wanted and wanted in str(refusal) else f"refused: {refusal}"
    if "refuses" in test:
        return "was written, but a refusal was expected"
    at = rendered.path + "".join(
        ("&" if index else "?") + f"{key}={value}"
        for index, (key, value) in enumerate(rendered.query)
    )
    return difference(test.get("at", at), at, "at") or difference(test["sends"], rendered.value)


def _ask(dialect: Dialect, test: Mapping[str, Any]) -> str:
    if dialect.door is None:
        return "the dialect has no serve side"
    try:
        asked = dialect.door.read_request(
            test["client"], test.get("headers", {}), test.get("params"), test.get("query")
        )
        return difference(test["asks"], asked)
    except CallError as error:
        return f"refused: {error}"


def _read(dialect: Dialect, test: Mapping[str, Any]) -> str:
    fold = dialect.read_reply(test["reply"], test.get("provider", {}), test.get("headers", {}))
    return difference(test["gives"], _first_choice(fold))


def _read_events(dialect: Dialect, test: Mapping[str, Any]) -> str:
    reader, fold = dialect.reader(), dialect.fold(test.get("provider", {}))
    for event in test["events"]:
        for delta in reader.read_event(event):
            fold.add(delta)
    return difference(test["gives"], _first_choice(fold))


def _first_choice(fold: Fold) -> JSONMap:
    reply = fold.reply()
    return {**reply["choices"][0], **reply}


def _classify(dialect: Dialect, test: Mapping[str, Any]) -> str:
    failure = dialect.classify(test["status"], test.get("headers", {}), test["body"])
    hint = test.get("retry_after", failure.retry_after)
    return difference(test["kind"], failure.kind) or difference(hint, failure.retry_after)


def _serve(dialect: Dialect, test: Mapping[str, Any]) -> str:
    if dialect.door is None:
        return "the dialect has no serve side"
    body = dialect.door.write_reply(test["answer"], test.get("request", {}))
    return difference(test["serves"], body)


def _stream(dialect: Dialect, test: Mapping[str, Any]) -> str:
    if dialect.door is None:
        return "the dialect has no serve side"
    writer = dialect.door.stream_writer(
        test.get("request", {}), test.get("params"), test.get("query")
    )
    fold = Fold(dialect.name, lambda raw: dict(raw))  # type: ignore[arg-type, return-value]
    written = writer.begin({"id": "an-id", "model": "a-model", "created": 0})
    for delta in test["steps"]:
        written += writer.write(fold.add(delta))
    written += writer.end(fold.reply())
    decoder = FRAMINGS[writer.framing].decoder()
    frames = [*decoder.feed(written), *decoder.end()]
    events = [
        frame.data.decode() if frame.data[:1] == b"[" else loads(frame.data) for frame in frames
    ]
    return difference(test["streams"], loads(dumps(events)))


_FORMS = {
    "request sends": _write,
    "request refuses": _write,
    "client asks": _ask,
    "reply gives": _read,
    "events gives": _read_events,
    "status body kind": _classify,
    "answer serves": _serve,
    "steps streams": _stream,
}
