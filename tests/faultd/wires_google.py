"""Gemini's wire, at the Gemini API and at Vertex AI, and the errors of Google's front.

Shapes: ai.google.dev/api/generate-content, google.rpc.Status, recorded exchanges. A stream has no
mark of its own: its last event carries the finish reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.faultd.answer import Streamed
from tests.faultd.frames import dumps, sse

if TYPE_CHECKING:
    from tests.faultd.answer import Asked

__all__ = ["Gemini", "error"]

JSONMap = dict[str, Any]

TYPES = {
    400: ("INVALID_ARGUMENT", "The request is not valid."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    402: ("PAYMENT_REQUIRED", "Your prepayment credits are depleted."),
    403: ("PERMISSION_DENIED", "The caller does not have permission."),
    404: ("NOT_FOUND", "The model was not found."),
    409: ("ABORTED", "The operation was aborted."),
    429: ("RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later."),
    500: ("INTERNAL", "An internal error has occurred."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    504: ("DEADLINE_EXCEEDED", "The deadline expired."),
}

STOPS = {"stop": "STOP", "length": "MAX_TOKENS"}


def error(status: int, code: str | None, message: str | None) -> tuple[dict[str, str], JSONMap]:
    """Headers and body of a refusal."""
    kind, said = TYPES.get(status) or TYPES[400 if status < 500 else 500]
    body = {"code": status, "message": message or said, "status": code or kind}
    return {}, {"error": body}


class Gemini:
    """`POST …/models/M:generateContent` and `…:streamGenerateContent`."""

    error = staticmethod(error)

    def _chunk(self, asked: Asked, text: str | None, *, last: bool) -> JSONMap:
        candidate: JSONMap = {"index": 0}
        if text is not None:
            candidate["content"] = {"role": "model", "parts": [{"text": text}]}
        if last:
            candidate["finishReason"] = STOPS.get(asked.play.finish, asked.play.finish)
        body: JSONMap = {
            "candidates": [candidate],
            "modelVersion": asked.model,
            "responseId": f"resp-{asked.number}",
        }
        if last and asked.play.usage:
            given, said = asked.used
            body["usageMetadata"] = {
                "promptTokenCount": given,
                "candidatesTokenCount": said,
                "totalTokenCount": given + said,
            }
        return body

    def whole(self, asked: Asked) -> JSONMap:
        """The whole answer."""
        return self._chunk(asked, asked.text, last=True)

    def streamed(self, asked: Asked) -> Streamed:
        """The answer as events, or as one array that grows."""
        parts = [self._chunk(asked, piece, last=False) for piece in asked.play.pieces()]
        last = self._chunk(asked, "", last=True)
        failed = error(503, asked.play.code, asked.play.message)[1]
        if asked.array:
            return Streamed(
                media_type="application/json; charset=UTF-8",
                prelude=[b"["],
                content=[b",\r\n" * (at > 0) + dumps(part) for at, part in enumerate(parts)],
                finish=[b",\r\n" * bool(parts) + dumps(last)],
                mark=b"]",
                error=b",\r\n" + dumps(failed) + b"]",
                garbage=b",\r\n}}",
            )
        return Streamed(
            media_type="text/event-stream",
            prelude=[],
            content=[sse(part) for part in parts],
            finish=[],
            mark=sse(last),
            error=sse(failed),
        )
