"""A small Ollama on this machine, after its API's documentation and by no code of ours.

It refuses what Ollama would refuse or not understand. The model's name says what happens:
`missing`, `long`, `busy`, `broken`, `deaf` (takes no tools), `cut` and `late` (streams that break
off or fail after they began); any other model answers.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

PNG = b"\x89PNG\r\n\x1a\n"

_FIELDS = {
    "model": str,
    "messages": list,
    "tools": list,
    "format": (str, dict),
    "options": dict,
    "stream": bool,
    "think": (bool, str),
    "keep_alive": (str, int),
}
_OPTIONS = {
    "temperature": (int, float),
    "top_p": (int, float),
    "top_k": int,
    "num_predict": int,
    "num_ctx": int,
    "seed": int,
    "presence_penalty": (int, float),
    "frequency_penalty": (int, float),
    "stop": list,
}
_MESSAGE = {
    "role": str,
    "content": str,
    "thinking": str,
    "images": list,
    "tool_calls": list,
    "tool_name": str,
}
_FAILURES = {
    "missing": (404, "model 'missing' not found"),
    "long": (400, "the input length exceeds the context length"),
    "busy": (503, "server busy, please try again. maximum pending requests exceeded"),
    "broken": (500, "model runner has unexpectedly stopped"),
}


class OllamaError(Exception):
    """What Ollama answers instead: a status, and a text."""


class Ollama:
    """Its address, and the bodies that it was sent."""

    def __init__(self, port: int) -> None:
        self.origin = f"http://127.0.0.1:{port}"
        self.seen: list[dict[str, Any]] = []


@contextmanager
def ollama() -> Iterator[Ollama]:
    """One that runs as long as the block."""

    class Handler(_Handler):
        def note(self, body: dict[str, Any]) -> None:
            running.seen.append(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running = Ollama(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def note(self, body: dict[str, Any]) -> None:
        raise NotImplementedError

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.note(body)
        try:
            if self.path != "/api/chat":
                raise OllamaError(404, "404 page not found")
            check(body)
            message = answer(body)
        except OllamaError as error:
            self._whole(error.args[0], {"error": error.args[1]})
            return
        ending = {
            "done": True,
            "done_reason": "length" if body.get("options", {}).get("num_predict") == 1 else "stop",
            "total_duration": 5043500667,
            "prompt_eval_count": 26,
            "eval_count": 7,
        }
        head = {"model": body["model"], "created_at": "2025-08-04T19:22:45.499127Z"}
        if body.get("stream", True):
            self._lines(body["model"], [{**head, **line} for line in lines(message, ending)])
        else:
            self._whole(200, {**head, "message": message, **ending})

    def _whole(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json; charset=utf-8")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _lines(self, model: str, said: list[dict[str, Any]]) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/x-ndjson")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        if model in ("cut", "late"):
            said = said[:-2]
        if model == "late":
            said.append({"error": "an error was encountered while running the model"})
        for line in said:
            data = json.dumps(line).encode() + b"\n"
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")


def check(body: dict[str, Any]) -> None:
    """Raise `OllamaError` for what is not a request to Ollama."""
    _typed(body, _FIELDS, "the request")
    _typed(body.get("options", {}), _OPTIONS, "options")
    for message in body["messages"]:
        _typed(message, _MESSAGE, "a message")
        if message["role"] not in ("system", "user", "assistant", "tool"):
            raise OllamaError(400, f"invalid role {message['role']}")
        for image in message.get("images", ()):
            if not base64.b64decode(image, validate=True).startswith(PNG):
                raise OllamaError(400, "Failed to load image or audio file")
        for call in message.get("tool_calls", ()):
            if not isinstance(call["function"]["arguments"], dict):
                raise OllamaError(400, "arguments must be an object")
        if message["role"] == "tool" and not message.get("tool_name"):
            raise OllamaError(400, "a tool's answer needs its name")
    if body["model"] in _FAILURES:
        raise OllamaError(*_FAILURES[body["model"]])
    if body["model"] == "deaf" and body.get("tools"):
        raise OllamaError(400, "registry.ollama.ai/library/deaf does not support tools")


def _typed(value: dict[str, Any], kinds: dict[str, Any], what: str) -> None:
    for key, one in value.items():
        if key not in kinds or not isinstance(one, kinds[key]):
            raise OllamaError(400, f"{what} cannot have {key}: {one!r}")


def answer(body: dict[str, Any]) -> dict[str, Any]:
    """A message that shows what was understood."""
    last = body["messages"][-1]
    if last["role"] == "tool":
        return {"role": "assistant", "content": f"{last['tool_name']} says {last['content']}"}
    if body.get("tools"):
        name = body["tools"][0]["function"]["name"]
        calls = [{"function": {"name": name, "arguments": {"city": c}}} for c in ("Oslo", "Rome")]
        return {"role": "assistant", "content": "", "tool_calls": calls}
    said = f"you said {last['content']}"
    if "images" in last:
        said = f"{said} over {len(last['images'])} image"
    if "format" in body:
        said = json.dumps({"format": body["format"]})
    message = {"role": "assistant", "content": said}
    return {**message, "thinking": "let me see"} if body.get("think") else message


def lines(message: dict[str, Any], ending: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The message as a stream brings it: piece by piece, calls whole."""
    nothing = {"role": "assistant", "content": ""}
    for key in ("thinking", "content"):
        for piece in re.findall(" *[^ ]+", message.get(key, "")):
            yield {"message": {**nothing, key: piece}, "done": False}
    for call in message.get("tool_calls", ()):
        yield {"message": {**nothing, "tool_calls": [call]}, "done": False}
    yield {"message": nothing, **ending}
