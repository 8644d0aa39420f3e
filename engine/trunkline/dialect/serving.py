"""The serve side of a dialect: what a server that speaks it does.

A `Door` reads a client's request and writes replies, streams and errors. The gateway and the
simulated providers use the same one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trunkline.dialect.blocks import StreamTemplates, StreamWriter
from trunkline.dialect.check import check_request, refuse_doubles
from trunkline.errors import RequestError
from trunkline.template import Refusal
from trunkline.wire import FRAMINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trunkline.chat import ReplyData
    from trunkline.dialect.paths import PathPattern
    from trunkline.embeddings import Operation

__all__ = ["Door"]

JSONMap = dict[str, Any]

_FIELD = re.compile(r"[a-z_]+(?=[.\[:])")
"""The field at which a complaint's place begins."""


@dataclass(frozen=True, slots=True)
class Door:
    """A dialect as a server speaks it. `patterns` are where its clients send their requests."""

    dialect: str
    operation: Operation
    patterns: tuple[PathPattern, ...]
    _request: Callable[..., Any]
    _reply: Callable[..., Any]
    _error: Callable[..., Any]
    _headers: Callable[..., Any]
    _stream: StreamTemplates | None
    _framing: Callable[[Any, Any], Any]
    _names: Mapping[str, str]

    @property
    def paths(self) -> tuple[str, ...]:
        """Its patterns as they are written."""
        return tuple(pattern.text for pattern in self.patterns)

    @property
    def family(self) -> str:
        """The owner of what only this wire and those that extend it can read."""
        return self.dialect if self._stream is None else self._stream.family

    def read_request(
        self,
        body: Any,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> JSONMap:
        """A client's body as a canonical request. `params` are what the path captured, `query`
        what stands behind it.

        Raises `RequestError` of kind `bad_request` that names what is wrong.
        """
        if not isinstance(body, dict):
            raise RequestError("bad_request", "the body must be a JSON object")
        refuse_doubles(body)
        try:
            request = self._request(body, headers, params or {}, query or {})
        except Refusal as refusal:
            raise RequestError("bad_request", str(refusal)) from refusal
        try:
            check_request(request, self.operation)
        except RequestError as error:
            raise RequestError(error.kind, self._in_own_words(error.message)) from None
        return request  # type: ignore[no-any-return]

    def _in_own_words(self, complaint: str) -> str:
        """A complaint about a canonical field, which names the field as this wire calls it."""
        field = _FIELD.match(complaint)
        if field is None or field[0] not in self._names:
            return complaint
        return self._names[field[0]] + complaint[field.end() :]

    def write_reply(
        self, reply: ReplyData, request: Mapping[str, Any], created: int = 0
    ) -> JSONMap:
        """A whole reply as this dialect's body. `created` is in seconds since the epoch. A wire
        that names no model answered as the one that was asked for."""
        said = {**reply, "created": created}
        if not said.get("model") and "model" in request:
            said["model"] = request["model"]
        return self._reply(said, request)  # type: ignore[no-any-return]

    def write_error(self, error: Mapping[str, Any]) -> JSONMap:
        """An error body. `error` has `kind`, `message`, `status` and `request_id`."""
        return self._error(error)  # type: ignore[no-any-return]

    def reply_headers(self, reply: Mapping[str, Any]) -> dict[str, str]:
        """Headers that this dialect has beside a reply; `reply` has at least its `id`."""
        return _texts(self._headers(None, reply))

    def error_headers(self, error: Mapping[str, Any]) -> dict[str, str]:
        """Headers that this dialect has beside an error body."""
        return _texts(self._headers(error, None))

    def stream_writer(
        self,
        request: Mapping[str, Any],
        params: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> StreamWriter:
        """A writer for one streamed answer to this request. Where a wire has several framings,
        the path or the query says which one the client wants.

        Raises `RequestError` where there is none.
        """
        if self._stream is None:
            raise RequestError("unsupported", f"{self.dialect} has no streaming form here")
        framing = FRAMINGS.get(self._framing(params or {}, query or {}))
        if framing is None:
            raise RequestError("unsupported", f"{self.dialect} has no such streaming form")
        return StreamWriter(self._stream, framing, request)


def _texts(headers: Any) -> dict[str, str]:
    if not isinstance(headers, dict):
        return {}
    return {name.lower(): value for name, value in headers.items() if isinstance(value, str)}
