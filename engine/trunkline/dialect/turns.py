"""Restructuring the canonical chat: the part of translation that is Python, not spelling.

Some wires want a conversation as alternating turns of ordered parts, with tool results inside
the user's turn; the canonical chat has messages. `turns` and `from_turns` go between the two;
the rest prepares messages for wires with rules of their own. Every function is pure: it never
changes what it is given, and shares the parts that it does not change.

All take messages that `check_request` accepted. What they do with other JSON is unspecified
but harmless: a wrong shape is skipped.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from trunkline.template import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "CHAT_FILTERS",
    "after_preamble",
    "fit_ids",
    "from_turns",
    "lift_tool_media",
    "message_parts",
    "own_blobs",
    "pair_calls",
    "parts",
    "preamble",
    "read_parts",
    "text_of",
    "turns",
    "with_roles",
    "without_roles",
]

JSONMap = dict[str, Any]

_SYSTEM_ROLES = frozenset({"system", "developer"})
_TURN_OF_ROLE = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "tool": "user",
    "assistant": "assistant",
}


def parts(content: Any) -> list[JSONMap]:
    """A message's content as a list of parts; text becomes one part, empty text none."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    if isinstance(content, list):
        return [part for part in content if isinstance(part, dict)]
    return []


def read_parts(content: Any) -> list[JSONMap]:
    """What a client sent as content, as a list of parts.

    Raises `Refusal` for what is neither text nor a list of mappings.
    """
    whole = isinstance(content, str) or content is None
    if not whole and not (
        isinstance(content, list) and all(isinstance(part, dict) for part in content)
    ):
        raise Refusal("content must be text or a list of parts")
    return parts(content)


def message_parts(message: Any) -> list[JSONMap]:
    """All that one message holds, as ordered parts: content, refusal, calls or result."""
    return _message_parts(message, {}) if isinstance(message, dict) and "role" in message else []


def text_of(found: Any, kind: str = "text") -> str:
    """The text of the parts of one kind (`text`, `reasoning`, `refusal`), joined.

    Without anything between: wires split text around citations in mid-sentence.
    """
    key = "refusal" if kind == "refusal" else "text"
    return "".join(str(part.get(key, "")) for part in _mappings(found) if part.get("type") == kind)


def turns(messages: Any) -> list[JSONMap]:
    """Messages as turns: `[{role: user | assistant | system, parts: [...]}]`.

    Neighbours of the same role are merged, and messages that hold nothing make no turn, because
    wires that alternate refuse both. A tool message becomes a `tool_result` part of the
    user's turn, with the tool's name recovered from the call that it answers.
    """
    result: list[JSONMap] = []
    names: dict[str, str] = {}
    for message in _mappings(messages):
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
        found.extend(_tool_call(call) for call in _mappings(message.get("tool_calls")))
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
    for key in ("signature", "cache_control"):
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
    for key in ("is_error", "cache_control"):
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
    for turn in _mappings(turns_):
        role = turn.get("role")
        found = list(_mappings(turn.get("parts")))
        if role == "assistant":
            said = found if said is None else said + found
            continue
        if said is not None:
            messages.append(_assistant_message(said))
            said = None
        if role == "user":
            messages.extend(_user_messages(found))
        else:
            messages.append({"role": role, "content": _content(found)})
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
    message: JSONMap = {"role": "assistant", "content": _content(rest) if rest else None}
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
    for key in ("signature", "cache_control"):
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
            messages.append({"role": "user", "content": _content(plain)})
            plain = []
        messages.append(_tool_message(part))
    if plain or not messages:
        messages.append({"role": "user", "content": _content(plain)})
    return messages


def _tool_message(part: JSONMap) -> JSONMap:
    message: JSONMap = {
        "role": "tool",
        "tool_call_id": part.get("id", ""),
        "content": _content(parts(part.get("content"))),
    }
    for key in ("name", "is_error", "cache_control"):
        if key in part:
            message[key] = part[key]
    return message


def _content(found: list[JSONMap]) -> str | list[JSONMap]:
    """Plain text where one text part without anything beside it says all; else the parts."""
    if not found:
        return ""
    if len(found) == 1 and found[0].keys() == {"type", "text"}:
        return str(found[0]["text"])
    return found


def preamble(messages: Any) -> list[JSONMap]:
    """The parts of the system and developer messages that open the conversation."""
    found: list[JSONMap] = []
    for message in _mappings(messages):
        if message.get("role") not in _SYSTEM_ROLES:
            break
        found.extend(parts(message.get("content")))
    return found


def after_preamble(messages: Any) -> list[JSONMap]:
    """The messages from the first that is neither system nor developer."""
    rest = list(_mappings(messages))
    for position, message in enumerate(rest):
        if message.get("role") not in _SYSTEM_ROLES:
            return rest[position:]
    return []


def with_roles(messages: Any, *roles: str) -> list[JSONMap]:
    """The messages that have one of these roles."""
    return [message for message in _mappings(messages) if message.get("role") in roles]


def without_roles(messages: Any, *roles: str) -> list[JSONMap]:
    """The messages that have none of these roles."""
    return [message for message in _mappings(messages) if message.get("role") not in roles]


def pair_calls(turns_: Any, prefix: str = "call_") -> list[JSONMap]:
    """Turns whose calls and results have ids, where the wire has none.

    A call without an id gets one from its place; a result without an id answers the earliest
    unanswered call of its name.
    """
    waiting: list[tuple[str, str]] = []
    result: list[JSONMap] = []
    made = 0
    for turn in _mappings(turns_):
        paired: list[JSONMap] = []
        for part in _mappings(turn.get("parts")):
            kind = part.get("type")
            if kind == "tool_call":
                if not part.get("id"):
                    part = {**part, "id": f"{prefix}{made}"}
                    made += 1
                waiting.append((str(part.get("name", "")), part["id"]))
            elif kind == "tool_result":
                part = _paired_result(part, waiting)
            paired.append(part)
        result.append({**turn, "parts": paired})
    return result


def _paired_result(part: JSONMap, waiting: list[tuple[str, str]]) -> JSONMap:
    for position, (name, call) in enumerate(waiting):
        if part.get("id") == call or (not part.get("id") and part.get("name") == name):
            del waiting[position]
            return {**part, "id": call, "name": name}
    return part


def fit_ids(messages: Any, longest: int, others: str = "_-", shortest: int = 1) -> list[JSONMap]:
    """Messages whose call ids fit a wire that is strict about them.

    An id fits when it has `shortest` to `longest` characters, all of them ASCII letters, digits
    or among `others`. One that does not is replaced, in its call and in the result that answers
    it, by a digest of itself: the same id always becomes the same, so that later requests begin
    alike and a prompt cache holds, and no two ids of a request become one. Wires with room for
    less than 8 characters are beyond it: their messages are given back as they are.
    """
    found = _mappings(messages)
    if type(longest) is not int or longest < 8:
        return found
    said = list(dict.fromkeys(_call_ids(found)))
    fitting = {call: call for call in said if _fits(call, longest, others, shortest)}
    if len(fitting) == len(said):
        return found
    taken = set(fitting)
    for call in said:
        if call not in fitting:
            fitting[call] = _digest(call, min(longest, max(shortest, 24)), taken)
            taken.add(fitting[call])
    return [_with_ids(message, fitting) for message in found]


def _call_ids(messages: list[JSONMap]) -> list[str]:
    ids: list[Any] = []
    for message in messages:
        ids.append(message.get("tool_call_id"))
        ids.extend(call.get("id") for call in _mappings(message.get("tool_calls")))
        found = _mappings(message.get("content"))
        ids.extend(part.get("id") for part in found if part.get("type") == "tool_call")
    return [call for call in ids if isinstance(call, str)]


def _fits(call: str, longest: int, others: str, shortest: int) -> bool:
    plain = call.isascii() and all(letter.isalnum() or letter in others for letter in call)
    return plain and shortest <= len(call) <= longest


def _digest(call: str, size: int, taken: set[str]) -> str:
    """Hexadecimal digits that stand for an id and are not yet taken."""
    salt = 0
    while True:
        text = f"{call}/{salt}" if salt else call
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:size]
        if digest not in taken:
            return digest
        salt += 1


def _with_ids(message: JSONMap, ids: Mapping[str, str]) -> JSONMap:
    changed = dict(message)
    if isinstance(message.get("tool_call_id"), str):
        changed["tool_call_id"] = ids[message["tool_call_id"]]
    if isinstance(message.get("tool_calls"), list):
        changed["tool_calls"] = [_with_id(call, ids) for call in message["tool_calls"]]
    if isinstance(message.get("content"), list):
        changed["content"] = [
            _with_id(part, ids)
            if isinstance(part, dict) and part.get("type") == "tool_call"
            else part
            for part in message["content"]
        ]
    return changed


def _with_id(call: Any, ids: Mapping[str, str]) -> Any:
    if not isinstance(call, dict) or not isinstance(call.get("id"), str):
        return call
    return {**call, "id": ids[call["id"]]}


def own_blobs(found: Any, owner: str) -> list[JSONMap]:
    """Parts without another dialect's opaque reasoning and blocks.

    Reasoning that carries a signature or a redacted form belongs to the dialect that gave it
    (its `owner`); sent elsewhere it is an error there, so a foreign one is left out.
    """
    return [
        part
        for part in _mappings(found)
        if not (part.get("type") == "reasoning" and part.get("owner", owner) != owner)
    ]


def lift_tool_media(messages: Any) -> list[JSONMap]:
    """Messages in which tool messages hold text only.

    For wires that refuse media in a tool's answer: what is not text moves into a user message
    right after the run of tool messages that it came in.
    """
    result: list[JSONMap] = []
    lifted: list[JSONMap] = []
    for message in _mappings(messages):
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


def _mappings(value: Any) -> list[JSONMap]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


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
    "own_blobs": own_blobs,
    "lift_tool_media": lift_tool_media,
}
"""The filters over the canonical chat, by the name that dialect files use."""
