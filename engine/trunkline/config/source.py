"""YAML text to plain values, with a place in the text for every key and item.

The language is YAML 1.2 as `ruamel.yaml`'s pure parser reads it, with the core schema's
scalars and nothing else: `no` and `2023-06-01` are text, `010` is the number 10. Keys are
always text, as written (`429:` is the key `"429"`). Anchors, aliases and `<<` work; tags,
directives, duplicate keys and a second document are findings (TL1xx). Text is hostile until
read: size, depth and the number of values that aliases expand to are bounded, and nothing here
raises.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from trunkline.diagnostics import Diagnostic, Span, sort

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Document", "Path", "Place", "merge", "parse"]

_PROPERTIES: Final = re.compile(r"\A(?:[&!]\S*\s*)+")

Path = tuple[str | int, ...]
"""Where a value stands in a document: keys and list positions, from the root."""


class Place:
    """Where one value was written, with the places of what it holds.

    `items` and `keys` are None for a scalar; `source` is where an alias' value really stands.
    """

    __slots__ = ("column", "end_column", "end_line", "file", "items", "keys", "line", "source")

    def __init__(self, file: str, line: int, column: int, end_line: int, end_column: int) -> None:
        self.file = file
        self.line = line
        self.column = column
        self.end_line = end_line
        self.end_column = end_column
        self.keys: dict[str, Place] | None = None
        self.items: dict[str, Place] | list[Place] | None = None
        self.source: Place = self

    def child(self, step: str | int) -> Place | None:
        """The place of one item, if there is one."""
        items = self.items
        if isinstance(items, dict):
            return items.get(step) if isinstance(step, str) else None
        if isinstance(items, list) and isinstance(step, int) and -len(items) <= step < len(items):
            return items[step]
        return None

    def span(self) -> Span:
        """The same as a range for diagnostics, which count from 1."""
        return Span(
            self.file, self.line + 1, self.column + 1, self.end_line + 1, self.end_column + 1
        )


class Document:
    """Plain values, and where in which file each of them was written.

    `value` is made of dicts with text keys, lists, text, numbers, booleans and None; parts that
    come from one anchor are shared, so treat it as read-only. `files` maps each file's shown
    name to its text.
    """

    __slots__ = ("files", "name", "root", "value")

    def __init__(self, name: str, value: Any, files: Mapping[str, str], root: Place) -> None:
        self.name = name
        self.value = value
        self.files = files
        self.root = root

    def _place(self, path: Path) -> tuple[Place, bool]:
        """The place at `path`, or of the nearest ancestor, and whether it is the exact one."""
        place = self.root
        for step in path:
            child = place.child(step)
            if child is None:
                return place, False
            place = child
        return place, True

    def span(self, path: Path = ()) -> Span:
        """Where the value at `path` is written, or, if it is not there, what would hold it."""
        return self._place(path)[0].span()

    def key_span(self, path: Path) -> Span:
        """Where the last key of `path` is written; a list item's own place otherwise."""
        if path:
            parent, exact = self._place(path[:-1])
            if exact and parent.keys is not None and path[-1] in parent.keys:
                return parent.keys[str(path[-1])].span()
        return self.span(path)

    def raw(self, path: Path) -> str | None:
        """The scalar at `path` as it is written, quotes included and without its anchor or tag;
        None for anything else."""
        place, exact = self._place(path)
        if not exact or place.items is not None:
            return None
        place = place.source
        lines = _lines(self.files[place.file])[place.line : place.end_line + 1]
        if not lines:
            return ""
        lines[-1] = lines[-1][: place.end_column]
        lines[0] = lines[0][place.column :]
        return _PROPERTIES.sub("", "\n".join(lines))

    def get(self, path: Path, default: Any = None) -> Any:
        """The value at `path`, or `default` if it is not there."""
        value = self.value
        for step in path:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return default
        return value

    def sub(self, path: Path) -> Document:
        """The same document seen from `path`, which must exist."""
        place, exact = self._place(path)
        if not exact:
            raise KeyError(path)
        return Document(self.name, self.get(path), self.files, place)


@lru_cache(maxsize=32)
def _lines(text: str) -> list[str]:
    return text.split("\n")


def merge(base: Document, over: Document, joined: Sequence[Path] = ()) -> Document:
    """`over` laid on `base`: mappings merge by key, null deletes, everything else replaces.

    A list at one of the `joined` paths does not replace: its items come before those of `base`.
    """
    value, place = _merge(base.value, base.root, over.value, over.root, (), joined)
    return Document(over.name, value, {**base.files, **over.files}, place)


def _merge(
    base: Any, base_at: Place, over: Any, over_at: Place, path: Path, joined: Sequence[Path]
) -> tuple[Any, Place]:
    if path in joined and isinstance(base, list) and isinstance(over, list):
        return [*over, *base], _spanning(over_at, [*_listed(over_at), *_listed(base_at)])
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over, over_at
    value = dict(base)
    keys, items = dict(base_at.keys or {}), _items(base_at)
    for key, new in over.items():
        at = _items(over_at)[key]
        if new is None:
            value.pop(key, None)
            continue
        if key in value:
            inside = (*path, key)
            value[key], items[key] = _merge(value[key], items[key], new, at, inside, joined)
        else:
            value[key], items[key] = new, at
        keys[key] = (over_at.keys or {})[key]
    place = _spanning(over_at, items)
    place.keys = keys
    return value, place


def _spanning(at: Place, items: dict[str, Place] | list[Place]) -> Place:
    """A place of its own where `at` is, that holds these."""
    place = Place(at.file, at.line, at.column, at.end_line, at.end_column)
    place.items = items
    return place


def _listed(place: Place) -> list[Place]:
    return list(place.items) if isinstance(place.items, list) else []


def _items(place: Place) -> dict[str, Place]:
    return dict(place.items) if isinstance(place.items, dict) else {}


def parse(text: bytes | str, name: str) -> tuple[Document | None, list[Diagnostic]]:
    """Read one YAML document. `name` is the file as diagnostics should show it.

    Gives the document, unless it cannot be read to its end, and every finding, sorted.
    """
    from trunkline.config.compose import compose
    from trunkline.config.scan import UnreadableError, decode

    found: list[Diagnostic] = []
    document = None
    try:
        document = compose(decode(text, name), name, found)
    except UnreadableError as unreadable:
        found.append(unreadable.finding)
    return document, sort(found)
