"""How much of a body is read, and what becomes of one that is compressed unasked."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from trunkline.errors import UpstreamError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MAX_BODY", "MAX_RATIO", "Body"]

MAX_BODY: Final = 64 * 1024 * 1024
"""Bytes of one response body, decoded."""

MAX_RATIO: Final = 100
"""Decoded bytes for each encoded one, once there is a mebibyte of them."""

_RATIO_FROM: Final = 1024 * 1024
_PIECE: Final = 64 * 1024
_WINDOWS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""zlib's window bits by content coding (RFC 9110, 8.4.1)."""


class Body:
    """Counts and, where it must, decompresses a body; `UpstreamError` when that goes wrong.

    We ask for no compression, but Google's endpoints compress JSON arrays all the same.
    Decompressed bytes come in small pieces, so that a bomb is noticed before it fills memory.
    """

    __slots__ = ("_decoded", "_encoded", "_inflate", "_inside", "_window", "plain")

    def __init__(self, coding: str) -> None:
        coding = coding.strip().lower()
        if coding not in ("", "identity", *_WINDOWS):
            raise UpstreamError(
                "malformed",
                f"the answer is encoded as {coding[:40]!r}, which was not asked for",
                stage="head",
            )
        self._window = _WINDOWS.get(coding, 0)
        self._inflate = zlib.decompressobj(self._window) if self._window else None
        self.plain = self._inflate is None
        """Whether the bytes are the body's as they come, so that `count` is all there is to do."""
        self._inside = False
        self._encoded = 0
        self._decoded = 0

    def take(self, chunk: bytes) -> Iterator[bytes]:
        """The decoded bytes of the next chunk, in pieces that are not empty."""
        self._encoded += len(chunk)
        if self._inflate is None:
            self.count(chunk)
            if chunk:
                yield chunk
            return
        more = bool(chunk)
        while more:
            piece, chunk = self._inflated(chunk)
            self.count(piece)
            if piece:
                yield piece
            more = bool(chunk) or (self._inside and len(piece) == _PIECE)

    def end(self) -> None:
        """The body has ended. Raises `UpstreamError` if that was inside compressed data."""
        if self._inside:
            raise UpstreamError(
                "server_error", "the answer was cut off inside its compression", stage="head"
            )

    def _inflated(self, chunk: bytes) -> tuple[bytes, bytes]:
        """One piece of decoded bytes, and what of the chunk is still to be read."""
        inflate = self._inflate
        assert inflate is not None
        try:
            piece = inflate.decompress(chunk, _PIECE)
        except zlib.error as error:
            raise UpstreamError(
                "malformed", f"the answer's compression is broken: {error}", stage="head"
            ) from None
        self._inside = not inflate.eof
        if not inflate.eof:
            return piece, inflate.unconsumed_tail
        self._inflate = zlib.decompressobj(self._window)
        return piece, inflate.unused_data

    def count(self, piece: bytes) -> None:
        """Note a piece of the decoded body. Raises `UpstreamError` when it is too much."""
        self._decoded += len(piece)
        if self._decoded > MAX_BODY:
            raise UpstreamError(
                "malformed", f"the answer is longer than {MAX_BODY} bytes", stage="head"
            )
        bomb = self._decoded > _RATIO_FROM and self._decoded > MAX_RATIO * self._encoded
        if bomb and not self.plain:
            raise UpstreamError(
                "malformed",
                f"the answer decompresses to more than {MAX_RATIO} times its size",
                stage="head",
            )
