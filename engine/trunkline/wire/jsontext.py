"""JSON text to plain Python values and back (RFC 8259), within limits.

msgspec reads and writes it. It refuses a lone surrogate escape (`"\\ud800"`), which providers
cut out of emoji do send, so such text goes to the standard library. Both keep integers of any
size that Python allows. Reading refuses NaN, which is not JSON; with a doubled key the last wins.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final, NoReturn

import msgspec

from trunkline.wire.frames import MAX_DEPTH, WireError

__all__ = ["dumps", "exactly", "loads"]

_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode
_CONTAINERS: Final = (dict, list)


def loads(text: bytes | str) -> Any:
    """The value of a JSON text.

    Raises `WireError` for what is not JSON or not UTF-8, for nesting deeper than 128, and for
    numbers that Python cannot hold.
    """
    try:
        value = _decode(text)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        value = _loads_with_lone_surrogates(text, error)
    if _openers(text) > MAX_DEPTH:
        _check_depth(value)
    return value


def dumps(value: Any) -> bytes:
    """The JSON text of a value, compact, in UTF-8; text with a lone surrogate is escaped.

    NaN and infinities become null: refuse them where values enter from outside.
    Raises `WireError` for values that JSON has no form for and for nesting that has no end.
    """
    try:
        try:
            return _encode(value)
        except UnicodeEncodeError:
            return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    except RecursionError:
        raise WireError("the value is nested too deeply to be written as JSON") from None
    except (TypeError, ValueError, OverflowError) as error:
        raise WireError(f"the value cannot be written as JSON: {error}") from None


def exactly(value: Any) -> bytes:
    """What `dumps` gives, but refusing what it would write as null. Raises `WireError`."""
    text = dumps(value)
    if b"null" in text and not _finite_throughout(value):
        raise WireError("NaN and infinities cannot be written as JSON")
    return text


def _finite_throughout(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_finite_throughout, value.values()))
    return all(map(_finite_throughout, value)) if isinstance(value, list | tuple) else True


def _loads_with_lone_surrogates(text: bytes | str, error: ValueError) -> Any:
    escapes = b"\\u" in text if isinstance(text, bytes) else not text.isascii() or "\\u" in text
    if not escapes:
        raise _not_json(error) from None
    try:
        shown = text.decode() if isinstance(text, bytes) else text
        return json.loads(shown, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise _not_json(error) from None


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("Number out of range")
    return number


def _openers(text: bytes | str) -> int:
    """How many brackets open in the text, at most as deep as which it can nest."""
    if isinstance(text, bytes):
        return text.count(b"[") + text.count(b"{")
    return text.count("[") + text.count("{")


def _check_depth(value: Any) -> None:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, _CONTAINERS)
        ]
        if not level:
            return
    raise _too_deep()


def _not_json(error: ValueError) -> WireError:
    if isinstance(error, UnicodeDecodeError):
        return WireError(f"the text is not UTF-8: {error.reason} at byte {error.start}")
    return WireError(f"the text is not JSON: {error}")


def _too_deep() -> WireError:
    return WireError(f"the JSON is nested deeper than {MAX_DEPTH}")
