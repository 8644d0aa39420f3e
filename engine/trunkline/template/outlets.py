"""Text that leaves for somewhere with rules of its own: a URL's origin, path or query, a header.

`urllib.parse.quote("..")` is `..`, and clients then walk up the path: percent-encoding alone
does not make a segment safe, so `.` and `..` are refused.
"""

from __future__ import annotations

import inspect
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote

from trunkline.template.filters import Filter
from trunkline.template.runtime import ABSENT, Refusal, as_text

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OUTLETS", "Outlet"]

_UNFIT: Final = re.compile(r"[^\t\x20-\x7e]")
_HOST: Final = re.compile(r"[A-Za-z0-9.-]{0,253}")
_STEPS: Final = frozenset({".", ".."})


def segment(value: Any, written: str) -> str:
    """One percent-encoded path segment. `written` is the hole, for the refusal."""
    if value is ABSENT or value is None or value == "":
        raise Refusal(f"the path needs a value for {written}")
    return _encoded(value, written)


def path(value: Any, written: str) -> Any:
    """A whole path, which has the segments that were written: no value has added one, left one
    out, or become a step upwards together with its neighbours."""
    if value is ABSENT:
        return ABSENT
    steps = str(value).split("/")
    if len(steps) != _segments(written) or not _STEPS.isdisjoint(steps):
        raise Refusal(f"{written} is not fit for a URL with these values")
    return value


@lru_cache(maxsize=1024)
def _segments(written: str) -> int:
    """How many segments a path has, whatever stands in its holes."""
    from trunkline.template.expressions import split

    return 1 + sum(piece.count("/") for piece in split(written) if isinstance(piece, str))


def base(value: Any, written: str) -> Any:
    """A part of a base URL that is made of settings: letters, digits, dots and dashes, so it is
    a part of the host and cannot begin anything else."""
    if value is ABSENT or value is None:
        raise Refusal(f"the base URL needs a value for {written}")
    if not isinstance(value, str) or not _HOST.fullmatch(value):
        raise Refusal(f"{written} is not fit for a host name")
    return value


def query(value: Any, written: str) -> Any:
    """One percent-encoded value of a query; absent where there is nothing to say."""
    if value is ABSENT or value is None:
        return ABSENT
    return _encoded(value, written)


def _encoded(value: Any, written: str) -> str:
    if isinstance(value, (dict, list)) or value in (".", ".."):
        raise Refusal(f"{written} is not fit for a URL")
    try:
        return quote(str(as_text(value)), safe="")
    except UnicodeError:
        raise Refusal(f"{written} is not text that can be encoded") from None


def header(value: Any, written: str) -> Any:
    """A header's value: printable ASCII, so no CR, LF or NUL can end it early."""
    if value is ABSENT or value is None:
        return ABSENT
    if isinstance(value, (dict, list)) or _UNFIT.search(found := str(as_text(value))):
        raise Refusal(f"a header cannot carry what {written} gives: only printable ASCII")
    return found


class Outlet(NamedTuple):
    """What becomes of the text of one mode: of each hole, and of the whole."""

    hole: Filter | None = None
    whole: Filter | None = None


def _outlet(function: Callable[..., Any]) -> Filter:
    return Filter("_" + function.__name__, function, inspect.signature(function), sees_absent=True)


OUTLETS: Final[dict[str, Outlet]] = {
    "path": Outlet(hole=_outlet(segment), whole=_outlet(path)),
    "base": Outlet(hole=_outlet(base)),
    "query": Outlet(hole=_outlet(query)),
    "headers": Outlet(whole=_outlet(header)),
}
"""The modes in which leaves are text, not JSON."""
