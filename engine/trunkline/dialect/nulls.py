"""Nulls that say nothing.

Clients send null for what they leave out; OpenAI takes that, other wires refuse it. Nulls inside
a schema, a call's arguments or a block of a wire's own are data, and stay.
"""

from __future__ import annotations

from typing import Any

__all__ = ["without_nulls"]

JSONMap = dict[str, Any]


def without_nulls(request: Any) -> JSONMap:
    """A canonical request without the nulls in its fields, its tools and its response format.
    What has none is given back as it is; nothing is changed in place."""
    bare = _bare(request)
    tools = bare.get("tools")
    if tools:
        spoken = [_tool(tool) for tool in tools]
        if any(new is not old for new, old in zip(spoken, tools, strict=True)):
            bare = {**bare, "tools": spoken}
    shape = bare.get("response_format")
    if isinstance(shape, dict) and isinstance(shape.get("json_schema"), dict):
        schema = _bare(shape["json_schema"])
        if schema is not shape["json_schema"]:
            bare = {**bare, "response_format": {**shape, "json_schema": schema}}
    return bare


def _tool(tool: Any) -> Any:
    if not isinstance(tool, dict):
        return tool
    bare = _bare(tool)
    function = bare.get("function")
    if not isinstance(function, dict):
        return bare
    spoken = _bare(function)
    return bare if spoken is function else {**bare, "function": spoken}


def _bare(mapping: Any) -> JSONMap:
    for value in mapping.values():
        if value is None:
            return {key: one for key, one in mapping.items() if one is not None}
    return mapping  # type: ignore[no-any-return]
