"""Which wire language a request speaks, told by its path alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from tests.faultd.wires_anthropic import InvokeClaude, Messages, VertexMessages
from tests.faultd.wires_aws import Converse
from tests.faultd.wires_cohere import Cohere
from tests.faultd.wires_google import Gemini
from tests.faultd.wires_openai import Chat, Embeddings, Models, Responses

if TYPE_CHECKING:
    from tests.faultd.answer import Asked, Streamed

__all__ = ["WIRES", "Wire", "Work", "recognise"]


class Wire(Protocol):
    """One wire language."""

    def error(
        self, status: int, code: str | None, message: str | None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Headers and body of a refusal."""
        ...

    def whole(self, asked: Asked) -> dict[str, Any]:
        """The whole answer."""
        ...

    def streamed(self, asked: Asked) -> Streamed:
        """The answer as a stream."""
        ...


WIRES: dict[str, Wire] = {
    "openai-chat": Chat(),
    "openai-responses": Responses(),
    "openai-embeddings": Embeddings(),
    "openai-models": Models(),
    "anthropic-messages": Messages(),
    "vertex-anthropic": VertexMessages(),
    "gemini-generate": Gemini(),
    "bedrock-converse": Converse(),
    "bedrock-invoke-claude": InvokeClaude(),
    "cohere-chat": Cohere(),
}

_PATHS = [
    (re.compile(pattern), name)
    for pattern, name in (
        (r"/chat/completions$", "openai-chat"),
        (r"/responses$", "openai-responses"),
        (r"/embeddings$", "openai-embeddings"),
        (r"/models$", "openai-models"),
        (r"/v2/chat$", "cohere-chat"),
        (r"/v1/messages$", "anthropic-messages"),
        (r"/publishers/anthropic/models/([^/]+):(?:r|streamR)awPredict$", "vertex-anthropic"),
        (r"/([^/]+):(?:g|streamG)enerateContent$", "gemini-generate"),
        (r"/model/([^/]+)/converse(?:-stream)?$", "bedrock-converse"),
        (r"/model/([^/]+)/invoke(?:-with-response-stream)?$", "bedrock-invoke-claude"),
    )
]


class Work(NamedTuple):
    """What a request asks for. `array`: the stream is to be one JSON array."""

    dialect: str
    model: str
    stream: bool
    array: bool


def recognise(target: str, body: dict[str, Any]) -> Work | None:
    """What a request to this target asks for, None where no wire has such a path."""
    parts = urlsplit(target)
    for pattern, name in _PATHS:
        found = pattern.search(parts.path)
        if found is None:
            continue
        if found.groups():
            stream = ":stream" in parts.path or parts.path.endswith("-stream")
            array = name == "gemini-generate" and parse_qs(parts.query).get("alt") != ["sse"]
            return Work(name, unquote(found[1]), stream, stream and array)
        return Work(name, str(body.get("model", "")), body.get("stream") is True, False)
    return None
