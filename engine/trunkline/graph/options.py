"""What a caller may set for one request, where the route's `allow:` lists it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from trunkline.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from trunkline.chat import JSON

__all__ = ["OPTIONS", "Options", "check_allowed"]

OPTIONS: Final = ("timeout", "fallback", "cache", "metadata", "trace_id")
"""The names of options, which are the words of `allow:`."""

MOST_TIME: Final = 1_000_000
"""Seconds that a caller can set as a request's total time; whoever waits longer sets none."""


@dataclass(frozen=True, slots=True)
class Options:
    """`timeout`: seconds for the whole request, if that is less than the route gives. `fallback`:
    whether another target may be asked than the first. `cache`: whether a kept answer may serve.
    `metadata`: what the caller says of the request, for expressions. `trace_id`: what the
    caller's own records call it."""

    timeout: float | None = None
    fallback: bool = True
    cache: bool = True
    metadata: Mapping[str, JSON] = field(default_factory=dict)
    trace_id: str = ""

    @staticmethod
    def read(said: Mapping[str, JSON] | None) -> Options:
        """Options as a caller writes them: `{"timeout": 2.5, "fallback": "none",
        "cache": "bypass", "metadata": {…}, "trace_id": "…"}`.

        Raises `RequestError` for what is no option or has a wrong value.
        """
        if not said:
            return _NONE
        if not isinstance(said, dict) or not all(isinstance(name, str) for name in said):
            raise RequestError("bad_request", "options must be a mapping of names to values")
        return Options(**{name: _read(name, value) for name, value in said.items()})


def check_allowed(said: Mapping[str, JSON], allowed: Collection[str], route: str) -> None:
    """Raises `RequestError` if a route does not let its callers set what was set."""
    for name in said:
        if name not in allowed:
            raise RequestError(
                "bad_request",
                f"the route `{route}` does not let callers set `{name}`: its `allow:` does not "
                "list it",
            )


_NONE: Final = Options()


def _read(name: str, value: JSON) -> Any:
    match name, value:
        case "timeout", int() | float() if value is not True and 0 < value <= MOST_TIME:
            return float(value)
        case "fallback", "none":
            return False
        case "cache", "bypass":
            return False
        case "metadata", dict():
            return value
        case "trace_id", str() if 0 < len(value) <= 128 and value.isascii() and value.isprintable():
            return value
        case (("timeout" | "fallback" | "cache" | "metadata" | "trace_id"), _):
            raise RequestError("bad_request", f"the option `{name}` must be {_MUST[name]}")
    raise RequestError(
        "bad_request", f"there is no option `{name[:64]}`; there are {', '.join(OPTIONS)}"
    )


_MUST: Final = {
    "timeout": f"a number of seconds above 0, and at most {MOST_TIME:,}",
    "fallback": "`none`",
    "cache": "`bypass`",
    "metadata": "a mapping",
    "trace_id": "printable ASCII text of at most 128 characters",
}
