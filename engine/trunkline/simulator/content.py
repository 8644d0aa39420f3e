"""What a simulated provider says: made from the request and the seed, and from nothing else."""

from __future__ import annotations

import textwrap
from hashlib import sha256, shake_256
from math import hypot
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from trunkline.errors import RequestError
from trunkline.simulator.example import example
from trunkline.wire.jsontext import dumps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trunkline.simulator.settings import Settings

__all__ = ["Answer", "answer", "vectors"]

JSONMap = dict[str, Any]

_TOKEN: Final = 4
"""Bytes of text in a token, near enough."""

_MEDIA: Final = 85
"""Tokens for an image, sound or file: what OpenAI counts for an image of low detail."""

_MAX_CHOICES: Final = 128

_DIMENSIONS: Final = 256
_MAX_DIMENSIONS: Final = 4096

_ENDINGS: Final = (
    "Nobody was asked, and nothing was billed.",
    "Point the route at a real provider and this will be a real answer.",
    "The same request will always get this same answer.",
    "It came over a real socket, in the provider's own wire language.",
    "Change the seed to read something else.",
    "All of this was made up on your own machine.",
)


class Answer(NamedTuple):
    """An answer as deltas: what opens it, its content in chunks, and what ends it."""

    start: JSONMap
    content: list[JSONMap]
    end: list[JSONMap]


def vectors(request: Mapping[str, Any], settings: Settings) -> Answer:
    """A vector of length 1 for each text, made from the text, the model and the seed: the same
    text always has the same one. Raises `RequestError` for what cannot be simulated."""
    size = request.get("dimensions") or _DIMENSIONS
    if not 1 <= size <= _MAX_DIMENSIONS:
        raise RequestError("bad_request", f"dimensions: from 1 to {_MAX_DIMENSIONS}")
    content: list[JSONMap] = [
        {"at": at, "embedding": _vector([settings.seed, request["model"], text], size)}
        for at, text in enumerate(request["input"])
    ]
    tokens = sum(
        -(-len(_bytes(text)) // _TOKEN) if isinstance(text, str) else len(text)
        for text in request["input"]
    )
    digest = sha256(dumps([settings.seed, request["input"]])).hexdigest()
    start = {"start": {"id": f"sim_{digest[:24]}", "model": request["model"]}}
    return Answer(start, content, [{"usage": {"input": tokens}}])


def _vector(of: list[Any], size: int) -> list[float]:
    stream = shake_256(dumps(of)).digest(size)
    raw = [byte - 127.5 for byte in stream]
    length = hypot(*raw)
    return [round(number / length, 8) for number in raw]


def answer(request: Mapping[str, Any], settings: Settings) -> Answer:
    """The answer to a canonical request.

    A call of a tool where tools are offered and the user spoke last, else JSON where a schema
    asks for it, else text. Raises `RequestError` for what cannot be simulated.
    """
    digest = sha256(dumps([settings.seed, *(request.get(key) for key in _COUNTS)])).hexdigest()
    if not request["messages"]:
        raise RequestError("bad_request", "messages: at least one message wanted")
    tool = _tool(request)
    choices = request.get("n") or 1
    if not 1 <= choices <= _MAX_CHOICES:
        raise RequestError("bad_request", f"n: from 1 to {_MAX_CHOICES}")
    if tool is not None:
        said, finish = _arguments(tool), "tool_calls"
    else:
        said, finish = _limited(_text(request, settings, digest), request)
    content: list[JSONMap] = []
    end: list[JSONMap] = []
    for choice in range(choices):
        if tool is None:
            content += (
                {"choice": choice, "text": piece} for piece in _pieces(said, settings.chunk)
            )
        else:
            content += _call(
                choice, f"call_{digest[:20]}{choice}", tool["name"], said, settings.chunk
            )
        end.append({"choice": choice, "finish": finish})
    output = choices * -(-len(_bytes(said)) // _TOKEN)
    end.append({"usage": {"input": _input_tokens(request), "output": output}})
    return Answer({"start": {"id": f"sim_{digest[:24]}", "model": request["model"]}}, content, end)


_COUNTS: Final = ("model", "messages", "tools", "response_format")
"""Request fields that decide what is said; whether it is streamed does not."""


def _tool(request: Mapping[str, Any]) -> JSONMap | None:
    """The function to call: the one asked for, or the first; None for an answer in words."""
    choice = request.get("tool_choice")
    tools = request.get("tools") or ()
    functions: list[JSONMap] = [tool["function"] for tool in tools if "function" in tool]
    if not functions or choice == "none" or request["messages"][-1]["role"] != "user":
        return None
    if isinstance(choice, dict):
        name = (choice.get("function") or {}).get("name")
        named = [function for function in functions if function["name"] == name]
        if not named:
            raise RequestError("bad_request", f"tool_choice: there is no tool {str(name)[:100]!r}")
        return named[0]
    return functions[0]


def _arguments(tool: Mapping[str, Any]) -> str:
    schema = tool.get("parameters") or {}
    return dumps(example({"type": "object", **schema})).decode()


def _call(choice: int, call_id: str, name: str, arguments: str, size: int) -> Iterator[JSONMap]:
    opened = {"id": call_id, "name": name}
    yield {"choice": choice, "at": 0, "tool_call": opened}
    for piece in _pieces(arguments, size):
        yield {"choice": choice, "at": 0, "tool_call": {"arguments": piece}}


def _text(request: Mapping[str, Any], settings: Settings, digest: str) -> str:
    if settings.reply is not None:
        return settings.reply
    asked = request.get("response_format") or {}
    if asked.get("type") == "json_schema":
        return dumps(example((asked.get("json_schema") or {}).get("schema"))).decode()
    words = _words(request, settings, digest)
    return dumps({"answer": words}).decode() if asked.get("type") == "json_object" else words


def _words(request: Mapping[str, Any], settings: Settings, digest: str) -> str:
    last = request["messages"][-1]
    heard = textwrap.shorten(_said(last), 60, placeholder=" …")
    verb = "the tool answered" if last["role"] == "tool" else "you said"
    ending = _ENDINGS[int(digest[:8], 16) % len(_ENDINGS)]
    whose = f"{settings.provider} for {request['model']}"
    return f"Simulated answer of {whose}: {verb} “{heard}”. {ending}"


def _said(message: Mapping[str, Any]) -> str:
    """The words of a message; where there are none, what it holds instead."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    texts = [part["text"] for part in content if part["type"] == "text"]
    return " ".join(texts) or ", ".join(part["type"] for part in content)


def _limited(text: str, request: Mapping[str, Any]) -> tuple[str, str]:
    """The text up to the first stop sequence and within the tokens asked for, and its finish."""
    stops = request.get("stop") or []
    for stop in [stops] if isinstance(stops, str) else stops:
        text = text.partition(stop)[0] if stop else text
    limit = request.get("max_completion_tokens") or request.get("max_tokens")
    if limit is None or len(_bytes(text)) <= limit * _TOKEN:
        return text, "stop"
    return _bytes(text)[: limit * _TOKEN].decode(errors="ignore"), "length"


def _pieces(text: str, size: int) -> Iterator[str]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


def _input_tokens(request: Mapping[str, Any]) -> int:
    """What the request's words come to; media count the same whatever their size."""
    return -(-_weight([request["messages"], request.get("tools")]) // _TOKEN)


def _bytes(text: str) -> bytes:
    """The text in UTF-8; half an emoji, which JSON can carry, is a question mark."""
    return text.encode("utf-8", "replace")


def _weight(value: Any) -> int:
    """Bytes of text in a JSON value, keys aside."""
    if isinstance(value, str):
        return _MEDIA * _TOKEN if value.startswith("data:") else len(_bytes(value))
    if isinstance(value, dict):
        if "data" in value and "format" in value:
            return _MEDIA * _TOKEN
        return sum(map(_weight, value.values()))
    return sum(map(_weight, value)) if isinstance(value, list) else 0
