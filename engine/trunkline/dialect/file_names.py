"""The names of files, where a wire is strict about them."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any, Final

from trunkline.dialect.parts import mappings

__all__ = ["fit_filenames"]

JSONMap = dict[str, Any]

_UNFIT: Final = re.compile(r"[^A-Za-z0-9 ()\[\]-]+")
_SPACES: Final = re.compile(r"  +")


class _Taken:
    """The names that files have, and the last number behind each beginning: names that begin
    alike share it, so that none is sought from 2 on again."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.numbers: defaultdict[str, int] = defaultdict(lambda: 1)


def fit_filenames(messages: Any, longest: int = 200) -> list[JSONMap]:
    """Messages in which every file has a name, and no two the same.

    Names are of ASCII letters, digits, single spaces, hyphens, parentheses and square brackets,
    of up to `longest` characters; anything else becomes a hyphen. A file without a name is
    called `document`, and a name that another file has gets a number behind it, so that the
    names of a conversation stay as they were when it grows.
    """
    found = mappings(messages)
    if type(longest) is not int or longest < 16:
        return found
    taken = _Taken()
    return [_named(message, longest, taken) for message in found]


def _named(message: JSONMap, longest: int, taken: _Taken) -> JSONMap:
    content = message.get("content")
    if not any(part.get("type") == "file" for part in mappings(content)):
        return message
    return {**message, "content": [_with_name(part, longest, taken) for part in mappings(content)]}


def _with_name(part: JSONMap, longest: int, taken: _Taken) -> JSONMap:
    file = part.get("file")
    if part.get("type") != "file" or not isinstance(file, dict):
        return part
    said = file.get("filename")
    fitting = _UNFIT.sub("-", said) if isinstance(said, str) else ""
    wanted = _SPACES.sub(" ", fitting).strip()[:longest].strip() or "document"
    name, stem = wanted, wanted[: longest - 8]
    while name in taken.names:
        taken.numbers[stem] += 1
        name = f"{stem}-{taken.numbers[stem]}"
    taken.names.add(name)
    return {**part, "file": {**file, "filename": name}}
