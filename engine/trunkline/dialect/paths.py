"""Paths of doors: patterns with places that a client fills in.

`/v1beta/models/{model}:{method:generateContent|streamGenerateContent}` captures `model` and
`method`. `{name}` takes one or more signs but a slash; `{name:glob|glob}` only what one of the
globs matches. Patterns are held against the path as it was sent, and what they capture is
percent-decoded afterwards, so that an encoded slash stays inside its place.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

__all__ = ["MAX_PATH", "PathPattern"]

MAX_PATH: Final = 4096
"""Signs of a path that is held against patterns with places; longer ones match none."""

MAX_FREE: Final = 2
"""Runs of any signs in one segment of a pattern: a long path costs steps by their power."""

_ENDS: Final = r"(?=/|\Z)"
"""The end of a segment. What matched one is not tried in other ways because a later one failed."""

_PLACE: Final = re.compile(r"\{([a-z][a-z0-9_]*)(?::([^{}]*))?\}")


class PathPattern:
    """One pattern. `literal` counts the signs that it spells out: more of them is more exact.

    Raises `ValueError` for a pattern that does not begin with a slash, holds a brace that
    belongs to no place, names a place twice, has a slash in a place, or leaves more than
    `MAX_FREE` runs of signs open in one segment.
    """

    __slots__ = ("_end", "_free", "_whole", "literal", "places", "text")

    def __init__(self, text: str) -> None:
        if not text.startswith("/"):
            raise ValueError("a path begins with a slash")
        self.text = text
        self.places: tuple[str, ...] = ()
        self.literal = 0
        self._free = 0
        pieces: list[str] = []
        at = 0
        for place in _PLACE.finditer(text):
            pieces.append(self._spelled(text[at : place.start()]))
            pieces.append(self._place(*place.groups()))
            at = place.end()
        pieces.append(self._spelled(text[at:]))
        source = f"(?>{''.join(pieces)}{_ENDS})"
        self._whole = re.compile(source)
        self._end = re.compile(f".*{source}", re.DOTALL)

    def match(self, path: str, *, below: bool = False) -> dict[str, str] | None:
        """What a path as it was sent puts in the places; None where it does not match. With
        `below`, the pattern may stand at the end of a longer path."""
        if self.places and len(path) > MAX_PATH:
            return None
        found = (self._end if below else self._whole).fullmatch(path)
        if found is None:
            return None
        return {name: unquote(value) for name, value in found.groupdict().items()}

    def _spelled(self, text: str) -> str:
        if "{" in text or "}" in text:
            raise ValueError(f"a brace in `{text}` belongs to no place: write {{name}}")
        self.literal += len(text)
        if "/" in text:
            self._free = 0
        return re.escape(text).replace("/", f"{_ENDS})/(?>")

    def _place(self, name: str, globs: str | None) -> str:
        if name in self.places:
            raise ValueError(f"`{{{name}}}` stands twice")
        self.places += (name,)
        ways = ["*"] if globs is None else globs.split("|")
        self._free += max(way.count("*") for way in ways)
        if "/" in "".join(ways):
            raise ValueError(f"`{{{name}}}` cannot hold a slash: it is part of one segment")
        if self._free > MAX_FREE:
            raise ValueError(
                f"`{{{name}}}` is one too many: a segment has at most {MAX_FREE} of `*`"
            )
        if globs is None:
            return f"(?P<{name}>[^/]+)"
        self.literal += min(len(way.replace("*", "")) for way in ways)
        choices = ("[^/]*".join(re.escape(part) for part in way.split("*")) for way in ways)
        return f"(?P<{name}>{'|'.join(choices)})"
