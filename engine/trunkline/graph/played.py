"""A whole reply as the deltas that would fold to it, and deltas as callers see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trunkline.chat import Delta

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.chat import ReplyData
    from trunkline.dialect import Step

__all__ = ["deltas_of", "face"]


def face(delta: dict[str, Any], steps: list[Step]) -> Delta | None:
    """The delta as a caller sees it: calls numbered and with their minted ids; None if it only
    brings what the reply itself shows (id, model, usage)."""
    if not steps:
        return Delta(delta) if delta.get("finish") else None
    if "tool_call" not in delta:
        return Delta(delta)
    for step in steps:
        block = step.block
        if block.kind == "tool_call":
            shown: dict[str, Any] = {"index": block.call}
            if step.opened:
                shown |= {"id": block.id, "name": block.name}
            if "arguments" in step.added:
                shown["arguments"] = step.added["arguments"]
            return Delta({**delta, "tool_call": shown})
    return Delta(delta)


def deltas_of(data: ReplyData) -> list[dict[str, Any]]:
    """The deltas that would fold to this reply: one a part, and one a citation."""
    deltas: list[dict[str, Any]] = [{"start": {"id": data["id"], "model": data["model"]}}]
    for choice in data["choices"]:
        number = choice["index"]
        for at, part in enumerate(choice["parts"]):
            place = {"choice": number, "at": at}
            facets = _facets(part)
            if facets:
                owner = {"owner": part["owner"]} if "owner" in part else {}
                deltas.append({**place, **owner, **facets})
            deltas.extend({**place, "citation": one} for one in part.get("citations", ()))
        end: dict[str, Any] = {"choice": number, "finish": choice["finish"]}
        if choice["native_finish"] is not None:
            end["native_finish"] = choice["native_finish"]
        if "stop_sequence" in choice:
            end["stop_sequence"] = choice["stop_sequence"]
        for extra in choice.get("extra", {}).values():
            end["extra"] = extra
        if choice["logprobs"] is not None:
            end["logprobs"] = choice["logprobs"]
        deltas.append(end)
    return deltas


def _facets(part: Mapping[str, Any]) -> dict[str, Any]:
    kind = part["type"]
    if kind in ("tool_call", "server_call"):
        call = {key: part[key] for key in ("id", "name", "arguments", "more") if key in part}
        if kind == "server_call":
            call["server"] = True
        if "signature" in part:
            call["signature"] = part["signature"]
        return {"tool_call": call}
    if kind == "image_url":
        return {"image": part["image_url"]["url"]}
    said = ((facet, part.get(key)) for facet, key in _PART_FACETS.get(kind, ()))
    return {facet: value for facet, value in said if value is not None}


_PART_FACETS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "text": (("text", "text"), ("signature", "signature"), ("more", "more")),
    "reasoning": (
        ("reasoning", "text"),
        ("reasoning_signature", "signature"),
        ("reasoning_redacted", "redacted"),
        ("reasoning_id", "id"),
        ("more", "more"),
    ),
    "refusal": (("refusal", "refusal"),),
    "audio": (("audio", "audio"),),
    "wire": (("wire", "block"),),
}
