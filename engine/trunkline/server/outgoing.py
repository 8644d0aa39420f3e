"""Answers on their way out: heads, bodies, and errors in a door's own words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from trunkline.errors import DeadlineError, InternalError, UpstreamError
from trunkline.wire.jsontext import dumps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trunkline.dialect import Door
    from trunkline.errors import CallError
    from trunkline.server.incoming import ASGISend, Incoming

__all__ = ["error_data", "send_error", "send_head", "send_json"]

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
    if error.retry_after is not None:
        more.append(("retry-after", str(math.ceil(error.retry_after))))
    if isinstance(error, _EXHAUSTED):
        more.append(("x-should-retry", "false"))
    await send_json(send, incoming, error.status, door.write_error(data), more)


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
