"""A stream that is one JSON array, each element an event, given as soon as it is complete.

Elements may be pretty-printed over many lines, so brackets, strings and escapes are followed,
but nothing else of JSON's grammar: an element's text is for its reader to parse.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from trunkline.wire.frames import MAX_DEPTH, MAX_EVENT, Decoder, Frame, WireError

__all__ = ["JsonArrayDecoder", "JsonArrayEncoder"]

_STRUCTURE: Final = re.compile(rb'["{}\[\],]')
_IN_STRING: Final = re.compile(rb'["\\]')
_BLANKS: Final = b" \t\r\n"


class JsonArrayDecoder(Decoder):
    """The elements of one array as frames without names.

    Raises `WireError` for anything before, between or after the elements, an element that is
    missing, over 4 MiB or nested deeper than 128, and an array not closed when the bytes end.
    """

    __slots__ = ("_depth", "_element", "_escaped", "_in_string", "_next")

    def __init__(self) -> None:
        super().__init__()
        self._next: Literal["array", "element or end", "element", "comma", "nothing"] = "array"
        self._element = bytearray()
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def _read(self, chunk: bytes, frames: list[Frame]) -> None:
        at = self._open(chunk) if self._next == "array" else 0
        if self._next not in ("array", "nothing"):
            at = self._elements(chunk, at, frames)
        if self._next == "nothing" and chunk[at:].strip(_BLANKS):
            raise WireError("the stream goes on after the end of its JSON array")

    def _finish(self, frames: list[Frame]) -> None:
        if self._next != "nothing":
            raise WireError("the stream ended before its JSON array was closed")

    def _open(self, chunk: bytes) -> int:
        """Find the opening bracket; give the place after it."""
        rest = chunk.lstrip(_BLANKS)
        if not rest:
            return len(chunk)
        if not rest.startswith(b"["):
            raise WireError(f"the stream is not a JSON array: it begins with {rest[:20]!r}")
        self._next = "element or end"
        return len(chunk) - len(rest) + 1

    def _elements(self, chunk: bytes, at: int, frames: list[Frame]) -> int:
        """Read elements; give the place after the closing bracket, or the chunk's end."""
        begun = at
        while (at := self._mark(chunk, at)) >= 0:
            mark = chunk[at]
            at += 1
            if mark == 0x22:  # "
                self._in_string = True
            elif mark in b"{[":
                self._depth += 1
                if self._depth > MAX_DEPTH:
                    raise WireError(f"JSON in the stream is nested deeper than {MAX_DEPTH}")
            elif not self._depth:
                self._between(chunk[begun : at - 1], mark, frames)
                begun = at
                if self._next == "nothing":
                    return at
            elif mark in b"}]":
                self._depth -= 1
                if not self._depth:
                    self._take(chunk[begun:at], frames)
                    begun = at
        rest = chunk[begun:]
        self._element += rest if self._element else rest.lstrip(_BLANKS)
        if len(self._element) > MAX_EVENT:
            raise _too_long()
        return len(chunk)

    def _mark(self, chunk: bytes, at: int) -> int:
        """The place of the next structural character outside strings, or -1."""
        while self._in_string:
            if self._escaped:
                if at >= len(chunk):
                    return -1
                self._escaped = False
                at += 1
            found = _IN_STRING.search(chunk, at)
            if found is None:
                return -1
            at = found.end()
            self._escaped = self._in_string = found[0] == b"\\"
        found = _STRUCTURE.search(chunk, at)
        return -1 if found is None else found.start()

    def _between(self, text: bytes, mark: int, frames: list[Frame]) -> None:
        """A comma or a closing bracket outside elements; before it may stand a bare value."""
        if (self._element + text).strip(_BLANKS):
            self._take(text, frames)
        elif self._next == "element" or (self._next == "element or end" and mark == 0x2C):
            raise WireError("the JSON array of the stream lacks an element beside a comma")
        if mark == 0x7D:  # }
            raise WireError("the JSON array of the stream closes an object that it never opened")
        self._next = "element" if mark == 0x2C else "nothing"

    def _take(self, text: bytes, frames: list[Frame]) -> None:
        element = bytes(self._element + text).strip(_BLANKS)
        self._element.clear()
        if self._next == "comma":
            raise WireError(f"the JSON array of the stream lacks a comma before {element[:20]!r}")
        if len(element) > MAX_EVENT:
            raise _too_long()
        frames.append(Frame("", element))
        self._next = "comma"


class JsonArrayEncoder:
    """Frames to one array, separated the way Google's endpoints do it. Names are not written."""

    __slots__ = ("_begun",)

    def __init__(self) -> None:
        self._begun = False

    def encode(self, name: str, data: bytes, error: bool = False) -> bytes:
        """One element, with the bracket or comma that goes before it."""
        before = b"\n,\r\n" if self._begun else b"["
        self._begun = True
        return before + data

    def end(self) -> bytes:
        """The closing bracket; both brackets if there was no element."""
        return b"\n]" if self._begun else b"[]"


def _too_long() -> WireError:
    return WireError(f"an element of the stream's JSON array is longer than {MAX_EVENT} bytes")
