"""The catalogue's files, parsed.

Reading YAML with the place of everything in it takes longer than all else at start, and these
files change only with the package. So what was read is kept beside the package's bytecode, as
Python keeps that: in `__pycache__` or below PYTHONPYCACHEPREFIX, bound to the file's text, not
at all with PYTHONDONTWRITEBYTECODE, and done without where it cannot be written or read.
"""

from __future__ import annotations

import marshal
import os
import sys
from contextlib import suppress
from hashlib import sha256
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, Final

from trunkline.config.source import Document, Place, parse
from trunkline.errors import ConfigError

__all__ = ["parsed"]

_FORMAT: Final = 1
"""Raised when what is kept changes its form."""


def parsed(text: bytes, shown: str) -> Document:
    """The document in one of the catalogue's files, which diagnostics call `shown`.

    Raises `ConfigError` for a file that cannot be read.
    """
    stamp = (_FORMAT, sha256(text).digest())
    kept = _kept(shown)
    root = _recall(kept, stamp)
    if root is not None:
        value, tree = root
        return Document(shown, value, {shown: text.decode("utf-8")}, _grown(tree, shown))
    document, diagnostics = parse(text, shown)
    if document is None or diagnostics:
        raise ConfigError(diagnostics)
    _keep(kept, stamp, document)
    return document


def _kept(shown: str) -> Path:
    """Where what was read of a file is kept."""
    module = Path(__file__).with_name(shown.replace("/", "-") + ".py")
    return Path(cache_from_source(str(module)))


def _recall(kept: Path, stamp: tuple[Any, ...]) -> tuple[Any, Any] | None:
    try:
        found = marshal.loads(kept.read_bytes())
        if found[0] == stamp:
            return found[1], found[2]
    except (OSError, ValueError, EOFError, TypeError, IndexError):
        pass
    return None


def _keep(kept: Path, stamp: tuple[Any, ...], document: Document) -> None:
    """In one step, so that nobody reads half of it."""
    if sys.dont_write_bytecode:
        return
    beside = kept.with_name(f"{kept.name}.{os.getpid()}")
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(marshal.dumps((stamp, document.value, _tree(document.root))))
        beside.replace(kept)


def _tree(place: Place) -> Any:
    """A place as plain tuples; where aliases lead is left out, for only messages need it."""
    items: Any = place.items
    if isinstance(items, dict):
        items = {key: _tree(item) for key, item in items.items()}
    elif items is not None:
        items = [_tree(item) for item in items]
    keys = None if place.keys is None else {key: _tree(at) for key, at in place.keys.items()}
    return (place.line, place.column, place.end_line, place.end_column, keys, items)


def _grown(tree: Any, file: str) -> Place:
    line, column, end_line, end_column, keys, items = tree
    place = Place(file, line, column, end_line, end_column)
    if keys is not None:
        place.keys = {key: _grown(at, file) for key, at in keys.items()}
    if isinstance(items, dict):
        place.items = {key: _grown(item, file) for key, item in items.items()}
    elif items is not None:
        place.items = [_grown(item, file) for item in items]
    return place
