"""A file or a folder to one document: its includes merged, its variables put in.

A folder means its `trunkline.yaml`. `include` paths are relative to the file that lists them,
stay below the root file's folder, and each file is read once.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Final

from trunkline.config.assemble import assemble
from trunkline.config.bind import bind
from trunkline.config.scan import MAX_BYTES
from trunkline.config.source import Document, merge, parse
from trunkline.diagnostics import Diagnostic, Span, sort

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ROOT_NAME", "load", "roots"]

ROOT_NAME: Final = "trunkline.yaml"
MAX_FILES: Final = 1_000


def roots(path: str | os.PathLike[str]) -> list[FilePath]:
    """The documents that `path` means: itself, a folder's `trunkline.yaml`, or else every YAML
    file below the folder that has a top-level `version:` (names that begin with a dot skipped).
    """
    path = FilePath(path)
    if not os.path.isdir(path):  # noqa: PTH112 — this one never raises
        return [path]
    if os.path.isfile(path / ROOT_NAME):  # noqa: PTH113 — as above
        return [path / ROOT_NAME]
    found: list[FilePath] = []
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = FilePath(folder) / name
            if _is_yaml(name) and _has_version(file):
                found.append(file)
    return found


def _is_yaml(name: str) -> bool:
    return name.endswith((".yaml", ".yml")) and not name.startswith(".")


def _has_version(file: FilePath) -> bool:
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            return False
        with file.open("rb") as stream:
            lines = stream.read(MAX_BYTES + 1).splitlines()
    except OSError:
        return False
    return any(line.startswith(b"version:") for line in lines)


def load(
    path: str | os.PathLike[str],
    *,
    variables: Mapping[str, str] | None = None,
    overlays: Sequence[str | os.PathLike[str]] = (),
    files: dict[str, str] | None = None,
) -> tuple[Document | None, list[Diagnostic]]:
    """The document at `path` and every finding, sorted.

    `variables` are `--var NAME=text`; `overlays` are the files of `--with`, each laid over the
    document (mappings merge by key, everything else replaces, null deletes). `files`, if given,
    is filled with the text of every file that was read, also of those that could not be parsed.
    There may be a document beside errors, so that its shape can be checked too.
    """
    reader = _Loader({} if files is None else files)
    root = _one_root(FilePath(path), reader.found)
    document = reader.whole(root) if root is not None else None
    for overlay in overlays:
        over = reader.whole(FilePath(overlay))
        if document is not None and over is not None:
            document = merge(document, over)
    if document is not None:
        document, found = bind(document, reader.folders, variables or {})
        reader.found += found
    return document, sort(reader.found)


def _one_root(path: FilePath, found: list[Diagnostic]) -> FilePath | None:
    choices = roots(path)
    if len(choices) == 1:
        return choices[0]
    if not choices:
        message, hint = "no route file here", f"write one, `{path / ROOT_NAME}` for example"
    else:
        message = f"there is no `{ROOT_NAME}` here, and more than one route file"
        hint = f"say which: {', '.join(map(str, choices[:5]))}"
    found.append(Diagnostic("TL220", "error", message, Span(str(path)), hint))
    return None


class _Loader:
    """Reads files, each of them once, and collects what is found."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files
        self.found: list[Diagnostic] = []
        self.folders: dict[str, FilePath] = {}

    def whole(self, root: FilePath) -> Document | None:
        """A root file with its includes merged."""
        document = self._read(root, Span(str(root)))
        if document is None:
            return None
        real = FilePath(os.path.realpath(root))
        parts = self._parts(document, root, real.parent, {real})
        merged, found = assemble(document, parts)
        self.found += found
        return merged

    def _parts(
        self, document: Document, file: FilePath, base: FilePath, seen: set[FilePath]
    ) -> list[Document]:
        """The documents that `document` stands for: what it includes around itself, in order."""
        listed = document.get(("include",)) if isinstance(document.value, dict) else None
        included: list[Document] = []
        for index, name in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(name, str):
                span = document.span(("include", index))
                included += self._include(file.parent / name, span, base, seen)
        keys = list(document.value) if isinstance(document.value, dict) else []
        first = "routes" not in keys or "include" not in keys
        if first or keys.index("include") < keys.index("routes"):
            return [*included, document]
        return [document, *included]

    def _include(
        self, file: FilePath, span: Span, base: FilePath, seen: set[FilePath]
    ) -> list[Document]:
        try:
            real = FilePath(os.path.realpath(file))
        except ValueError:
            self.found.append(Diagnostic("TL116", "error", "this is not a file name", span))
            return []
        if not real.is_relative_to(base):
            hint = f"move it below {base.name}/, or include a file there"
            message = "this file is outside the root file's folder"
            self.found.append(Diagnostic("TL216", "error", message, span, hint))
            return []
        if real in seen:
            return []
        seen.add(real)
        if len(seen) > MAX_FILES:
            message = f"more than {MAX_FILES:,} files in one document"
            self.found.append(Diagnostic("TL216", "error", message, span))
            return []
        document = self._read(FilePath(os.path.normpath(file)), span)
        return [] if document is None else self._parts(document, file, base, seen)

    def _read(self, file: FilePath, span: Span) -> Document | None:
        name = str(file)
        try:
            status = file.stat()
            if not stat.S_ISREG(status.st_mode):
                raise IsADirectoryError(0, "not a regular file")
            with file.open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not a file name"
            message = f"{name} cannot be read: {reason}"
            self.found.append(Diagnostic("TL116", "error", message, span))
            return None
        text = data.decode("utf-8", "replace").removeprefix("\ufeff")
        self.files[name] = text.replace("\r\n", "\n").replace("\r", "\n")
        self.folders[name] = FilePath(os.path.abspath(file)).parent  # noqa: PTH100 — not resolved
        document, found = parse(data, name)
        self.found += found
        return document
