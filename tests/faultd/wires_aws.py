"""AWS Bedrock's Converse, and what all of Bedrock's wires share.

Shapes: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and
…_ConverseStream.html, botocore's service model, recorded exchanges.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.faultd.answer import Streamed
from tests.faultd.frames import aws_event, aws_exception

if TYPE_CHECKING:
    from tests.faultd.answer import Asked

__all__ = ["Converse", "error", "frame"]

JSONMap = dict[str, Any]

TYPES = {
    400: ("ValidationException", "The request is not valid."),
    403: ("AccessDeniedException", "You may not do that."),
    401: ("UnrecognizedClientException", "The security token is invalid."),
    402: ("ServiceQuotaExceededException", "The quota is used up."),
    404: ("ResourceNotFoundException", "There is no such model."),
    408: ("ModelTimeoutException", "The model took too long."),
    424: ("ModelErrorException", "The model failed."),
    429: ("ThrottlingException", "Too many requests, please wait before trying again."),
    503: ("ServiceUnavailableException", "The service is not available."),
    500: ("InternalServerException", "Something went wrong."),
}

STOPS = {"stop": "end_turn", "length": "max_tokens"}


def error(status: int, code: str | None, message: str | None) -> tuple[dict[str, str], JSONMap]:
    """Headers and body of a refusal."""
    kind, said = TYPES.get(status) or TYPES[400 if status < 500 else 500]
    return {"x-amzn-errortype": code or kind}, {"message": message or said}


def frame(asked: Asked) -> Streamed:
    """A stream of AWS without anything in it yet."""
    kind = asked.play.code or "modelStreamErrorException"
    said = {"message": asked.play.message or "The model failed.", "originalStatusCode": 500}
    return Streamed(
        media_type="application/vnd.amazon.eventstream",
        prelude=[],
        content=[],
        finish=[],
        mark=b"",
        error=aws_exception(kind, said),
        garbage=b"\x00\x00\x00\x20\x00\x00\x00\x00no checksum fits this....",
    )


class Converse:
    """`POST /model/M/converse` and `…/converse-stream`. Its streams end with `metadata`."""

    error = staticmethod(error)

    @staticmethod
    def _end(asked: Asked) -> JSONMap:
        given, said = asked.used
        body: JSONMap = {"metrics": {"latencyMs": 5}}
        if asked.play.usage:
            body["usage"] = {
                "inputTokens": given,
                "outputTokens": said,
                "totalTokens": given + said,
            }
        return body

    def whole(self, asked: Asked) -> JSONMap:
        """The whole answer."""
        message = {"role": "assistant", "content": [{"text": asked.text}]}
        stop = STOPS.get(asked.play.finish, asked.play.finish)
        return {"output": {"message": message}, "stopReason": stop, **self._end(asked)}

    def streamed(self, asked: Asked) -> Streamed:
        """The answer as frames."""
        stop = STOPS.get(asked.play.finish, asked.play.finish)
        content = [
            aws_event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}})
            for piece in asked.play.pieces()
        ]
        return replace(
            frame(asked),
            prelude=[aws_event("messageStart", {"role": "assistant"})],
            content=content,
            finish=[
                aws_event("contentBlockStop", {"contentBlockIndex": 0}),
                aws_event("messageStop", {"stopReason": stop}),
            ],
            mark=aws_event("metadata", self._end(asked)),
        )
