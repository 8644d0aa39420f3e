"""What a request needs a model to be capable of, where that can be told from the request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

__all__ = ["lacking"]

_OF_PART: Final = {"image_url": "vision", "file": "pdf", "input_audio": "audio"}
_FORMATS: Final = frozenset({"json_object", "json_schema"})


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
    for message in request["messages"]:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if part["type"] in _OF_PART:
                yield _OF_PART[part["type"]]
