"""Answers on their way out: heads, bodies, and errors in a door's own words."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any, Final

from trunkline.errors import CallError, DeadlineError, EngineClosed, InternalError, UpstreamError
from trunkline.wire.jsontext import dumps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trunkline.dialect import Door
    from trunkline.server.incoming import ASGISend, Incoming

__all__ = ["allowed", "as_call_error", "error_data", "send_error", "send_head", "send_json"]

_log = logging.getLogger("trunkline.server")

_OURS: Final = frozenset(
    {
        "connection",
        "content-length",
        "content-type",
        "request-id",
        "transfer-encoding",
        "x-request-id",
    }
)
"""Response headers that a route file cannot set."""

LONGEST_BUDGET_WAIT: Final = 3600.0
"""Seconds."""

_EXHAUSTED: Final = (UpstreamError, DeadlineError, InternalError)
"""After these the engine has tried what there is to try; a client's retry would begin again."""


async def send_head(
    send: ASGISend,
    incoming: Incoming,
    status: int,
    content_type: str,
    headers: Iterable[tuple[str, str]] = (),
) -> None:
    """The head of an answer. The request's id goes under both names that clients look for."""
    request_id = incoming.request_id.encode()
    lines = [
        (b"content-type", content_type.encode()),
        (b"x-request-id", request_id),
        (b"request-id", request_id),
    ]
    lines.extend((name.encode(), value.encode()) for name, value in headers)
    await send({"type": "http.response.start", "status": status, "headers": lines})


async def send_json(
    send: ASGISend,
    incoming: Incoming,
    status: int,
    value: Any,
    headers: Iterable[tuple[str, str]] = (),
) -> None:
    """A whole answer. To HEAD it is the head alone, with the length that GET would see."""
    body = dumps(value)
    more = [("content-length", str(len(body))), *headers]
    await send_head(send, incoming, status, "application/json", more)
    await send({"type": "http.response.body", "body": b"" if incoming.method == "HEAD" else body})


async def send_error(
    send: ASGISend,
    incoming: Incoming,
    door: Door,
    error: CallError,
    headers: Iterable[tuple[str, str]] = (),
) -> None:
    """An error, as the door's dialect says it.

    The official SDKs retry most failures themselves; `x-should-retry: false` tells them not to.
    """
    data = error_data(error, incoming.request_id)
    more = [*headers, *door.error_headers(data).items()]
    more.extend(_when_to_retry(error))
    if isinstance(error, _EXHAUSTED):
        more.append(("x-should-retry", "false"))
    await send_json(send, incoming, error.status, door.write_error(data), more)


def _when_to_retry(error: CallError) -> list[tuple[str, str]]:
    """Whole seconds, rounded up, and never 0: that would be a retry at once (RFC 9110, 10.2.3).
    A budget that opens again in more than an hour is nothing that a client waits for."""
    after = error.retry_after
    if after is None or (error.kind == "budget" and after > LONGEST_BUDGET_WAIT):
        return []
    return [("retry-after", str(max(1, math.ceil(after))))]


def as_call_error(error: Exception, incoming: Incoming) -> CallError:
    """What to tell a client of an exception. Faults of our own are logged, and their words stay
    inside."""
    if isinstance(error, EngineClosed):
        closed = InternalError(str(error))
        closed.status = 503
        return closed
    if isinstance(error, CallError):
        if isinstance(error, InternalError):
            _log.error("request %s: %s", incoming.request_id, error, exc_info=error)
        return error
    _log.error("request %s failed", incoming.request_id, exc_info=error)
    return InternalError("the server has a fault of its own")


def error_data(error: CallError, request_id: str) -> dict[str, Any]:
    """An error as a door's templates see it."""
    return {
        "kind": error.kind,
        "message": error.message,
        "status": error.status,
        "request_id": request_id,
    }


def allowed(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """The headers that a route adds, but for those that are ours to say."""
    lower = ((name.lower(), value) for name, value in headers.items())
    return [(name, value) for name, value in lower if name not in _OURS]
