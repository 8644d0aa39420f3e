"""Variables put into a document, and its `${file:…}` made absolute.

A variable is put in where the whole scalar is `${var:NAME}`; what it holds may be any value and
may itself refer to other variables. The place stays that of the reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trunkline.config.models import REFERABLE
from trunkline.config.references import Reference, meant, misuse
from trunkline.config.scan import MAX_NODES, NotJSONError, scalar
from trunkline.config.source import Document, Place
from trunkline.diagnostics import Diagnostic, Span, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path as FilePath

__all__ = ["bind"]


def bind(
    document: Document, folders: Mapping[str, FilePath], variables: Mapping[str, str]
) -> tuple[Document, list[Diagnostic]]:
    """The document with its variables put in, and every finding.

    `folders` says where each file of the document is; `variables` are texts by name that replace
    declared values, read as YAML where the declared value is not text.
    """
    if not isinstance(document.value, dict):
        return document, []
    binder = _Binder(document, folders)
    binder.set(variables)
    if not variables and not any("${" in text for text in document.files.values()):
        return document, binder.found
    value, place = binder.sections()
    return Document(document.name, value, document.files, place), binder.found


class _Binder:
    def __init__(self, document: Document, folders: Mapping[str, FilePath]) -> None:
        self.document = document
        self.folders = folders
        self.found: list[Diagnostic] = []
        declared = document.value.get("vars")
        self.values: dict[str, Any] = dict(declared) if isinstance(declared, dict) else {}
        self.busy: list[str] = []
        self.bound: dict[str, tuple[Any, Place, int]] = {}
        self.nodes = 0

    def set(self, variables: Mapping[str, str]) -> None:
        """Take the values given on the command line."""
        for name, text in variables.items():
            if name not in self.values:
                message = f"`--var {name}` sets no variable of this document"
                self.found.append(self._unknown(name, message, Span(self.document.name)))
                continue
            declared = self.values[name]
            try:
                self.values[name] = text if isinstance(declared, str) else scalar(text)
            except NotJSONError:
                self.values[name] = text

    def _unknown(self, name: str, message: str, span: Span) -> Diagnostic:
        near = did_you_mean(name, self.values)
        known = (
            f"declared variables: {', '.join(self.values)}"
            if self.values
            else "declare it under `vars:`"
        )
        return Diagnostic(
            "TL214", "error", message, span, f"did you mean `{near}`?" if near else known
        )

    def sections(self) -> tuple[dict[str, Any], Place]:
        root = self.document.root
        place = _copy(root)
        value = dict(self.document.value)
        items = dict(root.items) if isinstance(root.items, dict) else {}
        if "vars" in items:
            self._check(value["vars"], items["vars"])
        for key in REFERABLE:
            if key in value and key in items:
                value[key], items[key] = self.walk(value[key], items[key])
        place.keys, place.items = root.keys, items
        return value, place

    def _check(self, value: Any, place: Place) -> None:
        """Variables hold anything, so that no type finds a reference that is not a whole text."""
        wrong = misuse(value) if isinstance(value, str) else None
        if wrong:
            hint = meant(value)
            if "part of" in wrong:
                hint = 'write `{join: ["https://", "${env:REGION}", ".example.com"]}`'
            self.found.append(Diagnostic("TL211", "error", wrong, place.span(), hint))
        steps = (
            value
            if isinstance(value, dict)
            else range(len(value) if isinstance(value, list) else 0)
        )
        for step in steps:
            self._check(value[step], place.child(step) or place)

    def walk(self, value: Any, place: Place) -> tuple[Any, Place]:
        """The same value with its references bound; parts without any are shared."""
        self.nodes += 1
        if isinstance(value, str):
            return self._text(value, place) if value.startswith("${") else (value, place)
        if isinstance(value, dict) and isinstance(place.items, dict):
            return self._mapping(value, place, place.items)
        if isinstance(value, list) and isinstance(place.items, list):
            return self._list(value, place, place.items)
        return value, place

    def _mapping(
        self, value: dict[str, Any], place: Place, items: dict[str, Place]
    ) -> tuple[Any, Place]:
        walked = {key: self.walk(item, items[key]) for key, item in value.items()}
        if all(walked[key][0] is value[key] for key in value):
            return value, place
        copy = _copy(place)
        copy.keys, copy.items = place.keys, {key: at for key, (_, at) in walked.items()}
        bound = {key: item for key, (item, _) in walked.items()}
        if set(value) == {"join"} and isinstance(value["join"], list):
            bound["join"] = _texts(value["join"], bound["join"])
        return bound, copy

    def _list(self, value: list[Any], place: Place, items: list[Place]) -> tuple[Any, Place]:
        walked = [self.walk(*pair) for pair in zip(value, items, strict=True)]
        if all(new is old for (new, _), old in zip(walked, value, strict=True)):
            return value, place
        copy = _copy(place)
        copy.items = [at for _, at in walked]
        return [item for item, _ in walked], copy

    def _text(self, text: str, place: Place) -> tuple[Any, Place]:
        reference = Reference.parse(text)
        if reference is None or reference.scheme == "env":
            return text, place
        if reference.scheme == "file":
            folder = self.folders.get(place.source.file)
            return (text if folder is None else f"${{file:{folder / reference.name}}}"), place
        return self._variable(reference.name, text, place)

    def _variable(self, name: str, text: str, place: Place) -> tuple[Any, Place]:
        if name not in self.values:
            message = f"no variable `{name}` is declared"
            self.found.append(self._unknown(name, message, place.span()))
            return text, place
        if name in self.busy:
            message = f"the variable `{name}` is made of itself"
            hint = " → ".join([*self.busy, name])
            self.found.append(Diagnostic("TL214", "error", message, place.span(), hint))
            return text, place
        value, inner = self._once(name, place)
        if self.nodes > MAX_NODES:
            message = f"more than {MAX_NODES:,} values once variables are put in"
            self.found.append(Diagnostic("TL105", "error", message, place.span()))
            return text, place
        if inner.items is None or not isinstance(value, dict | list):
            return value, place
        copy = _copy(place)
        copy.keys, copy.items = inner.keys, inner.items
        return value, copy

    def _once(self, name: str, place: Place) -> tuple[Any, Place]:
        """What a variable holds, bound once however often it is used; its size counts each time."""
        if name in self.bound:
            value, inner, size = self.bound[name]
            self.nodes += size
            return value, inner
        before = self.nodes
        self.busy.append(name)
        at = self.document.root.child("vars")
        declared = at.child(name) if at is not None else None
        value, inner = self.walk(self.values[name], declared or place)
        self.busy.pop()
        self.bound[name] = (value, inner, self.nodes - before)
        return value, inner


def _copy(place: Place) -> Place:
    return Place(place.file, place.line, place.column, place.end_line, place.end_column)


def _texts(parts: list[Any], bound: list[Any]) -> list[Any]:
    """The parts of a `join`, with the numbers that variables hold as text."""
    return [
        str(new) if type(new) in (int, float) and isinstance(old, str) else new
        for old, new in zip(parts, bound, strict=True)
    ]
