"""Newline-delimited JSON: one JSON text a line, blank lines ignored."""

from __future__ import annotations

from trunkline.wire.frames import MAX_EVENT, Decoder, Frame, WireError

__all__ = ["NdjsonDecoder", "NdjsonEncoder"]


class NdjsonDecoder(Decoder):
    """Lines to frames without names. Raises `WireError` for a line over 4 MiB."""

    __slots__ = ("_partial",)

    def __init__(self) -> None:
        super().__init__()
        self._partial = bytearray()

    def _read(self, chunk: bytes, frames: list[Frame]) -> None:
        first, newline, rest = chunk.partition(b"\n")
        if newline:
            self._line(bytes(self._partial) + first, frames)
            *lines, rest = rest.split(b"\n")
            for line in lines:
                self._line(line, frames)
            self._partial = bytearray(rest)
        else:
            self._partial += first
        if len(self._partial) > MAX_EVENT:
            raise _too_long()

    def _finish(self, frames: list[Frame]) -> None:
        self._line(bytes(self._partial), frames)

    def _line(self, line: bytes, frames: list[Frame]) -> None:
        if len(line) > MAX_EVENT:
            raise _too_long()
        line = line.strip(b" \t\r")
        if line:
            frames.append(Frame("", line))


class NdjsonEncoder:
    """Frames to lines. Names are not written: the framing has none."""

    __slots__ = ()

    def encode(self, name: str, data: bytes, error: bool = False) -> bytes:
        """One line. Line ends inside the JSON text become blanks, which mean the same there."""
        return data.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n"

    def end(self) -> bytes:
        """Nothing: the stream ends with its body."""
        return b""


def _too_long() -> WireError:
    return WireError(f"a line of the stream is longer than {MAX_EVENT} bytes")
