"""The parser's events to values and places. `source.parse` is the way in."""

from __future__ import annotations

import re
from typing import Any, Final

from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from trunkline.config import mistakes
from trunkline.config.events import TOO_DEEP, events
from trunkline.config.scan import (
    MAX_DEPTH,
    MAX_NODES,
    UNPRINTABLE,
    NotJSONError,
    UnreadableError,
    scalar,
)
from trunkline.config.source import Document, Place
from trunkline.diagnostics import Diagnostic, Span

__all__ = ["compose"]

_STR: Final = "tag:yaml.org,2002:str"
_SEQ: Final = "tag:yaml.org,2002:seq"
_MAP: Final = "tag:yaml.org,2002:map"


def compose(text: str, name: str, found: list[Diagnostic]) -> Document:
    """The one document in `text`. Findings that do not stop the reading go to `found`.

    Raises `UnreadableError` where it cannot be read on.
    """
    return _Reader(text, name, found).read()


class _Anchor:
    """What an anchor names; `done` once its last item is read."""

    __slots__ = ("done", "place", "size", "value")

    def __init__(self, place: Place) -> None:
        self.done = False
        self.value: Any = None
        self.place = place
        self.size = 0


class _Reader:
    """Builds values, places and sizes. A size counts values with aliases expanded."""

    def __init__(self, text: str, name: str, found: list[Diagnostic]) -> None:
        self.text = text
        self.name = name
        self.found = found
        self.lines = text.split("\n")
        self.anchors: dict[str, _Anchor] = {}
        self.depth = 0
        self.flows: list[Place] = []
        self.last = Place(name, 0, 0, 0, 0)
        self.next = events(text).__next__

    def read(self) -> Document:
        try:
            return self._document()
        except YAMLError as error:
            opened = self.flows[-1].span() if self.flows else None
            raise UnreadableError(mistakes.explain(error, self.lines, self.name, opened)) from None
        except (ValueError, OverflowError, AttributeError, IndexError, TypeError):
            # The scanner meets some malformed escapes with Python's own errors and no place.
            message = "this cannot be read as YAML"
            raise UnreadableError(self._error("TL100", message, self.last.span())) from None

    def _error(self, code: str, message: str, span: Span, hint: str = "") -> Diagnostic:
        return Diagnostic(code, "error", message, span, hint)

    def _document(self) -> Document:
        self.next()
        event = self.next()
        if isinstance(event, StreamEndEvent):
            raise UnreadableError(self._empty(Span(self.name)))
        if event.version or event.tags:
            raise UnreadableError(self._first_directive())
        value, place, _ = self._node(self.next())
        if value is None and place.items is None:
            raise UnreadableError(self._empty(place.span()))
        self.next()
        event = self.next()
        if isinstance(event, DocumentStartEvent):
            hint = "a file is one document; put the other one into a file of its own"
            span = self._span(event)
            raise UnreadableError(self._error("TL111", "a second document begins here", span, hint))
        return Document(self.name, value, {self.name: self.text}, place)

    def _empty(self, span: Span) -> Diagnostic:
        return self._error("TL113", "the file is empty", span, "begin with `version: 1`")

    def _first_directive(self) -> Diagnostic:
        for row, line in enumerate(self.lines, start=1):
            if line.startswith("%"):
                return mistakes.directive(Span(self.name, row, 1, row, 1 + len(line.rstrip())))
        return mistakes.directive(Span(self.name))

    def _place(self, event: Any) -> Place:
        start, end = event.start_mark, event.end_mark
        return Place(self.name, start.line, start.column, end.line, end.column)

    def _span(self, event: Any) -> Span:
        return self._place(event).span()

    def _node(self, event: Any) -> tuple[Any, Place, int]:
        if isinstance(event, AliasEvent):
            return self._alias(event)
        place = self.last = self._place(event)
        anchor = None
        if event.anchor is not None:
            anchor = self.anchors[event.anchor] = _Anchor(place)
        if isinstance(event, ScalarEvent):
            value, size = self._scalar(event, place), 1
        else:
            value, size = self._collection(event, place)
        if anchor is not None:
            anchor.done, anchor.value, anchor.size = True, value, size
        return value, place, size

    def _collection(self, event: Any, place: Place) -> tuple[Any, int]:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise UnreadableError(mistakes.too_deep(TOO_DEEP, place.span()))
        if event.flow_style:
            self.flows.append(place)
        is_list = isinstance(event, SequenceStartEvent)
        if event.tag not in (None, "!", _SEQ if is_list else _MAP):
            self._refuse_tag(event)
        value, size = self._list(event, place) if is_list else self._mapping(event, place)
        if event.flow_style:
            self.flows.pop()
        self.depth -= 1
        return value, size

    def _alias(self, event: Any) -> tuple[Any, Place, int]:
        anchor = self.anchors.get(event.anchor)
        place = self._place(event)
        if anchor is None:
            line = self.lines[place.line]
            known = list(self.anchors)
            raise UnreadableError(mistakes.unknown_alias(event.anchor, known, line, place.span()))
        if not anchor.done:
            message = f"`*{event.anchor}` stands inside what `&{event.anchor}` names"
            hint = "a value cannot hold itself; write it out, or name an inner part"
            raise UnreadableError(self._error("TL110", message, place.span(), hint))
        place.keys, place.items = anchor.place.keys, anchor.place.items
        place.source = anchor.place.source
        return anchor.value, place, anchor.size

    def _check_size(self, size: int, place: Place) -> None:
        if size > MAX_NODES:
            message = f"more than {MAX_NODES:,} values once aliases are expanded"
            raise UnreadableError(self._error("TL105", message, place.span(), "use fewer aliases"))

    def _scalar(self, event: Any, place: Place) -> Any:
        text, style, tag = event.value, event.style, event.tag
        if style in ("|", ">"):
            self._trim(place)
        elif style == '"' and UNPRINTABLE.search(text) and _lone_surrogate(text):
            message = "half of a surrogate pair is not a character"
            hint = "write the character itself, or both halves of it as one \\U escape"
            self.found.append(self._error("TL102", message, place.span(), hint))
            return ""
        if tag not in (None, "!", _STR):
            self._refuse_tag(event)
        if style or tag is not None:
            return text
        try:
            return scalar(text)
        except NotJSONError:
            shown = f"`{text}`" if len(text) < 40 else f"of {len(text):,} characters"
            message = f"JSON cannot carry the number {shown}"
            hint = "quote it if text is meant"
            self.found.append(self._error("TL114", message, place.span(), hint))
            return 0

    def _trim(self, place: Place) -> None:
        """A block scalar's end mark lies where the next content begins: step back."""
        last = min(place.end_line, len(self.lines) - 1)
        if last > place.line:
            last -= 1
        while last > place.line and not self.lines[last].strip():
            last -= 1
        place.end_line, place.end_column = last, len(self.lines[last])

    def _refuse_tag(self, event: Any) -> None:
        start = event.start_mark
        written = re.compile(r"![^\s,\[\]{}]*").search(self.lines[start.line], start.column)
        column = written.start() if written else start.column
        span = Span(self.name, start.line + 1, column + 1, start.line + 1, column + 2)
        self.found.append(mistakes.tag(written.group() if written else "!", span))

    def _list(self, event: Any, place: Place) -> tuple[list[Any], int]:
        values: list[Any] = []
        items: list[Place] = []
        place.items = items
        size = 1
        while not isinstance(end := self.next(), SequenceEndEvent):
            value, item, count = self._node(end)
            values.append(value)
            items.append(item)
            size += count
            self._check_size(size, place)
        _close(place, event, end, items[-1] if items else None)
        return values, size

    def _mapping(self, event: Any, place: Place) -> tuple[dict[str, Any], int]:
        values: dict[str, Any] = {}
        keys: dict[str, Place] = {}
        items: dict[str, Place] = {}
        place.keys, place.items = keys, items
        merged: tuple[Any, Place, Place] | None = None
        last: Place | None = None
        size = 1
        while not isinstance(head := self.next(), MappingEndEvent):
            key, key_at = self._key(head)
            value, last, count = self._node(self.next())
            size += count + 1
            self._check_size(size, place)
            if key is None:
                continue
            if key in keys:
                self._duplicate(key, key_at, keys[key])
                continue
            keys[key] = key_at
            if key == "<<" and isinstance(head, ScalarEvent) and not head.style:
                merged = value, last, key_at
            else:
                values[key], items[key] = value, last
        _close(place, event, head, last)
        if merged is not None:
            del keys["<<"]
            self._merge_in(values, place, *merged)
        return values, size

    def _key(self, event: Any) -> tuple[str | None, Place]:
        """A key as text (None if it is none) and its place."""
        if isinstance(event, ScalarEvent):
            if event.value == "" and not event.style:
                message = "a key is missing before this colon"
                place = self._place(event)
                if self.lines[place.line][: place.column].endswith(":"):
                    place.column -= 1
                hint = 'write the key, or `"":` if it is the empty text'
                self.found.append(self._error("TL107", message, place.span(), hint))
                return None, place
            _, place, _ = self._node(event)
            return event.value, place
        unquoted = mistakes.braces(self.lines, self.name, event)
        if unquoted is not None:
            raise UnreadableError(unquoted)
        value, place, _ = self._node(event)
        if isinstance(event, AliasEvent) and isinstance(value, str):
            return value, place
        hint = "write the key as text, in quotes if need be"
        self.found.append(self._error("TL107", "a key must be text", place.span(), hint))
        return None, place

    def _duplicate(self, key: str, at: Place, first: Place) -> None:
        message = f"the key `{key[:80]}` stands here twice"
        related = ((first.span(), "first here"),)
        finding = Diagnostic("TL106", "error", message, at.span(), "keep one of them", related)
        self.found.append(finding)

    def _merge_in(
        self, values: dict[str, Any], into: Place, value: Any, at: Place, key: Place
    ) -> None:
        """`<<`: what is written beside it wins, then earlier mappings over later ones."""
        sources = [(value, at)]
        if isinstance(value, list) and isinstance(at.items, list):
            sources = list(zip(value, at.items, strict=True))
        for source, place in sources:
            if not isinstance(source, dict):
                hint = "write `<<: *name`, or a list of such aliases"
                span = (key if place is at else place).span()
                self.found.append(self._error("TL115", "`<<` takes a mapping", span, hint))
                continue
            for name in source:
                if name not in values:
                    values[name] = source[name]
                    _adopt(into, place, name)


def _adopt(into: Place, place: Place, name: str) -> None:
    """Give `into` the places of one key of `place`."""
    if isinstance(into.items, dict) and isinstance(place.items, dict) and into.keys is not None:
        into.items[name] = place.items[name]
        into.keys[name] = (place.keys or {})[name]


def _close(place: Place, event: Any, end: Any, last: Place | None) -> None:
    """A block ends with its last item, a flow collection with its bracket."""
    if event.flow_style or last is None:
        place.end_line, place.end_column = end.end_mark.line, end.end_mark.column
    else:
        place.end_line, place.end_column = last.end_line, last.end_column


def _lone_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
