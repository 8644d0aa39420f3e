"""What expressions see that is worked out for a request: the moment, and its size in tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from trunkline.errors import RequestError
from trunkline.wire import WireError
from trunkline.wire.jsontext import dumps

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["estimate_tokens", "moment"]

_BYTES_A_TOKEN: Final = 4
_MEDIA: Final = {"image_url": 1_000, "file": 2_000, "input_audio": 1_000}
"""Tokens that a piece of media is taken to cost, whatever its size: base64 is no text."""

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def moment(seconds: float) -> dict[str, Any]:
    """A time in UTC as `time.…` in expressions: `epoch` in seconds, `iso`, `date`, `weekday`
    (`mon` to `sun`), `year`, `month`, `day`, `hour` and `minute`."""
    at = datetime.fromtimestamp(seconds, UTC)
    return {
        "epoch": int(seconds),
        "iso": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "date": at.strftime("%Y-%m-%d"),
        "weekday": _DAYS[at.weekday()],
        "year": at.year,
        "month": at.month,
        "day": at.day,
        "hour": at.hour,
        "minute": at.minute,
    }


def estimate_tokens(request: Mapping[str, Any]) -> int:
    """The input of a request in tokens, roughly: a token for each 4 bytes of text and of tool
    declarations, and a constant for each image, file and piece of sound. Texts that come as
    token numbers are counted."""
    size = tokens = 0
    for text in request.get("input", ()):
        size += len(text.encode("utf-8", "replace")) if isinstance(text, str) else 0
        tokens += 0 if isinstance(text, str) else len(text)
    for message in request.get("messages", ()):
        content = message.get("content")
        if isinstance(content, str):
            size += len(content.encode("utf-8", "replace"))
        for part in content if isinstance(content, list) else ():
            fixed = _MEDIA.get(part["type"])
            if fixed is not None:
                tokens += fixed
            elif part["type"] != "wire":
                size += _size(part)
        if message.get("tool_calls"):
            size += _size(message["tool_calls"])
    if request.get("tools"):
        size += _size(request["tools"])
    return tokens + -(-size // _BYTES_A_TOKEN)


def _size(value: Any) -> int:
    try:
        return len(dumps(value))
    except WireError as error:
        raise RequestError("bad_request", f"the request cannot be sent: {error}") from error
