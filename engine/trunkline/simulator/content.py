"""What a simulated provider says: made from the request and the seed, and from nothing else."""

from __future__ import annotations

import textwrap
from base64 import b64encode
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

_MAX_CALLS: Final = 8

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
    tokens = sum(_tokens(text) if isinstance(text, str) else len(text) for text in request["input"])
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

    Calls of tools where some are offered and the user spoke last, else JSON where a schema asks
    for it, else text. Where the request asks for reasoning, log probabilities or several answers
    they are there as well. Raises `RequestError` for what cannot be simulated.
    """
    digest = sha256(dumps([settings.seed, *(request.get(key) for key in _COUNTS)])).hexdigest()
    if not request["messages"]:
        raise RequestError("bad_request", "messages: at least one message wanted")
    tools = _tools(request)
    choices = request.get("n") or 1
    if not 1 <= choices <= _MAX_CHOICES:
        raise RequestError("bad_request", f"n: from 1 to {_MAX_CHOICES}")
    thought = _thought(request)
    called = [(tool["name"], _arguments(tool)) for tool in tools]
    said, ending = "".join(arguments for _, arguments in called), {"finish": "tool_calls"}
    if not tools:
        said, ending = _limited(_text(request, settings, digest), request)
    content: list[JSONMap] = []
    end: list[JSONMap] = []
    for choice in range(choices):
        content += _thinking(choice, thought, digest, settings.chunk)
        for at, (name, arguments) in enumerate(called):
            call_id = f"call_{digest[:20]}{choice}{at or ''}"
            content += _call(choice, at, call_id, name, arguments, settings.chunk)
        if not tools:
            content += ({"choice": choice, "text": it} for it in _pieces(said, settings.chunk))
            end += _odds(choice, said, request)
        end.append({"choice": choice, **ending})
    usage = {"input": _input_tokens(request), "output": choices * _tokens(said)}
    if thought:
        usage["reasoning"] = choices * _tokens(thought)
    end.append({"usage": usage})
    return Answer({"start": {"id": f"sim_{digest[:24]}", "model": request["model"]}}, content, end)


_COUNTS: Final = ("model", "messages", "tools", "response_format")
"""Request fields that decide what is said; whether it is streamed does not."""


def _tools(request: Mapping[str, Any]) -> list[JSONMap]:
    """The functions to call: the one asked for, or the first, or each of them where a call is
    required and several are allowed; none for an answer in words."""
    choice = request.get("tool_choice")
    tools = request.get("tools") or ()
    functions: list[JSONMap] = [tool["function"] for tool in tools if "function" in tool]
    if not functions or choice == "none" or request["messages"][-1]["role"] != "user":
        return []
    if isinstance(choice, dict):
        allowed = choice.get("allowed_tools")
        asked = [choice] if allowed is None else allowed["tools"]
        names = [(one.get("function") or {}).get("name") for one in asked]
        named = [function for function in functions if function["name"] in names]
        if not named:
            raise RequestError("bad_request", f"tool_choice: there is no tool {str(names)[:100]}")
        return named[:1]
    several = choice == "required" and request.get("parallel_tool_calls") is not False
    return functions[:_MAX_CALLS] if several else functions[:1]


def _arguments(tool: Mapping[str, Any]) -> str:
    schema = tool.get("parameters") or {}
    return dumps(example({"type": "object", **schema})).decode()


def _call(
    choice: int, at: int, call_id: str, name: str, arguments: str, size: int
) -> Iterator[JSONMap]:
    opened = {"id": call_id, "name": name}
    yield {"choice": choice, "at": at, "tool_call": opened}
    for piece in _pieces(arguments, size):
        yield {"choice": choice, "at": at, "tool_call": {"arguments": piece}}


def _thought(request: Mapping[str, Any]) -> str:
    """What is thought before the answer; nothing where no reasoning is asked for."""
    effort, more = request.get("reasoning_effort"), request.get("reasoning") or {}
    if effort == "none" or more.get("mode") == "disabled" or not (effort or more):
        return ""
    return f"Simulated reasoning of {effort or 'some'} effort."


def _thinking(choice: int, thought: str, digest: str, size: int) -> Iterator[JSONMap]:
    """The thought in pieces, and the seal under which its provider wants it back."""
    for piece in _pieces(thought, size):
        yield {"choice": choice, "at": "thought", "reasoning": piece}
    if thought:
        seal = b64encode(digest.encode()).decode()
        yield {"choice": choice, "at": "thought", "reasoning_signature": seal}


def _odds(choice: int, said: str, request: Mapping[str, Any]) -> Iterator[JSONMap]:
    """The log probability of each token, where they are asked for: -0.25, and for the others
    one less each."""
    if not request.get("logprobs"):
        return
    others = request.get("top_logprobs") or 0
    if others > _MAX_CHOICES:
        raise RequestError("bad_request", f"top_logprobs: up to {_MAX_CHOICES}")
    content = [
        {
            **_odd(token, 0),
            "top_logprobs": [_odd(token + "~" * place, place) for place in range(others)],
        }
        for token in _pieces(said, _TOKEN)
    ]
    yield {"choice": choice, "logprobs": {"content": content, "refusal": None}}


def _odd(token: str, place: int) -> JSONMap:
    return {"token": token, "logprob": -0.25 - place, "bytes": list(_bytes(token))}


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


def _limited(text: str, request: Mapping[str, Any]) -> tuple[str, JSONMap]:
    """The text up to the first stop sequence and within the tokens asked for, and its finish."""
    stops = request.get("stop") or []
    ending: JSONMap = {"finish": "stop"}
    for stop in [stops] if isinstance(stops, str) else stops:
        if stop and stop in text:
            text = text.partition(stop)[0]
            ending = {"finish": "stop", "stop_sequence": stop}
    limit = request.get("max_completion_tokens") or request.get("max_tokens")
    if limit is None or len(_bytes(text)) <= limit * _TOKEN:
        return text, ending
    return _bytes(text)[: limit * _TOKEN].decode(errors="ignore"), {"finish": "length"}


def _pieces(text: str, size: int) -> Iterator[str]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


def _input_tokens(request: Mapping[str, Any]) -> int:
    """What the request's words come to; media count the same whatever their size."""
    return -(-_weight([request["messages"], request.get("tools")]) // _TOKEN)


def _tokens(text: str) -> int:
    return -(-len(_bytes(text)) // _TOKEN)


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
