"""The ids of tool calls: given where a wire has none, changed where they do not fit one."""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any

from trunkline.dialect.parts import mappings

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "fit_ids",
    "pair_calls",
]

JSONMap = dict[str, Any]


def pair_calls(turns_: Any, prefix: str = "call_") -> list[JSONMap]:
    """Turns whose calls and results have ids, where the wire has none.

    A call without an id gets one from its place; a result without an id answers the earliest
    unanswered call of its name.
    """
    waiting = _Waiting()
    result: list[JSONMap] = []
    made = 0
    for turn in mappings(turns_):
        paired: list[JSONMap] = []
        for part in mappings(turn.get("parts")):
            kind = part.get("type")
            if kind == "tool_call":
                if not part.get("id"):
                    part = {**part, "id": f"{prefix}{made}"}
                    made += 1
                waiting.add(str(part.get("name", "")), part["id"])
            elif kind == "tool_result":
                part = _paired_result(part, waiting)
            paired.append(part)
        result.append({**turn, "parts": paired})
    return result


class _Waiting:
    """Calls that nothing has answered, by id and by name, so that none is looked at twice."""

    def __init__(self) -> None:
        self._by_id: defaultdict[str, deque[int]] = defaultdict(deque)
        self._by_name: defaultdict[str, deque[int]] = defaultdict(deque)
        self._all: list[tuple[str, Any] | None] = []

    def add(self, name: str, call: Any) -> None:
        if isinstance(call, str):
            self._by_id[call].append(len(self._all))
        self._by_name[name].append(len(self._all))
        self._all.append((name, call))

    def take(self, call: Any, name: Any) -> tuple[str, Any] | None:
        """The earliest call of this id, or of this name where no id is given; it waits no more."""
        index, key = (self._by_id, call) if call else (self._by_name, name)
        places = index.get(key) if isinstance(key, str) else None
        while places:
            place = places.popleft()
            found, self._all[place] = self._all[place], None
            if found is not None:
                return found
        return None


def _paired_result(part: JSONMap, waiting: _Waiting) -> JSONMap:
    found = waiting.take(part.get("id"), part.get("name"))
    return part if found is None else {**part, "id": found[1], "name": found[0]}


def fit_ids(messages: Any, longest: int, others: str = "_-", shortest: int = 1) -> list[JSONMap]:
    """Messages whose call ids fit a wire that is strict about them.

    An id fits when it has `shortest` to `longest` characters, all of them ASCII letters, digits
    or among `others`. One that does not is replaced, in its call and in the result that answers
    it, by a digest of itself: the same id always becomes the same, so that later requests begin
    alike and a prompt cache holds, and no two ids of a request become one. Wires with room for
    less than 8 characters are beyond it: their messages are given back as they are.
    """
    found = mappings(messages)
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
        ids.extend(call.get("id") for call in mappings(message.get("tool_calls")))
        found = mappings(message.get("content"))
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
