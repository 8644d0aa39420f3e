"""The names that expressions and templates of a route file see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_type_hints

from trunkline.chat import ChatRequest, Usage
from trunkline.embeddings import EmbeddingRequest
from trunkline.template import LOWER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.config.models import RouteFile

__all__ = [
    "CHAT_FIELDS",
    "CONDITION_ROOTS",
    "FLAGS",
    "OVERLAY_ROOTS",
    "PROVIDER_FIELDS",
    "REPLY_ROOTS",
    "REQUEST_FIELDS",
    "USAGE_FIELDS",
    "closed_in_dialects",
    "closed_roots",
]

CONDITION_ROOTS: Final = ("request", "headers", "metadata", "caller", "route", "time")
"""What `when` sees, in the order in which a condition takes it."""

OVERLAY_ROOTS: Final = (*CONDITION_ROOTS, "target", "provider")
"""What `request` and `wire` see."""

REPLY_ROOTS: Final = (*OVERLAY_ROOTS, "reply", "usage")
"""What `response` sees."""

PROVIDER_FIELDS: Final = (
    "region",
    "project",
    "location",
    "organization",
    "resource",
    "account",
    "version",
    "api_version",
    "fips",
)
"""A provider's plain settings: what templates may read as `provider.…`, beside its name, type
and quirks."""

FLAGS: Final = frozenset({"fips"})
"""Those of them that are true or false."""

CHAT_FIELDS: Final = frozenset(get_type_hints(ChatRequest))
REQUEST_FIELDS: Final = CHAT_FIELDS | frozenset(get_type_hints(EmbeddingRequest))
_ROUTE: Final = frozenset({"name", "description", "labels"})
_TARGET: Final = frozenset({"name", "id", "model", "context", "max_output", "capabilities"})
_PROVIDER: Final = frozenset({"name", "type", "quirks", *PROVIDER_FIELDS})
USAGE_FIELDS: Final = frozenset(get_type_hints(Usage))
_TIME: Final = frozenset(
    {"epoch", "iso", "date", "weekday", "year", "month", "day", "hour", "minute"}
)
_REPLY: Final = frozenset({"id", "model", "choices", "usage", "raw_usage"})


def closed_in_dialects() -> Mapping[str, frozenset[str]]:
    """The same for what is written for a provider, where there is no route any more."""
    return {"request": REQUEST_FIELDS, "target": _TARGET, "provider": _PROVIDER}


def closed_roots(file: RouteFile, *, condition: bool = False) -> Mapping[str, frozenset[str]]:
    """The fields of the names that have no others; `tokens` is for conditions only, where the
    request is still what the caller sent."""
    keys = (file.server.keys if file.server is not None else None) or ()
    labels = {label for key in keys for label in key.labels or ()}
    return {
        "request": REQUEST_FIELDS | {"tokens"} if condition else REQUEST_FIELDS,
        "route": _ROUTE,
        "caller": frozenset({"name", "labels", *labels}),
        "target": _TARGET,
        "provider": _PROVIDER,
        "reply": _REPLY,
        "usage": USAGE_FIELDS,
        "time": _TIME,
        "headers": LOWER,
    }
