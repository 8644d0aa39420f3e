"""What every framing gives and takes: frames, and the shape of a decoder and an encoder.

Pure protocol code: bytes go in and frames come out, or the other way round. No sockets, no
clock, no JSON; what a frame's data means is a dialect's business.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from trunkline.errors import TrunklineError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "MAX_DEPTH",
    "MAX_EVENT",
    "MAX_LINE",
    "Decoder",
    "Encoder",
    "Frame",
    "Framing",
    "WireError",
]

MAX_LINE: Final = 1024 * 1024
"""Bytes in one line of an event stream."""

MAX_EVENT: Final = 4 * 1024 * 1024
"""Bytes in one event, whatever the framing."""

MAX_DEPTH: Final = 128
"""How deep arrays and objects may nest in JSON."""


class WireError(TrunklineError):
    """Bytes that break the rules of their wire format, or go beyond a limit on size or depth."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One event of a stream.

    `name` is the event's name where the framing has names, else empty; `data` its payload as it
    came; `error` is true where the framing itself marks the event as an error.
    """

    name: str
    data: bytes
    error: bool = False


class Decoder(ABC):
    """Bytes in, frames out. However the bytes are cut into chunks, the frames are the same.

    After a `WireError` the stream is lost: every later call raises it again. Frames that were
    complete before the fault are given first, and the error with the next call.
    """

    __slots__ = ("_error",)

    def __init__(self) -> None:
        self._error: WireError | None = None

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take the next bytes; give the frames that they complete. Raises `WireError`."""
        if self._error is not None:
            raise self._error
        frames: list[Frame] = []
        try:
            self._read(chunk, frames)
        except WireError as error:
            self._error = error
            if not frames:
                raise
        return frames

    def end(self) -> list[Frame]:
        """The bytes have ended; give what is left. Raises `WireError` if they ended too early."""
        if self._error is not None:
            raise self._error
        frames: list[Frame] = []
        self._finish(frames)
        return frames

    @abstractmethod
    def _read(self, chunk: bytes, frames: list[Frame]) -> None: ...

    @abstractmethod
    def _finish(self, frames: list[Frame]) -> None:
        """Add what is left or raise, but not both: nobody would see the error."""


class Encoder(Protocol):
    """Frames in, bytes out."""

    def encode(self, name: str, data: bytes, error: bool = False) -> bytes:
        """One event's bytes. Raises `WireError` for what the framing cannot say."""
        ...

    def end(self) -> bytes:
        """The bytes that close the stream; empty for framings that just stop."""
        ...


@dataclass(frozen=True, slots=True)
class Framing:
    """A way to cut a stream of bytes into events: its media type, and how to read and write it.

    `ping` says that a stream is alive and nothing else; empty where the framing has no words for
    that.
    """

    name: str
    content_type: str
    decoder: Callable[[], Decoder]
    encoder: Callable[[], Encoder]
    ping: bytes = b""
