"""Server-sent events (WHATWG HTML, section 9.2), as model providers send them.

Lines end in LF, CR or CRLF and nowhere else: U+2028, U+2029 and U+0085 are data. A byte order
mark may lead. Comments, `id` and `retry` carry nothing for us; an event without data is a
keep-alive and is dropped. Fields may come in any order. Where the standard drops an event that
the end of the body leaves without its blank line, this decoder gives it: some providers end
their last event so, and half an event does not pass for JSON, so a cut is still noticed.
"""

from __future__ import annotations

from trunkline.wire.frames import MAX_EVENT, MAX_LINE, Decoder, Frame, WireError

__all__ = ["SseDecoder", "SseEncoder"]

_MARK = b"\xef\xbb\xbf"


class SseDecoder(Decoder):
    """Event stream bytes to frames; `Frame.name` is the `event` field, empty if there was none.

    Raises `WireError` for a line over 1 MiB and for an event over 4 MiB.
    """

    __slots__ = ("_after_cr", "_data", "_has_data", "_name", "_partial", "_start")

    def __init__(self) -> None:
        super().__init__()
        self._start: bytes | None = b""
        self._after_cr = False
        self._partial = bytearray()
        self._name = ""
        self._data = bytearray()
        self._has_data = False

    def _read(self, chunk: bytes, frames: list[Frame]) -> None:
        if self._start is not None:
            chunk = self._without_mark(self._start + chunk)
        if self._after_cr or b"\r" in chunk:
            chunk = self._with_plain_newlines(chunk)
        start = 0
        if self._partial or self._has_data or self._name:
            start = self._read_on(chunk, frames)
        stop = chunk.rfind(b"\n\n", start)
        if stop >= 0:
            for event in chunk[start:stop].split(b"\n\n"):
                self._event(event, frames)
            start = stop + 2
        if start < len(chunk):
            self._lines(chunk[start:], frames)

    def _finish(self, frames: list[Frame]) -> None:
        if self._start:
            self._partial += self._start
        self._line(bytes(self._partial), frames)
        self._dispatch(frames)

    def _without_mark(self, head: bytes) -> bytes:
        if len(head) < len(_MARK) and _MARK.startswith(head):
            self._start = head
            return b""
        self._start = None
        return head.removeprefix(_MARK)

    def _with_plain_newlines(self, chunk: bytes) -> bytes:
        """Every line end as LF. A CR counts at once, and a LF that follows it later is dropped."""
        if not chunk:
            return chunk
        if self._after_cr and chunk[0] == 0x0A:
            chunk = chunk[1:]
            self._after_cr = False
            if not chunk:
                return chunk
        self._after_cr = chunk[-1] == 0x0D
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _read_on(self, chunk: bytes, frames: list[Frame]) -> int:
        """Go on with the event that an earlier chunk began; give how much of this one it took."""
        if not self._partial and chunk.startswith(b"\n"):
            stop = 1
        else:
            stop = chunk.find(b"\n\n") + 2
            if stop < 2:
                stop = len(chunk)
        self._lines(chunk[:stop], frames)
        return stop

    def _event(self, event: bytes, frames: list[Frame]) -> None:
        """One whole event. The two usual forms are read without looking at each line."""
        name, data = b"", event
        if event.startswith(b"event: "):
            name, _, data = event.partition(b"\n")
        if data.startswith(b"data: ") and b"\n" not in data:
            if len(data) > MAX_LINE or len(name) > MAX_LINE:
                raise _line_too_long()
            if len(data) > 6:
                frames.append(Frame(name[7:].decode("utf-8", "replace"), data[6:]))
            return
        for line in event.split(b"\n"):
            self._line(line, frames)
        self._dispatch(frames)

    def _lines(self, text: bytes, frames: list[Frame]) -> None:
        first, newline, rest = text.partition(b"\n")
        if newline:
            self._line(bytes(self._partial) + first, frames)
            *lines, rest = rest.split(b"\n")
            for line in lines:
                self._line(line, frames)
            self._partial = bytearray(rest)
        else:
            self._partial += first
        if len(self._partial) > MAX_LINE:
            raise _line_too_long()

    def _line(self, line: bytes, frames: list[Frame]) -> None:
        if not line:
            self._dispatch(frames)
            return
        if len(line) > MAX_LINE:
            raise _line_too_long()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            if self._has_data:
                self._data += b"\n"
            self._data += value
            self._has_data = True
            if len(self._data) > MAX_EVENT:
                raise WireError(f"an event of the stream is longer than {MAX_EVENT} bytes")
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")

    def _dispatch(self, frames: list[Frame]) -> None:
        if self._data:
            frames.append(Frame(self._name, bytes(self._data)))
            self._data = bytearray()
        self._has_data = False
        self._name = ""


class SseEncoder:
    """Frames to event stream bytes."""

    __slots__ = ()

    def encode(self, name: str, data: bytes, error: bool = False) -> bytes:
        """One event; an empty name writes no `event` field, data of many lines as many fields.

        Raises `WireError` for a name with a line end in it. An error is said by its name only.
        """
        if b"\n" in data or b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            data = data.replace(b"\n", b"\ndata: ")
        if not name:
            return b"data: %b\n\n" % data
        if "\n" in name or "\r" in name:
            raise WireError(f"an event name cannot hold a line end: {name!r}")
        return b"event: %b\ndata: %b\n\n" % (name.encode(), data)

    def end(self) -> bytes:
        """Nothing: an event stream ends with its body."""
        return b""


def _line_too_long() -> WireError:
    return WireError(f"a line of the event stream is longer than {MAX_LINE} bytes")
