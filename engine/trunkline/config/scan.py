"""What stands before the parser: hostile bytes to checked text, and what a plain scalar means."""

from __future__ import annotations

import codecs
import re
from typing import Any, Final

from trunkline.diagnostics import Diagnostic, Span

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_NODES",
    "NotJSONError",
    "UnreadableError",
    "decode",
    "scalar",
]

MAX_BYTES: Final = 2 * 1024 * 1024
MAX_DEPTH: Final = 64
MAX_NODES: Final = 200_000
MAX_DIGITS: Final = 400
"""Above this a number is a mistake or an attack: Python's own limit is 4,300 digits."""


class UnreadableError(Exception):
    """Reading cannot go on; `finding` says why. `source.parse` turns it into a result."""

    def __init__(self, finding: Diagnostic) -> None:
        self.finding = finding


class NotJSONError(Exception):
    """A number that JSON cannot carry."""


def decode(text: bytes | str, name: str) -> str:
    """The text of a file with `\n` for line ends and no byte order mark.

    Raises `UnreadableError`: too large, not UTF-8, or a character that YAML forbids.
    """
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        hint = f"{MAX_BYTES:,} bytes are the limit; split it with `include:`"
        raise _unreadable("TL103", f"the file has {size:,} bytes", Span(name), hint)
    whole = _utf8(text, name) if isinstance(text, bytes) else text
    whole = whole.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    bad = UNPRINTABLE.search(whole)
    if bad:
        line = whole.count("\n", 0, bad.start()) + 1
        column = bad.start() - (whole.rfind("\n", 0, bad.start()) + 1) + 1
        span = Span(name, line, column, line, column + 1)
        message = f"the character U+{ord(bad.group()):04X} is not allowed in YAML"
        raise _unreadable("TL102", message, span, 'write it as an escape in double quotes: "\\x1b"')
    return whole


def _unreadable(code: str, message: str, span: Span, hint: str) -> UnreadableError:
    return UnreadableError(Diagnostic(code, "error", message, span, hint))


def _utf8(text: bytes, name: str) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        before = text[: error.start].decode("utf-8")
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        hint = "save the file as UTF-8"
        if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            hint = "this is UTF-16; save the file as UTF-8"
        message = f"the byte 0x{text[error.start]:02x} is not UTF-8"
        raise _unreadable(
            "TL101", message, Span(name, line, column, line, column + 1), hint
        ) from None


UNPRINTABLE: Final = re.compile(
    "[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
"""What YAML 1.2 (section 5.1) forbids, and a byte order mark that is not at the start."""

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS: Final = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INT: Final = re.compile(r"[-+]?[0-9]+\Z|0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NO_NUMBER: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
_STARTS_NUMBER: Final = frozenset("0123456789-+.")


def scalar(text: str) -> Any:
    """The value of a plain scalar under the core schema (YAML 1.2.2, section 10.3.2).

    Raises `NotJSONError` for infinities, NaN and numbers of absurd length.
    """
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if text[0] not in _STARTS_NUMBER:
        return text
    if _INT.match(text):
        if len(text) > MAX_DIGITS:
            raise NotJSONError
        return int(text, {"o": 8, "x": 16}.get(text[1:2], 10))
    if _FLOAT.match(text):
        number = float(text)
        if number in (float("inf"), float("-inf")):
            raise NotJSONError
        return number
    if _NO_NUMBER.match(text):
        raise NotJSONError
    return text
