"""Recorded requests, step by step: written back, and written as every other wire.

`essence` is what must survive from wire to wire: what was said by whom, which tools were called
with what and answered how, the media, the tools, and every setting. A loss that the target's
dialect does not report is a failure.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pydantic

from tests.dialect import strict
from tests.dialect.corpus import PLACES, TARGETS, Row, place_of, provider_of, wire_of
from tests.dialect.normal import normal
from tests.dialect.proof import Outcome, difference
from tests.dialect.reasons import is_true
from tests.dialect.vendors import arguments
from trunkline.catalog import dialect
from trunkline.chat import MEANINGLESS
from trunkline.errors import RequestError
from trunkline.template import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.dialect import Door, Rendered

__all__ = ["asked", "captured", "essence", "write_across", "write_back"]

Request = dict[str, Any]

_ASKED: dict[str, Request] = {}


def asked(row: Row) -> Request:
    """A recorded request as its own door reads it, read once: treat it as read-only."""
    if row["id"] not in _ASKED:
        path, query = place_of(row)
        door = dialect(wire_of(row)).door
        assert door is not None
        headers = {key.lower(): value for key, value in row["request"]["headers"].items()}
        body = row["request"]["body"]
        _ASKED[row["id"]] = door.read_request(body, headers, captured(door, path), query)
    return _ASKED[row["id"]]


def captured(door: Door, path: str) -> dict[str, str]:
    for pattern in sorted(door.patterns, key=lambda one: -one.literal):
        found = pattern.match(path, below=True)
        if found is not None:
            return found
    raise AssertionError(f"{door.dialect} has no path like {path}")


def _read_again(wire: str, written: Rendered) -> Request:
    """What was written, read at the same wire's own door."""
    door = dialect(wire).door
    assert door is not None
    headers = dict(written.headers)
    body = json.loads(written.body)
    return door.read_request(body, headers, captured(door, written.path), dict(written.query))


def write_back(row: Row) -> Outcome:
    """Read at its door and written again, a request says what it said, at the same place."""
    wire = dialect(wire_of(row))
    try:
        request = asked(row)
        written = wire.write(request, {"model": request["model"]}, provider_of(row))
    except (RequestError, Refusal) as refusal:
        return Outcome(row["id"], "failed", f"refused: {refusal}")
    ours = normal(wire.name, json.loads(written.body))
    theirs = normal(wire.name, row["request"]["body"])
    if ours != theirs:
        return Outcome(row["id"], "failed", difference(ours, theirs))
    read_again = _read_again(wire.name, written)
    again = wire.write(read_again, {"model": request["model"]}, provider_of(row))
    if again.value != written.value:
        return Outcome(row["id"], "failed", f"twice: {difference(again.value, written.value)}")
    return Outcome(row["id"], "held")


def write_across(row: Row, other: str) -> Outcome:
    """Written as another wire, a request passes that vendor's oracle and loses nothing that is
    not reported; or it is refused, and the reason is true."""
    target, request = dialect(other), asked(row)
    dropped, lost = target.loss(request, {"model": TARGETS[other]}, {})
    if lost:
        return _refused(row, other, [f"no field for {name}" for name in _spelled(lost, request)])
    try:
        written = target.write(request, {"model": TARGETS[other]}, PLACES.get(other, {}))
    except Refusal as refusal:
        return _refused(row, other, [str(refusal)])
    try:
        getattr(strict, other.replace("-", "_"))()(json.loads(written.body))
    except Exception as error:  # whatever an oracle raises is a finding
        if row["status"] == 400:
            return Outcome(row["id"], "refused", "its own provider refused it as well")
        return Outcome(row["id"], "failed", _deepest(error))
    request = _offered(request, other)
    before = essence(request)
    read_again = _read_again(other, written)
    after = essence(read_again)
    for name in dropped:
        before.pop(name, None)
        after.pop(name, None)
    for name in _MAY_GROW - before.keys():
        after.pop(name, None)
    if "tools" not in before and before["calls"]:
        after.pop("tools", None)  # Converse wants tools to be named where calls are in the history
    if before.get("tool_choice") == "none" and "tools" not in after:
        before = {key: before[key] for key in before if key not in ("tools", "tool_choice")}
    tokens = (request.get("reasoning") or {}).get("budget_tokens")
    if tokens and tokens == (read_again.get("reasoning") or {}).get("budget_tokens"):
        before.pop("reasoning_effort", None)  # the budget says it exactly; the effort is nearest
        after.pop("reasoning_effort", None)
    if other in PLAIN:
        before["heard"], before["said"] = _texts(request), ""
        after["heard"], after["said"] = ["\n".join(_texts(read_again))], ""
    problem = _lost(before, after)
    return Outcome(row["id"], "failed", problem) if problem else Outcome(row["id"], "held")


_SOME = ("anthropic-messages", "vertex-anthropic", "bedrock-invoke-claude", "cohere-chat")
"""Wires on which some tools are chosen by offering no others."""

_ONE = ("cohere-chat",)
"""Those on which one tool is chosen so as well."""


def _offered(request: Request, other: str) -> Request:
    """A request with the tools that its choice leaves, and no names in the choice, for wires
    that choose so."""
    choice = request.get("tool_choice")
    if not isinstance(choice, dict):
        return request
    if "allowed_tools" in choice and other in _SOME:
        mode, chosen = choice["allowed_tools"]["mode"], choice["allowed_tools"]["tools"]
    elif "function" in choice and other in _ONE:
        mode, chosen = "required", [choice]
    else:
        return request
    names = {tool["function"]["name"] for tool in chosen}
    left = [tool for tool in request["tools"] if tool["function"]["name"] in names]
    return {**request, "tools": left, "tool_choice": mode}


_GROUPS = ("body", "generationConfig", "output_config", "text")
"""Fields that only hold others together."""


def _spelled(lost: list[str], request: Request) -> list[str]:
    """Lost fields, those that only one wire knows by their own names."""
    found: list[str] = []
    for name in lost:
        _, owner, field = (*name.split(".", 2), "", "")[:3]
        value = request["extra"][owner][field] if field else None
        inside = value if field in _GROUPS and isinstance(value, dict) else ()
        found += [f"{name}.{inner}" for inner in inside] or [name]
    return found


def _deepest(error: Exception) -> str:
    """What an oracle says; of a union's many complaints, the one that got farthest."""
    if not isinstance(error, pydantic.ValidationError):
        return f"{type(error).__name__}: {str(error)[:400]}"
    one = max(error.errors(), key=lambda one: len(one["loc"]))
    place = ".".join(str(step) for step in one["loc"])
    return f"{place}: {one['msg']}, not {str(one['input'])[:200]}"


def _texts(request: Request) -> list[str]:
    """All that was said, in order, whoever said it."""
    found = [part for message in request["messages"] for part in _parts(message)]
    return [part["text"] for part in found if part["type"] == "text"]


def _refused(row: Row, other: str, reasons: list[str]) -> Outcome:
    said = "; ".join(sorted(reasons))
    untrue = [reason for reason in reasons if not is_true(other, reason)]
    if untrue:
        return Outcome(row["id"], "failed", f"not known to be true: {untrue[0]}")
    return Outcome(row["id"], "refused", said)


PLAIN = ("bedrock-invoke-titan", "bedrock-invoke-llama")
"""Wires that take a conversation as one text."""

_SETTINGS = (
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "n",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "reasoning_effort",
    "parallel_tool_calls",
    "stream",
    "user",
    "metadata",
    "service_tier",
    "store",
    "modalities",
)

LIFTED = "(see the attached content)"
"""What stands for media in a tool's answer where they are moved into the user's next message."""

_MAY_GROW = {"limit", "parallel_tool_calls", "stream", "store", "reasoning_effort"}
"""What a wire may say though the request did not: a limit that it requires, its own default."""


def essence(request: Mapping[str, Any]) -> dict[str, Any]:
    """What a request says, free of the shape in which it says so."""
    found: dict[str, Any] = {**_conversation(request["messages"])}
    for name in _SETTINGS:
        value = request.get(name)
        if name == "reasoning_effort" and value in ("none", "default"):
            continue  # as much as saying nothing, where a model does not think unasked
        if value not in (None, False, [], {}) and MEANINGLESS.get(name, ...) != value:
            found[name] = value
    limit = request.get("max_completion_tokens") or request.get("max_tokens")
    if limit:
        found["limit"] = limit
    stop = request.get("stop")
    if stop:
        found["stop"] = [stop] if isinstance(stop, str) else stop
    shape = request.get("response_format") or {}
    if shape.get("type") in ("json_schema", "json_object"):
        found["schema"] = (shape["type"], (shape.get("json_schema") or {}).get("schema"))
    tools = [_tool(tool) for tool in request.get("tools") or ()]
    if tools:
        found["tools"] = tools
    choice = request.get("tool_choice")
    if choice not in (None, "auto"):
        found["tool_choice"] = choice
    return found


def _tool(tool: Mapping[str, Any]) -> Any:
    function = tool.get("function")
    if function is None:
        return tool
    schema = function.get("parameters") or {}
    # a wire that wants a schema gets the one of an object without properties
    empty = schema in ({}, {"type": "object"}, {"type": "object", "properties": {}})
    return (function["name"], function.get("description") or "", {} if empty else schema)


def _conversation(messages: list[Any]) -> dict[str, Any]:
    """Texts of either side in order, calls with their answers, and media."""
    heard: list[str] = []
    said: list[str] = []
    calls: list[list[Any]] = []
    by_id: dict[str, list[Any]] = {}
    media: list[str] = []
    for message in messages:
        role, parts = message["role"], _parts(message)
        texts = [part["text"] for part in parts if part["type"] == "text" and part["text"].strip()]
        texts += [part["refusal"] for part in parts if part["type"] == "refusal"]
        media += [digest for part in parts for digest in _media(part)]
        if role == "tool":
            answered = by_id.get(message["tool_call_id"])
            if answered is not None:
                answer = "".join(texts)
                answered.append(arguments(answer) if answer not in ("", LIFTED) else "")
            else:
                heard += texts
        elif role == "assistant":
            said += texts
            for part in parts:
                if part["type"] == "tool_call":
                    call = [part["name"], arguments(part["arguments"])]
                    by_id[part["id"]] = call
                    calls.append(call)
        else:
            heard += texts
    return {"heard": heard, "said": "".join(said), "calls": calls, "media": sorted(media)}


def _parts(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    from trunkline.dialect.turns import message_parts

    if message["role"] == "tool":
        content = message.get("content")
        return [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    return message_parts(message)


def _media(part: Mapping[str, Any]) -> list[str]:
    held = {
        "image_url": lambda: [part["image_url"]["url"]],
        "file": lambda: [part["file"].get(key) for key in ("file_data", "url", "file_id")],
        "input_audio": lambda: [part["input_audio"]["data"]],
    }.get(part["type"], list)()
    found = [str(one).rpartition("base64,")[2] for one in held if one]
    return [hashlib.sha256(one.encode()).hexdigest()[:16] for one in found]


def _lost(before: dict[str, Any], after: dict[str, Any]) -> str:
    """What of the essence is not there any more, in words; empty if all is."""
    joined, at = "\n".join(after["heard"]), 0
    for text in before["heard"]:
        # in order; a wire without a place for it may fold or frame it
        place = joined.find(text, at)
        if place < 0:
            return f"text: {text[:200]!r} is not there in its place"
        at = place + len(text)
    rest_before = {key: value for key, value in before.items() if key != "heard"}
    rest_after = {key: value for key, value in after.items() if key != "heard"}
    if rest_before == rest_after:
        return ""
    return difference(rest_after, rest_before)
