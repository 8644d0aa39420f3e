"""Claude's wires: Messages, and the same at Vertex AI and in the body of Bedrock's InvokeModel.

Shapes: docs.anthropic.com/en/api/messages and /messages-streaming, recorded exchanges; Google's and
Amazon's own errors in front of them.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.faultd import wires_aws, wires_google
from tests.faultd.answer import Streamed
from tests.faultd.frames import aws_event, dumps, sse

if TYPE_CHECKING:
    from tests.faultd.answer import Asked

__all__ = ["InvokeClaude", "Messages", "VertexMessages"]

JSONMap = dict[str, Any]

TYPES = {
    400: ("invalid_request_error", "The request is not valid."),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low to access the Anthropic API."),
    403: ("permission_error", "This key may not do that."),
    404: ("not_found_error", "model: not found"),
    413: ("request_too_large", "The request is too large."),
    429: ("rate_limit_error", "This request would exceed your rate limit."),
    504: ("timeout_error", "The request took too long."),
    529: ("overloaded_error", "Overloaded"),
    500: ("api_error", "Internal server error"),
}

STOPS = {"stop": "end_turn", "length": "max_tokens"}


def error(status: int, code: str | None, message: str | None) -> tuple[dict[str, str], JSONMap]:
    """Headers and body of a refusal."""
    kind, said = TYPES.get(status) or TYPES[400 if status < 500 else 500]
    body = {"type": code or kind, "message": message or said}
    return {}, {"type": "error", "error": body, "request_id": "req_faultd"}


class Messages:
    """`POST /v1/messages`."""

    error = staticmethod(error)

    def _message(self, asked: Asked, content: list[JSONMap], stop: str | None) -> JSONMap:
        return {
            "id": f"msg_{asked.number}",
            "type": "message",
            "role": "assistant",
            "model": asked.model,
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
        }

    def whole(self, asked: Asked) -> JSONMap:
        """The whole answer."""
        stop = STOPS.get(asked.play.finish, asked.play.finish)
        body = self._message(asked, [{"type": "text", "text": asked.text}], stop)
        if asked.play.usage:
            given, said = asked.used
            body["usage"] = {"input_tokens": given, "output_tokens": said}
        return body

    def events(self, asked: Asked) -> tuple[list[JSONMap], list[JSONMap], list[JSONMap]]:
        """What comes before the content, the content, and what comes after it."""
        given, said = asked.used
        start = self._message(asked, [], None)
        end: JSONMap = {
            "type": "message_delta",
            "delta": {
                "stop_reason": STOPS.get(asked.play.finish, asked.play.finish),
                "stop_sequence": None,
            },
        }
        if asked.play.usage:
            start["usage"] = {"input_tokens": given, "output_tokens": min(1, said)}
            end["usage"] = {"output_tokens": said}
        block = {"type": "text", "text": ""}
        prelude: list[JSONMap] = [
            {"type": "message_start", "message": start},
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "ping"},
        ]
        content: list[JSONMap] = [
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": piece},
            }
            for piece in asked.play.pieces()
        ]
        return prelude, content, [{"type": "content_block_stop", "index": 0}, end]

    def streamed(self, asked: Asked) -> Streamed:
        """The answer as events."""

        def framed(events: list[JSONMap]) -> list[bytes]:
            return [sse(event, event["type"]) for event in events]

        prelude, content, finish = map(framed, self.events(asked))
        failed = error(529, asked.play.code, asked.play.message)[1]
        return Streamed(
            media_type="text/event-stream; charset=utf-8",
            prelude=prelude,
            content=content,
            finish=finish,
            mark=sse({"type": "message_stop"}, "message_stop"),
            error=sse(failed, "error"),
        )


class VertexMessages(Messages):
    """`POST …/publishers/anthropic/models/M:rawPredict`: what is wrong with a request is said in
    Claude's words, all else in Google's."""

    @staticmethod
    def error(status: int, code: str | None, message: str | None) -> tuple[dict[str, str], JSONMap]:
        """Headers and body of a refusal."""
        return (error if status in (400, 413, 529) else wires_google.error)(status, code, message)


class InvokeClaude(Messages):
    """`POST /model/M/invoke`: Claude's body in an AWS answer."""

    error = staticmethod(wires_aws.error)

    def streamed(self, asked: Asked) -> Streamed:
        """Each event in base64, in a frame."""

        def framed(events: list[JSONMap]) -> list[bytes]:
            return [
                aws_event("chunk", {"bytes": b64encode(dumps(event)).decode()}) for event in events
            ]

        given, said = asked.used
        counted = {"inputTokenCount": given, "outputTokenCount": said}
        last: JSONMap = {"type": "message_stop"}
        if asked.play.usage:
            last["amazon-bedrock-invocationMetrics"] = counted
        prelude, content, finish = map(framed, self.events(asked))
        return replace(
            wires_aws.frame(asked),
            prelude=prelude,
            content=content,
            finish=finish,
            mark=framed([last])[0],
        )
