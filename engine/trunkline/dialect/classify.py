"""From a failed response to an error kind, where a dialect's own rules say nothing.

The status table follows RFC 9110 and what providers are known to send (529 is Anthropic's).
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trunkline.errors import ErrorKind

__all__ = ["MAX_RETRY_AFTER", "Failure", "kind_of_status", "retry_after", "seconds_of"]

MAX_RETRY_AFTER: Final = 300.0
"""Seconds. No hint of a server makes us wait longer."""

_NEAR: Final = 366 * 86_400.0
"""Seconds around now in which a number is taken for a time since the epoch."""

_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_TERM: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|us|µs|ns|h|m|s)")
_DURATION: Final = re.compile(rf"(?:{_TERM.pattern})+")

_KIND_OF_STATUS: Final[dict[int, ErrorKind]] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "not_found",
    408: "timeout",
    409: "server_error",
    425: "server_error",
    429: "rate_limited",
    503: "overloaded",
    504: "timeout",
    524: "timeout",
    529: "overloaded",
}


class Failure(NamedTuple):
    """What a failed response means. `retry_after` is in seconds, None where nothing is said."""

    kind: ErrorKind
    message: str
    retry_after: float | None


def kind_of_status(status: int) -> ErrorKind:
    """The kind that a status stands for when the body says nothing better."""
    known = _KIND_OF_STATUS.get(status)
    if known is not None:
        return known
    if status >= 500:
        return "server_error"
    return "bad_request" if status >= 400 else "malformed"


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until a new try is useful, within 0 and `MAX_RETRY_AFTER`.

    `retry-after-ms` (OpenAI, Azure) counts milliseconds; `retry-after` is seconds or a date
    (RFC 9110, 10.2.3). `now` is seconds since the epoch. What cannot be read is no hint.
    """
    millis = _number(headers.get("retry-after-ms"))
    if millis is not None:
        return _bounded(millis / 1000)
    said = headers.get("retry-after")
    if said is None:
        return None
    seconds = _number(said)
    if seconds is not None:
        return _bounded(seconds)
    return _until(parsedate_to_datetime, said, now)


def seconds_of(hint: Any, now: float) -> float | None:
    """What a provider's own hint says, in seconds within 0 and `MAX_RETRY_AFTER`.

    Numbers are seconds, or a time since the epoch (in seconds or milliseconds) where they lie
    near `now`; text is a number, a duration as Go and protobuf write them (`6m0s`, `120ms`,
    `3.957525076s`), an RFC 3339 time or an HTTP date. Anything else is no hint.
    """
    if isinstance(hint, bool) or not isinstance(hint, int | float | str):
        return None
    number = _number(hint)
    if number is not None:
        for epoch in (number, number / 1000):
            if abs(epoch - now) < _NEAR:
                return _bounded(epoch - now)
        return _bounded(number)
    if not isinstance(hint, str):
        return None
    text = hint.strip()
    if _DURATION.fullmatch(text):
        return _bounded(sum(float(n) * _UNITS[unit] for n, unit in _TERM.findall(text)))
    moment = _until(datetime.fromisoformat, text, now)
    return _until(parsedate_to_datetime, text, now) if moment is None else moment


def _until(read: Callable[[str], datetime], text: str, now: float) -> float | None:
    try:
        when = read(text)
        return _bounded(when.replace(tzinfo=when.tzinfo or UTC).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _number(said: float | str | None) -> float | None:
    """A number that can be compared with others; None for anything else."""
    try:
        number = None if said is None else float(said)
    except (ValueError, OverflowError):
        return None
    return None if number is None or math.isnan(number) else number


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)
