"""OpenAI's wires: Chat Completions, Responses, embeddings, and the list of models.

Shapes: platform.openai.com/docs/api-reference and recorded exchanges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.faultd.answer import Streamed
from tests.faultd.frames import sse

if TYPE_CHECKING:
    from tests.faultd.answer import Asked

__all__ = ["Chat", "Embeddings", "Models", "Responses", "error"]

JSONMap = dict[str, Any]

TYPES = {
    400: ("invalid_request_error", None, "The request is not valid."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    402: ("insufficient_quota", "insufficient_quota", "There is no credit left."),
    403: ("invalid_request_error", "forbidden", "This key may not do that."),
    404: ("invalid_request_error", "model_not_found", "The model does not exist."),
    408: ("timeout", None, "The request took too long."),
    409: ("conflict", None, "Another request has the lock."),
    413: ("invalid_request_error", None, "The request is too large."),
    422: ("invalid_request_error", None, "The request cannot be processed."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    503: ("server_error", None, "The server is overloaded."),
    500: ("server_error", None, "The server had an error."),
}


def error(status: int, code: str | None, message: str | None) -> tuple[dict[str, str], JSONMap]:
    """Headers and body of a refusal."""
    kind, usual, said = TYPES.get(status) or TYPES[400 if status < 500 else 500]
    body = {"message": message or said, "type": kind, "param": None, "code": code or usual}
    return {}, {"error": body}


class Chat:
    """`POST …/chat/completions`."""

    error = staticmethod(error)

    @staticmethod
    def _usage(asked: Asked) -> JSONMap:
        given, said = asked.used
        return {
            "prompt_tokens": given,
            "completion_tokens": said,
            "total_tokens": given + said,
        }

    def whole(self, asked: Asked) -> JSONMap:
        """The whole answer."""
        message = {"role": "assistant", "content": asked.text, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": asked.play.finish}
        body: JSONMap = {
            "id": f"chatcmpl-{asked.number}",
            "object": "chat.completion",
            "created": 1_763_812_800,
            "model": asked.model,
            "choices": [{**choice, "logprobs": None}],
        }
        if asked.play.usage:
            body["usage"] = self._usage(asked)
        return body

    def streamed(self, asked: Asked) -> Streamed:
        """The answer as events; usage comes where it was asked for."""
        top = {
            "id": f"chatcmpl-{asked.number}",
            "object": "chat.completion.chunk",
            "created": 1_763_812_800,
            "model": asked.model,
        }

        def chunk(delta: JSONMap, finish: str | None = None) -> bytes:
            return sse({**top, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

        finish = [chunk({}, asked.play.finish)]
        if asked.play.usage and (asked.body.get("stream_options") or {}).get("include_usage"):
            finish.append(sse({**top, "choices": [], "usage": self._usage(asked)}))
        failed = error(500, asked.play.code, asked.play.message)[1]
        return Streamed(
            media_type="text/event-stream",
            prelude=[chunk({"role": "assistant", "content": ""})],
            content=[chunk({"content": piece}) for piece in asked.play.pieces()],
            finish=finish,
            mark=sse("[DONE]"),
            error=sse(failed),
        )


class Responses:
    """`POST …/responses`."""

    error = staticmethod(error)

    def _response(self, asked: Asked, status: str) -> JSONMap:
        given, said = asked.used
        item = self._item(asked, asked.text, "completed")
        body: JSONMap = {
            "id": f"resp_{asked.number}",
            "object": "response",
            "created_at": 1_763_812_800,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "model": asked.model,
            "output": [item] if status == "completed" else [],
            "parallel_tool_calls": True,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "usage": None,
        }
        if status == "completed" and asked.play.usage:
            body["usage"] = {
                "input_tokens": given,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": said,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": given + said,
            }
        return body

    @staticmethod
    def _item(asked: Asked, text: str | None, status: str) -> JSONMap:
        part: JSONMap = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
        return {
            "id": f"msg_{asked.number}",
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": [] if text is None else [part],
        }

    def whole(self, asked: Asked) -> JSONMap:
        """The whole answer."""
        return self._response(asked, "completed")

    def streamed(self, asked: Asked) -> Streamed:
        """The answer as events, numbered in a row."""
        count = iter(range(1_000_000))
        at: JSONMap = {"item_id": f"msg_{asked.number}", "output_index": 0, "content_index": 0}
        empty = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}

        def event(kind: str, **value: Any) -> bytes:
            return sse({"type": kind, "sequence_number": next(count), **value}, kind)

        broken = asked.play.breaks
        before = int(broken.at) if broken and not isinstance(broken.at, str) else 0
        begun = self._response(asked, "in_progress")
        added = self._item(asked, None, "in_progress")
        prelude = [
            event("response.created", response=begun),
            event("response.in_progress", response=begun),
            event("response.output_item.added", output_index=0, item=added),
            event("response.content_part.added", **at, part=empty),
        ]
        content = [
            event("response.output_text.delta", **at, delta=piece, logprobs=[])
            for piece in asked.play.pieces()
        ]
        done = self._item(asked, asked.text, "completed")
        finish = [
            event("response.output_text.done", **at, text=asked.text, logprobs=[]),
            event("response.content_part.done", **at, part=done["content"][0]),
            event("response.output_item.done", output_index=0, item=done),
        ]
        failed = error(500, asked.play.code, asked.play.message)[1]["error"]
        said = {"code": failed["code"] or "server_error", "message": failed["message"]}
        return Streamed(
            media_type="text/event-stream; charset=utf-8",
            prelude=prelude,
            content=content,
            finish=finish,
            mark=event("response.completed", response=self._response(asked, "completed")),
            error=event("error", **said, param=None, sequence_number=len(prelude) + before),
        )


class Embeddings:
    """`POST …/embeddings`: vectors of three numbers, base64 where that is asked for."""

    error = staticmethod(error)

    def whole(self, asked: Asked) -> JSONMap:
        """One vector for each input."""
        from base64 import b64encode
        from struct import pack

        given = asked.body.get("input", "")
        texts = (
            given if isinstance(given, list) and given and isinstance(given[0], str) else [given]
        )
        packed = asked.body.get("encoding_format") == "base64"
        data = []
        for index, _ in enumerate(texts):
            vector: Any = [1.0, 0.0, float(index)]
            if packed:
                vector = b64encode(pack("<3f", *vector)).decode()
            data.append({"object": "embedding", "index": index, "embedding": vector})
        body: JSONMap = {"object": "list", "data": data, "model": asked.model}
        if asked.play.usage:
            used = asked.play.input_tokens
            body["usage"] = {"prompt_tokens": used, "total_tokens": used}
        return body

    def streamed(self, asked: Asked) -> Streamed:
        """There is no such thing."""
        raise NotImplementedError("embeddings are not streamed")


class Models:
    """`GET …/models`."""

    error = staticmethod(error)

    def whole(self, asked: Asked) -> JSONMap:
        """One model."""
        model = {"id": "m-1", "object": "model", "created": 1_763_812_800, "owned_by": "faultd"}
        return {"object": "list", "data": [model]}

    def streamed(self, asked: Asked) -> Streamed:
        """There is no such thing."""
        raise NotImplementedError("a list of models is not streamed")
