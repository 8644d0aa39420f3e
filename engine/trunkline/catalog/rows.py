"""Provider rows: who speaks which dialect, where, and with which credentials, as data.

A row is a YAML file under `catalog/providers/`, named for the provider `type` that route files
use. What a route file says beside `type` is laid over the row, key by key.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from trunkline.catalog.parsed import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.config.source import Document

__all__ = ["ROW_KEYS", "called", "provider", "provider_document", "providers", "urls"]

_FOLDER = files("trunkline") / "catalog" / "providers"

ROW_KEYS = frozenset(
    {
        "provider",
        "about",
        "also",
        "base_url",
        "auth",
        "env",
        "dialect",
        "dialects",
        "headers",
        "models",
        "models_path",
        "quirks",
        "lacks",
        "settings",
        "capabilities",
    }
)
"""The keys that a row may have."""


@cache
def providers() -> tuple[str, ...]:
    """The names of all rows, sorted."""
    found = (entry.name for entry in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml")))


@cache
def provider_document(name: str) -> Document:
    """A row with the places of everything in it. Raises `KeyError` for a name that has none."""
    if name not in providers():
        raise KeyError(name)
    text = (_FOLDER / f"{name}.yaml").read_bytes()
    return parsed(text, f"catalog/providers/{name}.yaml")


def provider(name: str) -> dict[str, Any]:
    """A row as plain data, shared: treat it as read-only. Raises `KeyError` for an unknown name."""
    row: dict[str, Any] = provider_document(name).value
    return row


def called(name: str) -> str | None:
    """The row of a provider that goes by this name elsewhere; None if there is none."""
    plain = name.lower().replace("_", "-")
    return next((row for row in providers() if plain in provider(row).get("also", ())), None)


_HOLE: Final = re.compile(r"\{\{ *(?:provider\.)?(\w+) *\}\}")


def urls(row: dict[str, Any]) -> tuple[str, ...]:
    """Where the providers of a row may be, for people: `https://{region}.example.com`. Nothing
    where whoever uses the row says so."""
    return tuple(dict.fromkeys(_urls(row.get("base_url"))))


def _urls(tree: Any) -> Iterator[str]:
    if isinstance(tree, str) and "://" in tree:
        yield _HOLE.sub(r"{\1}", tree)
    elif isinstance(tree, dict):
        for branch in tree.values():
            yield from _urls(branch)
