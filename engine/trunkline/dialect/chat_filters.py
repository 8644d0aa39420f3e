"""The filters over the canonical chat that dialect files use.

All take messages that `check_request` accepted, change nothing, and pass over other JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trunkline.dialect.call_ids import fit_ids, pair_calls
from trunkline.dialect.file_names import fit_filenames
from trunkline.dialect.json_shapes import camel_keys, json_schema, standard_base64
from trunkline.dialect.parts import (
    mappings,
    own_blobs,
    parts,
    read_parts,
    results_first,
    text_of,
    url_citations,
)
from trunkline.dialect.turns import from_turns, message_parts, turns

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "CHAT_FILTERS",
    "after_preamble",
    "allowed_by",
    "lift_tool_media",
    "preamble",
    "with_roles",
    "without_roles",
]

JSONMap = dict[str, Any]

_SYSTEM_ROLES = frozenset({"system", "developer"})


def preamble(messages: Any) -> list[JSONMap]:
    """The parts of the system and developer messages that open the conversation."""
    found: list[JSONMap] = []
    for message in mappings(messages):
        if message.get("role") not in _SYSTEM_ROLES:
            break
        found.extend(parts(message.get("content")))
    return found


def after_preamble(messages: Any) -> list[JSONMap]:
    """The messages from the first that is neither system nor developer."""
    rest = list(mappings(messages))
    for position, message in enumerate(rest):
        if message.get("role") not in _SYSTEM_ROLES:
            return rest[position:]
    return []


def with_roles(messages: Any, *roles: str) -> list[JSONMap]:
    """The messages that have one of these roles."""
    return [message for message in mappings(messages) if message.get("role") in roles]


def without_roles(messages: Any, *roles: str) -> list[JSONMap]:
    """The messages that have none of these roles."""
    return [message for message in mappings(messages) if message.get("role") not in roles]


def allowed_by(tools: Any, choice: Any) -> list[JSONMap]:
    """The tools that a tool choice leaves to the model: those that it names, or all of them.

    For wires that cannot name a choice: a tool that is not offered cannot be called. A tool that
    only one wire knows is named by its type.
    """
    offered = list(mappings(tools))
    if not isinstance(choice, dict):
        return offered
    listed = choice.get("allowed_tools")
    chosen = [
        _name_of(one)
        for one in mappings(listed.get("tools") if isinstance(listed, dict) else [choice])
    ]
    return [tool for tool in offered if _name_of(tool.get("block", tool)) in chosen]


def _name_of(tool: Any) -> Any:
    """A function's name, or another tool's type, told apart from names by its place."""
    function = tool.get("function") if isinstance(tool, dict) else None
    if isinstance(function, dict):
        return function.get("name")
    return ("type", tool.get("type")) if isinstance(tool, dict) else None


def lift_tool_media(messages: Any) -> list[JSONMap]:
    """Messages in which tool messages hold text only.

    For wires that refuse media in a tool's answer: what is not text moves into a user message
    right after the run of tool messages that it came in.
    """
    result: list[JSONMap] = []
    lifted: list[JSONMap] = []
    for message in mappings(messages):
        if message.get("role") != "tool":
            if lifted:
                result.append({"role": "user", "content": lifted})
                lifted = []
            result.append(message)
            continue
        content = message.get("content")
        media = [part for part in parts(content) if part.get("type") != "text"]
        if media:
            lifted.extend(media)
            text = [part for part in parts(content) if part.get("type") == "text"]
            message = {**message, "content": text or "(see the attached content)"}
        result.append(message)
    if lifted:
        result.append({"role": "user", "content": lifted})
    return result


CHAT_FILTERS: dict[str, Callable[..., Any]] = {
    "parts": parts,
    "read_parts": read_parts,
    "message_parts": message_parts,
    "text_of": text_of,
    "turns": turns,
    "from_turns": from_turns,
    "preamble": preamble,
    "after_preamble": after_preamble,
    "with_roles": with_roles,
    "without_roles": without_roles,
    "pair_calls": pair_calls,
    "fit_ids": fit_ids,
    "fit_filenames": fit_filenames,
    "own_blobs": own_blobs,
    "results_first": results_first,
    "url_citations": url_citations,
    "lift_tool_media": lift_tool_media,
    "allowed_by": allowed_by,
    "camel_keys": camel_keys,
    "json_schema": json_schema,
    "standard_base64": standard_base64,
}
"""The filters over the canonical chat, by the name that dialect files use."""
