"""Values that a graph depends on and that only an environment has: the name of a deployment, a
timeout, a context window. A plan can be checked without them; before it is performed they are
put in and it is compiled again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trunkline.config.references import Reference, UnresolvedError, find, resolve
from trunkline.config.source import Document
from trunkline.diagnostics import Diagnostic, sort
from trunkline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.config.source import Path

__all__ = ["late_paths", "settled"]

_SECTIONS: Final = ("models", "timeouts")


def late_paths(document: Document) -> tuple[Path, ...]:
    """Where such values stand: below a provider's `models` and `timeouts`."""
    return tuple(
        ("providers", name, section, *path)
        for name, entry in (document.get(("providers",)) or {}).items()
        for section in _SECTIONS
        for path, _ in find(entry.get(section))
    )


def settled(document: Document, environ: Mapping[str, str]) -> Document:
    """The document with these values put in. Raises `ConfigError` for those that are not set."""
    missing: list[Diagnostic] = []

    def put(value: Any, path: Path) -> Any:
        if isinstance(value, str):
            try:
                return resolve(Reference.parse(value) or value, environ)
            except UnresolvedError as error:
                missing.append(Diagnostic("TL310", "error", str(error), document.span(path)))
                return value
        if isinstance(value, dict):
            whole = {key: put(item, (*path, key)) for key, item in value.items()}
            return "".join(whole["join"]) if set(whole) == {"join"} else whole
        if isinstance(value, list):
            return [put(item, (*path, index)) for index, item in enumerate(value)]
        return value

    providers = {
        name: {
            key: put(item, ("providers", name, key)) if key in _SECTIONS else item
            for key, item in entry.items()
        }
        for name, entry in document.value["providers"].items()
    }
    if missing:
        raise ConfigError(sort(missing))
    value = {**document.value, "providers": providers}
    return Document(document.name, value, document.files, document.root)
