"""The wire languages and providers that come with Trunkline, as data files beside this module.

`dialect(name)` gives a built-in dialect, compiled when it is first asked for. Files are looked up
by name; nothing here is special to any of them.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from trunkline.catalog.parsed import parsed
from trunkline.errors import ConfigError

if TYPE_CHECKING:
    from trunkline.config.source import Document
    from trunkline.dialect import Dialect

__all__ = ["dialect", "dialect_document", "dialects"]


def dialects() -> list[str]:
    """The names of the built-in dialects."""
    folder = files("trunkline.catalog") / "dialects"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir())


@cache
def dialect_document(name: str) -> Document | None:
    """A built-in dialect's file, or None where there is no such dialect."""
    if name not in dialects():
        return None
    shown = f"catalog/dialects/{name}.yaml"
    text = (files("trunkline.catalog") / "dialects" / f"{name}.yaml").read_bytes()
    return parsed(text, shown)


@cache
def dialect(name: str) -> Dialect:
    """A built-in dialect. Raises `KeyError` where there is none of that name."""
    from trunkline.dialect import load_dialect

    document = dialect_document(name)
    if document is None:
        raise KeyError(name)
    loaded, diagnostics = load_dialect(document, dialect_document, check=False)
    if loaded is None:
        raise ConfigError(diagnostics)
    return loaded
