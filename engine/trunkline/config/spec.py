"""A document that has the shape of a route file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from trunkline.config.models import LATER, RouteFile
from trunkline.diagnostics import Diagnostic, sort

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.config.source import Document, Path

__all__ = ["Spec", "read", "unperformed"]


@dataclass(frozen=True, slots=True)
class Spec:
    """A route file whose shape is right, and the document that it was read from, for places."""

    file: RouteFile
    document: Document


def read(document: Document) -> tuple[Spec | None, list[Diagnostic]]:
    """The route file in `document`, unless its shape is wrong, and every finding, sorted.

    The models judge, in a few milliseconds; the schema is asked only to say what is wrong.
    """
    try:
        return Spec(RouteFile.model_validate(document.value), document), []
    except ValidationError as error:
        from trunkline.config.schema import check

        found = check(document)
        if not found:  # Only if schema and models disagree; a test holds that they never do.
            found = [_finding(document, dict(entry)) for entry in error.errors()]
        return None, sort(found)


def _finding(document: Document, entry: dict[str, Any]) -> Diagnostic:
    path = tuple(step for step in entry["loc"] if isinstance(step, str | int))
    message = str(entry["msg"]).removeprefix("Value error, ")
    return Diagnostic("TL200", "error", message, document.span(path))


def unperformed(model: BaseModel, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """What is written in `model` but not performed by this version: the path of each key, and the
    key itself."""
    for name in model.model_fields_set:
        info = type(model).model_fields.get(name)
        if info is None:
            continue
        key = info.alias or name
        extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
        if extra.get(LATER):
            yield (*path, key), key
        else:
            yield from _within(getattr(model, name), (*path, key))


def _within(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, BaseModel):
        yield from unperformed(value, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _within(item, (*path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _within(item, (*path, key))
