"""What is proven on every recorded exchange, as functions that tests and the report share.

Each step takes a row and gives an `Outcome`: it held, it was refused (with the reason), or it
failed (with what differs). Nothing here knows a provider; who reads what stands in `corpus`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.dialect import vendors
from tests.dialect.corpus import Row, content_type_of, data_of, provider_of, wire_of
from tests.dialect.vendors import Failed, Reading
from trunkline.catalog import dialect
from trunkline.dialect import failure_of
from trunkline.errors import UpstreamError

if TYPE_CHECKING:
    from trunkline.chat import ReplyData
    from trunkline.dialect import Dialect

__all__ = ["Outcome", "answer_of", "difference", "read", "read_answer", "read_failure", "readings"]

COUNTERS = ("input", "cache_read", "cache_write", "output", "reasoning")


class Outcome(NamedTuple):
    """How one step went for one exchange: `held`, `refused` or `failed`, and the reason."""

    row: str
    verdict: str
    detail: str = ""


def read(wire: Dialect, response: Row, provider: Row | None = None) -> ReplyData:
    """A recorded response as a reply, whole bodies and streams alike.

    Raises `UpstreamError` for one that says that it failed, and for a stream that is cut.
    """
    if "body" in response:
        return wire.read_reply(response["body"], provider or {}).reply()
    reader, fold = wire.reader(content_type_of(response)), wire.fold(provider or {})
    for step in (lambda: reader.feed(data_of(response)), reader.end):
        for delta in step():
            if "fail" in delta:
                raise failure_of(delta["fail"])
            fold.add(delta)
    if reader.broken is not None:
        raise reader.broken
    assert reader.complete
    return fold.reply()


def answer_of(row: Row) -> ReplyData:
    """A row's answer as its dialect reads it, read once: treat it as read-only."""
    if row["id"] not in _ANSWERS:
        _ANSWERS[row["id"]] = read(dialect(wire_of(row)), row["response"], provider_of(row))
    return _ANSWERS[row["id"]]


_ANSWERS: dict[str, ReplyData] = {}


def readings(reply: ReplyData) -> list[Reading]:
    """A reply as what the judges compare."""
    usage: Any = reply["usage"]
    counted = None if usage is None else {key: usage.get(key, 0) for key in COUNTERS}
    return [_reading(choice["parts"], choice["finish"], counted) for choice in reply["choices"]]


def _reading(parts: list[Row], finish: str, usage: dict[str, int] | None) -> Reading:
    def joined(kind: str, field: str) -> str:
        return "".join(part.get(field, "") for part in parts if part["type"] == kind)

    calls = [
        (part["name"], vendors.arguments(part["arguments"]))
        for part in parts
        if part["type"] == "tool_call"
    ]
    return Reading(
        joined("text", "text"),
        joined("reasoning", "text"),
        calls,
        finish,
        usage,
        joined("refusal", "refusal"),
    )


def read_answer(row: Row) -> Outcome:
    """A successful answer reads as the vendor's own code reads it, failures inside it too."""
    judge = getattr(vendors, wire_of(row).replace("-", "_"))
    theirs: list[Reading] | str
    ours: list[Reading] | str
    try:
        theirs = judge(row)
    except Failed as failure:
        theirs = str(failure)
    try:
        ours = readings(answer_of(row))
    except UpstreamError as error:
        ours = error.message
    if ours == theirs:
        return Outcome(row["id"], "held")
    return Outcome(row["id"], "failed", difference(ours, theirs))


def read_failure(row: Row) -> Outcome:
    """A failed response has a kind that fits its status, and the provider's own words."""
    response = row["response"]
    headers = {key.lower(): value for key, value in response["headers"].items()}
    failure = dialect(wire_of(row)).classify(row["status"], headers, response["body"])
    said = (response["body"].get("error") or response["body"]).get("message")
    kind = kind_of(row["status"], said)
    if (failure.kind, failure.message) == (kind, said[:1024]):
        return Outcome(row["id"], "held")
    ours, theirs = (failure.kind, failure.message), (kind, said)
    return Outcome(row["id"], "failed", difference(ours, theirs))


def kind_of(status: int, message: str) -> str:
    """What the recorded failures are: their statuses speak for themselves, but two providers
    say 400 for a model that they do not have."""
    if status == 400 and re.search(
        r"requested model .* does not exist|identifier is invalid", message
    ):
        return "not_found"
    return {400: "bad_request", 404: "not_found", 429: "rate_limited"}[status]


def difference(ours: Any, theirs: Any) -> str:
    """Where two values part, in a line or two."""
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for mine, other in zip(ours, theirs, strict=True):
            if mine != other:
                return difference(mine, other)
    if isinstance(ours, Reading) and isinstance(theirs, Reading):
        ours, theirs = vars(ours), vars(theirs)
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in [*ours, *(key for key in theirs if key not in ours)]:
            if ours.get(key, "(absent)") != theirs.get(key, "(absent)"):
                inner = difference(ours.get(key, "(absent)"), theirs.get(key, "(absent)"))
                return f".{key}{inner}" if inner.startswith(".") else f".{key}: {inner}"
    return f"ours {_short(ours)} · theirs {_short(theirs)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 300 else f"{text[:150]}…{text[-100:]}"
