"""Messages as turns, and back.

Some wires want a conversation as alternating turns of ordered parts, with tool results inside
the user's turn; the canonical chat has messages. Both functions are pure: they never change what
they are given, and share the parts that they do not change.
"""

from __future__ import annotations

from typing import Any

from trunkline.dialect.parts import as_content, mappings, parts

__all__ = [
    "from_turns",
    "message_parts",
    "turns",
]

JSONMap = dict[str, Any]

_TURN_OF_ROLE = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "tool": "user",
    "assistant": "assistant",
}


def message_parts(message: Any) -> list[JSONMap]:
    """All that one message holds, as ordered parts: content, refusal, calls or result."""
    return _message_parts(message, {}) if isinstance(message, dict) and "role" in message else []


def turns(messages: Any) -> list[JSONMap]:
    """Messages as turns: `[{role: user | assistant | system, parts: [...]}]`.

    Neighbours of the same role are merged, and messages that hold nothing make no turn, because
    wires that alternate refuse both. A tool message becomes a `tool_result` part of the
    user's turn, with the tool's name recovered from the call that it answers.
    """
    result: list[JSONMap] = []
    names: dict[str, str] = {}
    for message in mappings(messages):
        role = _TURN_OF_ROLE.get(message.get("role", ""))
        if role is None:
            continue
        added = _message_parts(message, names)
        if not added:
            continue
        if result and result[-1]["role"] == role:
            result[-1]["parts"].extend(added)
        else:
            result.append({"role": role, "parts": added})
    return result


def _message_parts(message: JSONMap, names: dict[str, str]) -> list[JSONMap]:
    """One message's parts in a list of its own; notes the names of the calls it makes."""
    role = message["role"]
    if role == "tool":
        return [_tool_result(message, names)]
    found = list(parts(message.get("content")))
    if message.get("refusal"):
        found.append({"type": "refusal", "refusal": message["refusal"]})
    if role == "assistant":
        found.extend(_tool_call(call) for call in mappings(message.get("tool_calls")))
        for part in found:
            if part.get("type") == "tool_call":
                names[part.get("id", "")] = part.get("name", "")
    return found


def _tool_call(call: JSONMap) -> JSONMap:
    function = call.get("function") or {}
    part = {
        "type": "tool_call",
        "id": call.get("id", ""),
        "name": function.get("name", ""),
        "arguments": function.get("arguments", ""),
    }
    for key in ("signature", "owner", "more", "cache_control"):
        if key in call:
            part[key] = call[key]
    return part


def _tool_result(message: JSONMap, names: dict[str, str]) -> JSONMap:
    call = message.get("tool_call_id", "")
    part: JSONMap = {
        "type": "tool_result",
        "id": call,
        "content": parts(message.get("content")),
    }
    name = message.get("name") or names.get(call)
    if name:
        part["name"] = name
    for key in ("is_error", "owner", "more", "cache_control"):
        if key in message:
            part[key] = message[key]
    return part


def from_turns(turns_: Any) -> list[JSONMap]:
    """Turns as messages: the inverse of `turns`.

    Tool results become tool messages, in their place among the turn's other parts. Neighbouring
    assistant turns become one message, because wires with messages want a step's calls together;
    its calls go to `tool_calls` when nothing follows them, else they stay among the parts, so
    that their order is kept. A role that there is not is kept too: `check_request` names it.
    """
    messages: list[JSONMap] = []
    said: list[JSONMap] | None = None
    for turn in mappings(turns_):
        role = turn.get("role")
        found = list(mappings(turn.get("parts")))
        if role == "assistant":
            if said is None:
                said = []
            said.extend(found)
            continue
        if said is not None:
            messages.append(_assistant_message(said))
            said = None
        if role == "user":
            messages.extend(_user_messages(found))
        else:
            messages.append({"role": role, "content": as_content(found)})
    if said is not None:
        messages.append(_assistant_message(said))
    return messages


def _assistant_message(found: list[JSONMap]) -> JSONMap:
    calls = len(found)
    while calls and found[calls - 1].get("type") == "tool_call":
        calls -= 1
    before, trailing = found[:calls], found[calls:]
    if any(part.get("type") == "tool_call" for part in before):
        before, trailing = found, []
    refusals = [part for part in before if part.get("type") == "refusal"]
    rest = [part for part in before if part.get("type") != "refusal"] if refusals else before
    message: JSONMap = {"role": "assistant", "content": as_content(rest) if rest else None}
    if refusals:
        message["refusal"] = "".join(str(part.get("refusal", "")) for part in refusals)
    if trailing:
        message["tool_calls"] = [_call_of_part(part) for part in trailing]
    return message


def _call_of_part(part: JSONMap) -> JSONMap:
    call = {
        "id": part.get("id", ""),
        "type": "function",
        "function": {"name": part.get("name", ""), "arguments": part.get("arguments", "")},
    }
    for key in ("signature", "owner", "more", "cache_control"):
        if key in part:
            call[key] = part[key]
    return call


def _user_messages(found: list[JSONMap]) -> list[JSONMap]:
    messages: list[JSONMap] = []
    plain: list[JSONMap] = []
    for part in found:
        if part.get("type") != "tool_result":
            plain.append(part)
            continue
        if plain:
            messages.append({"role": "user", "content": as_content(plain)})
            plain = []
        messages.append(_tool_message(part))
    if plain or not messages:
        messages.append({"role": "user", "content": as_content(plain)})
    return messages


def _tool_message(part: JSONMap) -> JSONMap:
    message: JSONMap = {
        "role": "tool",
        "tool_call_id": part.get("id", ""),
        "content": as_content(parts(part.get("content"))),
    }
    for key in ("name", "is_error", "owner", "more", "cache_control"):
        if key in part:
            message[key] = part[key]
    return message
