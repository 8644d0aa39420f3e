"""Several files to one document, and the names that it declares twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trunkline.config.models import ROOT_ONLY
from trunkline.config.models.file import LISTS, MAPPINGS
from trunkline.config.source import Document, Place
from trunkline.diagnostics import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trunkline.config.source import Path
    from trunkline.diagnostics import Span

__all__ = ["assemble"]

_NAMESPACE: Final = {"providers": "provider", "targets": "target"}
"""Sections whose names must differ from one another too."""


def assemble(root: Document, parts: Sequence[Document]) -> tuple[Document, list[Diagnostic]]:
    """`parts` as one document; `root`, which is one of them, gives what only a root may have.

    Sections that are mappings merge by name, lists follow one another in the order of `parts`.
    """
    found: list[Diagnostic] = []
    for part in parts:
        if part is not root:
            found += _outline(part)
    merged = (
        root if len(parts) == 1 or not isinstance(root.value, dict) else _merged(root, parts, found)
    )
    return merged, found + list(_twice(merged))


def _outline(part: Document) -> list[Diagnostic]:
    """What is wrong with an included file as a whole; its sections are checked once merged."""
    if not isinstance(part.value, dict):
        return _check(part, part.value)
    odd = {
        key: value
        for key, value in part.value.items()
        if key == "version" or not (_fits(key, value) or key in ROOT_ONLY)
    }
    found = _check(part, odd)
    for key in ROOT_ONLY:
        if key in part.value:
            hint = "move it to the root file"
            message = f"`{key}` stands only in the root file"
            found.append(Diagnostic("TL217", "error", message, part.key_span((key,)), hint))
    return found


def _check(part: Document, value: Any) -> list[Diagnostic]:
    from trunkline.config.schema import check

    return check(Document(part.name, value, part.files, part.root))


def _fits(key: str, value: Any) -> bool:
    """Whether a section of an included file can be merged, or at least needs no word here."""
    if key in MAPPINGS:
        return isinstance(value, dict)
    return isinstance(value, list) if key in LISTS else key in ("include", "media")


def _merged(root: Document, parts: Sequence[Document], found: list[Diagnostic]) -> Document:
    at = root.root
    place = Place(at.file, at.line, at.column, at.end_line, at.end_column)
    value: dict[str, Any] = {}
    place.keys, place.items = {}, {}
    for part in (root, *(part for part in parts if part is not root)):
        for key in part.value if isinstance(part.value, dict) else ():
            if key not in value and (part is root or _fits(key, part.value[key])):
                value[key] = _empty(part.value[key], key, root if key in root.value else part)
                place.keys[key] = (part.root.keys or {})[key]
                place.items[key] = _copy(part.root, key)
    for part in parts:
        _add(part, value, place, found)
    files = {name: text for part in parts for name, text in part.files.items()}
    return Document(root.name, value, files, place)


def _empty(value: Any, key: str, owner: Document) -> Any:
    """A section to be filled, unless it is none that several files share."""
    return type(value)() if _shared(key, owner) else value


def _shared(key: str, owner: Document) -> bool:
    return key in (*MAPPINGS, *LISTS) and _fits(key, owner.value.get(key))


def _copy(root: Place, key: str) -> Place:
    at = root.items[key] if isinstance(root.items, dict) else root
    place = Place(at.file, at.line, at.column, at.end_line, at.end_column)
    place.keys, place.items, place.source = at.keys, at.items, at.source
    return place


def _add(part: Document, value: dict[str, Any], place: Place, found: list[Diagnostic]) -> None:
    """Add a file's shared sections to those that are there."""
    for key in part.value if isinstance(part.value, dict) else ():
        section = part.value[key]
        into = place.child(key)
        if into is None or type(section) is not type(value[key]):
            continue
        if key in LISTS and isinstance(section, list):
            _extend(value, into, part, key)
        elif key in MAPPINGS and isinstance(section, dict):
            found += _update(value[key], into, part, key)
        elif key == "media" and value[key] is not section:
            found.append(_declared_twice(key, part.key_span((key,)), place.keys[key].span()))  # type: ignore[index]


def _extend(value: dict[str, Any], into: Place, part: Document, key: str) -> None:
    if not value[key]:
        into.items = []
    value[key] = [*value[key], *part.value[key]]
    source = part.root.child(key)
    if isinstance(into.items, list) and source is not None and isinstance(source.items, list):
        into.items = [*into.items, *source.items]


def _update(section: dict[str, Any], into: Place, part: Document, key: str) -> list[Diagnostic]:
    if not section:
        into.keys, into.items = {}, {}
    found = []
    for name, item in part.value[key].items():
        if name in section:
            first = (into.keys or {})[name].span()
            found.append(_declared_twice(name, part.key_span((key, name)), first))
            continue
        section[name] = item
        source = part.root.child(key)
        if source is not None and isinstance(into.items, dict) and into.keys is not None:
            into.items[name] = source.child(name) or source
            into.keys[name] = (source.keys or {})[name]
    return found


def _declared_twice(name: str, second: Span, first: Span) -> Diagnostic:
    message = f"`{name}` is declared twice"
    hint = "give one of them another name"
    return Diagnostic("TL215", "error", message, second, hint, ((first, "first here"),))


def _twice(document: Document) -> Iterator[Diagnostic]:
    """Names that two things of one document have."""
    if not isinstance(document.value, dict):
        return
    spans: dict[str, Span] = {}
    for section in _NAMESPACE:
        names = document.value.get(section)
        for name in names if isinstance(names, dict) else ():
            span = document.key_span((section, name))
            if name in spans:
                yield _declared_twice(name, *sorted((span, spans[name]), reverse=True))
            spans[name] = span
    for section in LISTS:
        yield from _twice_listed(document, (section,))
    providers = document.value.get("providers")
    for name in providers if isinstance(providers, dict) else ():
        yield from _twice_listed(document, ("providers", name, "keys"))


def _twice_listed(document: Document, path: Path) -> Iterator[Diagnostic]:
    items = document.get(path)
    spans: dict[str, Span] = {}
    for index, item in enumerate(items if isinstance(items, list) else ()):
        name = item.get("name") if isinstance(item, dict) else None
        if not isinstance(name, str):
            continue
        span = document.span((*path, index, "name"))
        if name in spans:
            yield _declared_twice(name, span, spans[name])
        else:
            spans[name] = span
