"""Values that a graph depends on and that only an environment has: the name of a deployment, a
timeout, a context window, a limit. A plan can be checked without them; before it is performed
they are put in and it is compiled again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trunkline.config.references import Reference, UnresolvedError, find, resolve
from trunkline.config.source import Document
from trunkline.diagnostics import Diagnostic, sort
from trunkline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trunkline.config.source import Path

__all__ = ["late_paths", "settled"]

_SECTIONS: Final = ("models", "timeouts", "limits", "circuit_breaker", "health_check")
"""Of a provider; of a key of its pool only the limits."""

_LISTS: Final = ("limits", "budgets")

_TRUTHS: Final = {"true": True, "false": False}


def late_paths(document: Document) -> tuple[Path, ...]:
    """Where such values stand: in some sections of a provider, and in limits and budgets."""
    return tuple(
        (*place, *path)
        for place in _places(document.value)
        for path, _ in find(document.get(place))
    )


def _places(value: Mapping[str, Any]) -> Iterator[Path]:
    for name, entry in (value.get("providers") or {}).items():
        for section in _SECTIONS:
            yield ("providers", name, section)
        for index in range(len(entry.get("keys") or ())):
            yield ("providers", name, "keys", index, "limits")
    yield from ((name,) for name in _LISTS)


def settled(document: Document, environ: Mapping[str, str]) -> Document:
    """The document with these values put in. Raises `ConfigError` for those that are not set."""
    missing: list[Diagnostic] = []

    def put(value: Any, path: Path) -> Any:
        if isinstance(value, str):
            try:
                text = resolve(Reference.parse(value) or value, environ)
            except UnresolvedError as error:
                missing.append(Diagnostic("TL310", "error", str(error), document.span(path)))
                return value
            # The one key here that takes no text.
            return _TRUTHS.get(text.lower(), text) if path[-1] == "strict" else text
        if isinstance(value, dict):
            whole = {key: put(item, (*path, key)) for key, item in value.items()}
            return "".join(whole["join"]) if set(whole) == {"join"} else whole
        if isinstance(value, list):
            return [put(item, (*path, index)) for index, item in enumerate(value)]
        return value

    value = document.value
    for place in _places(document.value):
        said = document.get(place)
        if said is not None:
            value = _with(value, place, put(said, place))
    if missing:
        raise ConfigError(sort(missing))
    return Document(document.name, value, document.files, document.root)


def _with(value: Any, path: Path, item: Any) -> Any:
    """The value with another one at `path`; what is not on the way is shared."""
    if not path:
        return item
    copy = list(value) if isinstance(value, list) else dict(value)
    copy[path[0]] = _with(value[path[0]], path[1:], item)  # type: ignore[index]
    return copy
