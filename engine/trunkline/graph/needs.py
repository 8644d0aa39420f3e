"""What a request needs a model to be capable of, where that can be told from the request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trunkline.chat import MEANINGLESS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

__all__ = ["lacking", "untaken", "without"]

_OF_PART: Final = {"image_url": "vision", "file": "pdf", "input_audio": "audio"}
_FORMATS: Final = frozenset({"json_object", "json_schema"})


_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "tools": ("tools", "tool_choice", "parallel_tool_calls"),
    "reasoning": ("reasoning_effort", "reasoning"),
    "json_object": ("response_format",),
    "json_schema": ("response_format",),
}


def lacking(request: Mapping[str, Any], capabilities: Collection[str] | None) -> list[str]:
    """What the request needs and `capabilities` lack, sorted. Nothing is lacking where nobody
    has said what the model is capable of. Streaming is taken for granted, and who can fit a
    schema can write JSON."""
    if capabilities is None:
        return []
    missing = set(_needs(request)).difference(capabilities)
    if "json_schema" in capabilities:
        missing.discard("json_object")
    return sorted(missing)


def _needs(request: Mapping[str, Any]) -> Iterator[str]:
    if request.get("tools"):
        yield "tools"
    if request.get("reasoning_effort") not in (None, "none"):
        yield "reasoning"
    form = (request.get("response_format") or {}).get("type")
    if form in _FORMATS:
        yield form
    for message in request.get("messages", ()):
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if part["type"] in _OF_PART:
                yield _OF_PART[part["type"]]


def without(
    request: Mapping[str, Any], missing: Collection[str]
) -> tuple[Mapping[str, Any], list[str]]:
    """The request without what it needs these capabilities for, and what was left out."""
    fields = {name for one in missing for name in _FIELDS.get(one, ())}
    left = {name: value for name, value in request.items() if name not in fields}
    kinds = {kind for kind, capability in _OF_PART.items() if capability in missing}
    if kinds:
        left["messages"] = [_without_parts(message, kinds) for message in request["messages"]]
    return left, sorted([*fields.intersection(request), *kinds])


def _without_parts(message: Mapping[str, Any], kinds: Collection[str]) -> Mapping[str, Any]:
    content = message.get("content")
    if not isinstance(content, list):
        return message
    kept = [part for part in content if part["type"] not in kinds]
    return message if len(kept) == len(content) else {**message, "content": kept or ""}


def untaken(
    request: Mapping[str, Any], lacks: Collection[str], hints: Collection[str]
) -> tuple[list[str], list[str]]:
    """What the request says in fields that a provider does not take: hints, and the rest."""
    said = sorted(
        name
        for name in request.keys() & set(lacks)
        if request[name] not in (None, [], {}) and MEANINGLESS.get(name) != request[name]
    )
    return [n for n in said if n in hints], [n for n in said if n not in hints]
