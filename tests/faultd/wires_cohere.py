"""Cohere's chat, version 2. Shapes: docs.cohere.com/reference/chat and recorded exchanges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.faultd.answer import Streamed
from tests.faultd.frames import sse

if TYPE_CHECKING:
    from tests.faultd.answer import Asked

__all__ = ["Cohere"]

JSONMap = dict[str, Any]

SAID = {
    400: "invalid request",
    401: "invalid api token",
    402: "your account has an outstanding billing balance",
    404: "model 'm' not found",
    429: "You are using a rate limited key. Please wait and try again later.",
    500: "internal server error",
}

STOPS = {"stop": "COMPLETE", "length": "MAX_TOKENS"}


class Cohere:
    """`POST /v2/chat`."""

    @staticmethod
    def error(status: int, code: str | None, message: str | None) -> tuple[dict[str, str], JSONMap]:
        """Headers and body of a refusal: there are no codes."""
        return {}, {
            "id": "faultd",
            "message": message or SAID.get(status) or SAID[400 if status < 500 else 500],
        }

    @staticmethod
    def _usage(asked: Asked) -> JSONMap:
        given, said = asked.used
        counted = {"input_tokens": given, "output_tokens": said}
        return {"usage": {"billed_units": counted, "tokens": counted}} if asked.play.usage else {}

    def whole(self, asked: Asked) -> JSONMap:
        """The whole answer."""
        return {
            "id": f"faultd-{asked.number}",
            "finish_reason": STOPS.get(asked.play.finish, asked.play.finish),
            "message": {"role": "assistant", "content": [{"type": "text", "text": asked.text}]},
            **self._usage(asked),
        }

    def streamed(self, asked: Asked) -> Streamed:
        """The answer as events."""

        def event(kind: str, **value: Any) -> bytes:
            return sse({"type": kind, **value}, kind)

        def delta(content: JSONMap) -> JSONMap:
            return {"message": {"content": content}}

        begun = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []}
        pieces = asked.play.pieces()
        finish = STOPS.get(asked.play.finish, asked.play.finish)
        ended = {"finish_reason": finish, **self._usage(asked)}
        failed = asked.play.message or "internal server error"
        return Streamed(
            media_type="text/event-stream",
            prelude=[
                event("message-start", id=f"faultd-{asked.number}", delta={"message": begun}),
                event("content-start", index=0, delta=delta({"type": "text", "text": ""})),
            ],
            content=[event("content-delta", index=0, delta=delta({"text": it})) for it in pieces],
            finish=[event("content-end", index=0)],
            mark=event("message-end", delta=ended),
            error=event("message-end", delta={"finish_reason": "ERROR", "error": failed}),
        )
