"""The serve side of a dialect: what a server that speaks it does.

A `Door` reads a client's request and writes replies, streams and errors. The gateway and the
simulated providers use the same one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trunkline.dialect.blocks import StreamTemplates, StreamWriter
from trunkline.dialect.check import check_request, refuse_doubles
from trunkline.errors import RequestError
from trunkline.template import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trunkline.chat import ReplyData

__all__ = ["Door"]

JSONMap = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Door:
    """A dialect as a server speaks it. `paths` are where its clients send their requests."""

    dialect: str
    paths: tuple[str, ...]
    _request: Callable[..., Any]
    _reply: Callable[..., Any]
    _error: Callable[..., Any]
    _stream: StreamTemplates | None

    def read_request(
        self, body: Any, headers: Mapping[str, str], params: Mapping[str, str] | None = None
    ) -> JSONMap:
        """A client's body as a canonical request. `params` are what the path captured.

        Raises `RequestError` of kind `bad_request` that names what is wrong.
        """
        if not isinstance(body, dict):
            raise RequestError("bad_request", "the body must be a JSON object")
        refuse_doubles(body)
        try:
            request = self._request(body, headers, params or {})
        except Refusal as refusal:
            raise RequestError("bad_request", str(refusal)) from refusal
        check_request(request)
        return request  # type: ignore[no-any-return]

    def write_reply(
        self, reply: ReplyData, request: Mapping[str, Any], created: int = 0
    ) -> JSONMap:
        """A whole reply as this dialect's body. `created` is in seconds since the epoch."""
        return self._reply({**reply, "created": created}, request)  # type: ignore[no-any-return]

    def write_error(self, error: Mapping[str, Any]) -> JSONMap:
        """An error body. `error` has `kind`, `message`, `status` and `request_id`."""
        return self._error(error)  # type: ignore[no-any-return]

    def stream_writer(self, request: Mapping[str, Any]) -> StreamWriter:
        """A writer for one streamed answer to this request."""
        if self._stream is None:
            raise RequestError("unsupported", f"{self.dialect} has no streaming form here")
        return StreamWriter(self._stream, request)
