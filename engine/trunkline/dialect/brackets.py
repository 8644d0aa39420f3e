"""JSON text that comes in pieces: whether it may be whole by now."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Brackets"]

_MARKS: Final = re.compile(r"""[][{}"\\]""")


class Brackets:
    """Follows strings and brackets through a text that grows; every piece is looked at once, so
    that asking after each of them costs no more than the text."""

    __slots__ = ("_begun", "_depth", "_escaped", "_seen", "_string")

    def __init__(self) -> None:
        self._seen = 0
        self._depth = 0
        self._begun = self._string = self._escaped = False

    def closed(self, pieces: Sequence[str]) -> bool:
        """Whether something has come, and no string and no bracket of it is open. `pieces` are
        all that have come; they only grow."""
        for piece in pieces[self._seen :]:
            self._follow(piece)
        self._seen = len(pieces)
        return self._begun and not self._string and not self._depth

    def _follow(self, piece: str) -> None:
        self._begun = self._begun or bool(piece.strip())
        escaped_at = 0 if self._escaped and piece else -1
        self._escaped = self._escaped and not piece
        for mark in _MARKS.finditer(piece):
            at, sign = mark.start(), mark[0]
            if at == escaped_at:
                continue
            if sign == "\\":
                escaped_at = at + 1 if self._string else -1
                self._escaped = self._string and escaped_at == len(piece)
            elif sign == '"':
                self._string = not self._string
            elif not self._string:
                self._depth = self._depth + 1 if sign in "[{" else max(self._depth - 1, 0)
