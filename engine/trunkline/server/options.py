"""What a client sets for one request by headers, as far as the route's `allow:` lets it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from trunkline.errors import RequestError
from trunkline.wire import WireError
from trunkline.wire.jsontext import loads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["options_of"]

_OURS: Final = "x-trunkline-"
"""Headers that begin so are for us alone: one that is not known is a mistake, and refused."""

_WHOLE: Final = re.compile(r"0*[1-9][0-9]{0,8}")


def options_of(headers: Mapping[str, str]) -> dict[str, Any]:
    """The options of a request (see `trunkline.graph.Options.read`) by its headers, whose names
    are lower case.

    Raises `RequestError` for a header of ours that is not known, or has a value that it cannot
    have.
    """
    options: dict[str, Any] = {}
    for name, text in headers.items():
        known = _HEADERS.get(name)
        if known is not None:
            option, read, wanted = known
            value = read(text.strip())
            if value is None:
                raise RequestError("bad_request", f"the header {name} must be {wanted}")
            options[option] = value
        elif name.startswith(_OURS):
            there_are = ", ".join(_HEADERS)
            message = f"there is no header {name[:64]}; there are {there_are}"
            raise RequestError("bad_request", message)
    return options


def _seconds(text: str) -> float | None:
    return int(text) / 1000 if _WHOLE.fullmatch(text) else None


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = loads(text.encode("latin-1"))
    except WireError:
        return None
    return value if isinstance(value, dict) else None


def _id(text: str) -> str | None:
    return text if 0 < len(text) <= 128 and text.isascii() and text.isprintable() else None


_HEADERS: Final[Mapping[str, tuple[str, Callable[[str], Any], str]]] = {
    "x-request-timeout-ms": ("timeout", _seconds, "a whole number of milliseconds above 0"),
    "x-trunkline-fallback": ("fallback", {"none": "none"}.get, "`none`"),
    "x-trunkline-cache": ("cache", {"bypass": "bypass"}.get, "`bypass`"),
    "x-trunkline-metadata": ("metadata", _object, "a JSON object"),
    "x-trunkline-trace-id": ("trace_id", _id, "printable ASCII text of at most 128 characters"),
}
"""For each header the option that it sets, how its text is read (None where it cannot be), and
what is wanted."""
