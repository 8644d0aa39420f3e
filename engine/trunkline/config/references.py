"""`${env:NAME}`, `${env:NAME:-default}`, `${file:PATH}`, `${var:NAME}` and `{join: […]}`.

A reference stands for a text that is not in the document. `${var:…}` is put in when a document
is loaded; the others stay what they are until an engine opens (`resolve`), so that checking,
drawing and explaining a route file needs no keys.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trunkline.errors import TrunklineError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "REFERENCE",
    "SHELL",
    "Join",
    "Reference",
    "UnresolvedError",
    "find",
    "joined",
    "meant",
    "misuse",
    "resolve",
]

MAX_SECRET_BYTES: Final = 64 * 1024

_NAME: Final = r"[A-Za-z_][A-Za-z0-9_.-]*"
REFERENCE: Final = rf"\$\{{(?:env:[A-Za-z_][A-Za-z0-9_]*(?::-[^}}]*)?|file:[^}}]+|var:{_NAME})\}}"
"""A whole reference, as a regular expression that JSON Schema understands too."""

_WHOLE: Final = re.compile(r"\$\{(env|file|var):([^}]*?)(?::-([^}]*))?\}")
_REFERENCE: Final = re.compile(REFERENCE)
SHELL: Final = r"\$\{\s*(?:[A-Za-z]+\s*:\s*)?[A-Za-z_][A-Za-z0-9_]*\s*\}"
"""A whole text that shells and other tools would read as a reference."""

_SHELL: Final = re.compile(SHELL)
_ANY: Final = re.compile(r"\$\{([A-Za-z][A-Za-z0-9_-]*):")


class UnresolvedError(TrunklineError):
    """What a reference stands for is not there. The message names it and says why."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One `${scheme:name}`; `default` only for `env`."""

    scheme: str
    name: str
    default: str | None = None

    def __str__(self) -> str:
        default = "" if self.default is None else f":-{self.default}"
        return f"${{{self.scheme}:{self.name}{default}}}"

    @staticmethod
    def parse(text: str) -> Reference | None:
        """The reference that `text` is as a whole, or None."""
        if not _REFERENCE.fullmatch(text):
            return None
        match = _WHOLE.fullmatch(text)
        if match is None:
            return None
        scheme, name, default = match.groups()
        if scheme == "file" and default is not None:
            return Reference("file", f"{name}:-{default}")
        return Reference(scheme, name, default)


@dataclass(frozen=True, slots=True)
class Join:
    """Texts and references, put together without anything between them."""

    parts: tuple[str | Reference, ...]

    def __str__(self) -> str:
        return "".join(map(str, self.parts))


def misuse(text: str) -> str | None:
    """What is wrong with `${…}` in `text`, if anything is: part of a text, or not a scheme."""
    if _REFERENCE.fullmatch(text):
        return None
    found = _ANY.search(text)
    if found is None:
        return "this reference does not say where to look" if _SHELL.fullmatch(text) else None
    if found.group(1) not in ("env", "file", "var"):
        return f"`${{{found.group(1)}:…}}` is reserved; there are `env`, `file` and `var`"
    end = text.find("}", found.start())
    if end < 0:
        return "this reference has no closing brace"
    if found.start() > 0 or end + 1 < len(text):
        return "a reference is a whole value, not part of a text"
    return "this is not a reference"


def meant(text: str) -> str:
    """How to write the reference that a misused one was probably meant to be."""
    if not _SHELL.fullmatch(text):
        return "write `${env:NAME}`, `${file:PATH}` or `${var:NAME}`"
    *scheme, name = (part.strip() for part in text[2:-1].split(":"))
    known = scheme[0].lower() if scheme and scheme[0].lower() in ("file", "var") else "env"
    return f"write `${{{known}:{name}}}`"


def joined(text: str) -> str:
    """A text with references in it as the list that `join` takes: `["https://", "${env:HOST}"]`."""
    parts = [part for part in re.split(r"(\$\{[^}]*\})", text) if part]
    return "[" + ", ".join(f'"{part}"' for part in parts) + "]"


def resolve(value: str | Reference | Join, environ: Mapping[str, str]) -> str:
    """The text that a reference stands for; text stands for itself.

    Raises `UnresolvedError`: a variable that is not set, a file that cannot be read, is no
    regular file, is larger than 64 KiB, or is not UTF-8. One newline at a file's end is cut.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, Join):
        return "".join(resolve(part, environ) for part in value.parts)
    if value.scheme == "env":
        text = environ.get(value.name, value.default)
        if text is None:
            raise UnresolvedError(f"the environment variable {value.name} is not set")
        return text
    if value.scheme == "file":
        return _read(Path(value.name))
    raise UnresolvedError(f"`{value}` has no value: no variable of that name is declared")


def _read(path: Path) -> str:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnresolvedError(f"{path} is not a regular file")
        if status.st_size > MAX_SECRET_BYTES:
            raise UnresolvedError(f"{path} is larger than {MAX_SECRET_BYTES:,} bytes")
        with path.open("rb") as file:
            text = file.read(MAX_SECRET_BYTES + 1).decode("utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise UnresolvedError(f"{path} cannot be read: {reason}") from None
    return text.removesuffix("\n").removesuffix("\r")


def find(
    value: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Reference]]:
    """Every reference in plain values, with its path."""
    if isinstance(value, str):
        reference = Reference.parse(value)
        if reference is not None:
            yield path, reference
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from find(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from find(item, (*path, index))
