"""A request body's normal form, one for each wire: what may differ and means nothing.

What is written back must equal what came, in this form. Each rule has its reason; a difference
that no rule covers is a loss.
"""

from __future__ import annotations

import json
from typing import Any

from tests.dialect.vendors import arguments

__all__ = ["normal"]

Body = dict[str, Any]


def normal(wire: str, body: Body) -> Any:
    """The normal form of a body of this dialect."""
    return _plain(_RULES.get(wire, _same)(json.loads(json.dumps(body))))


def _same(body: Body) -> Body:
    return body


def _plain(value: Any) -> Any:
    """On every wire, null and empty say what leaving out says."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        kept = ((key, _plain(item)) for key, item in value.items())
        return {key: item for key, item in kept if item not in (None, [], {})}
    return value


def _chat(body: Body) -> Body:
    """Plain text is a list of one text part; neighbours of one role are one message; a stream
    asks for its usage; a call's arguments are the same JSON, and its place is its index;
    no reasoning is empty reasoning, and a tool is a function."""
    for message in body.get("messages", []):
        message["content"] = _listed(message.get("content"))
        if message.get("reasoning_content") == "":
            del message["reasoning_content"]
        for call in message.get("tool_calls") or []:
            call.pop("index", None)
            function = call.get("function") or {}
            if "arguments" in function:
                function["arguments"] = arguments(function["arguments"])
    body["messages"] = _merged(body.get("messages", []))
    for tool in [body.get("tool_choice"), *(body.get("tools") or [])]:
        if isinstance(tool, dict):
            tool.setdefault("type", "function")
    if body.get("stream") is True:
        body.setdefault("stream_options", {"include_usage": True})
    if body.get("stream") is False:
        del body["stream"]
    return body


def _messages(body: Body) -> Body:
    """Plain text is a list of one text block, in system, messages and tool results; neighbours
    of one role are one message (Anthropic merges them itself)."""
    body["system"] = _listed(body.get("system"))
    for message in body.get("messages", []):
        message["content"] = _listed(message.get("content"))
        for block in message["content"]:
            if "content" in block and block.get("type") == "tool_result":
                block["content"] = _listed(block["content"])
    body["messages"] = _merged(body.get("messages", []))
    if body.get("stream") is False:
        del body["stream"]
    return body


def _listed(content: Any) -> Any:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return content or []


def _merged(messages: list[Body]) -> list[Body]:
    found: list[Body] = []
    for message in messages:
        mergeable = message.keys() <= {"role", "content"} and message.get("role") != "tool"
        if found and mergeable and found[-1]["role"] == message["role"]:
            before = found[-1]
            content = [*(before.get("content") or []), *(message.get("content") or [])]
            found[-1] = {**before, "content": content}
        else:
            found.append(message)
    return found


def _responses(body: Body) -> Body:
    """A text is a user message of one part; instructions are a system message before all
    others; an assistant's message without words says nothing; items have their `type` spelled
    out; a message's text is a list of one part of its role's kind; a call's arguments are the
    same JSON."""
    said = body.get("input")
    if isinstance(said, str):
        said = [{"role": "user", "content": said}]
    instructions = body.pop("instructions", None)
    if instructions:
        said = [{"role": "system", "content": instructions}, *(said or [])]
    silent = {"role": "assistant", "content": ""}
    body["input"] = [_item(item) for item in said or [] if item != silent]
    if body.get("stream") is False:
        del body["stream"]
    return body


def _item(item: Body) -> Body:
    if "role" in item:
        item.setdefault("type", "message")
        kind = "output_text" if item["role"] == "assistant" else "input_text"
        if isinstance(item.get("content"), str):
            item["content"] = [{"type": kind, "text": item["content"]}]
    if item.get("type") == "function_call" and "arguments" in item:
        item["arguments"] = arguments(item["arguments"])
    return item


_CAMEL_FREE = {
    "args",
    "response",
    "parametersJsonSchema",
    "responseJsonSchema",
    "parameters",
    "responseSchema",
}
"""What holds the caller's own keys, which are not respelled."""


def _gemini(body: Body) -> Body:
    """Fields are in camelCase (Google takes both spellings); one content or part is a list of
    one; an instruction has no role; neighbours of one role are one content; empty text is
    none; base64 may be of the kind for URLs, as Google's own SDK writes it; schemas are JSON
    Schema, not OpenAPI's; functions stand in one tool before the others, and without any there
    is nothing to choose; thoughts are not shown unless asked for."""
    body = _camel(body)
    contents = body.get("contents", [])
    body["contents"] = [contents] if isinstance(contents, dict) else contents
    instruction = body.get("systemInstruction")
    if isinstance(instruction, dict):
        instruction.pop("role", None)
    body["tools"] = _gemini_tools(body.get("tools") or [])
    turns: list[Body] = []
    for content in body["contents"]:
        content.setdefault("role", "user")
        parts = content.get("parts", [])
        content["parts"] = [part for part in parts if part != {"text": ""}]
        if not content["parts"]:
            continue
        if turns and turns[-1]["role"] == content["role"]:
            turns[-1]["parts"] = [*turns[-1].get("parts", []), *content.get("parts", [])]
        else:
            turns.append(dict(content))
    body["contents"] = turns
    tools = body.get("tools") or []
    tools = [tools] if isinstance(tools, dict) else tools
    functions = [one for tool in tools for one in tool.pop("functionDeclarations", ())]
    body["tools"] = [{"functionDeclarations": functions}, *tools]
    if not functions:
        body.get("toolConfig", {}).pop("functionCallingConfig", None)
    settings = body.get("generationConfig", {})
    for holder in (*functions, settings):
        for older in ("parameters", "responseSchema"):
            if older in holder:
                newer = "parametersJsonSchema" if older == "parameters" else "responseJsonSchema"
                holder[newer] = _json_schema(holder.pop(older))
    if settings.get("thinkingConfig", {}).get("includeThoughts") is False:
        del settings["thinkingConfig"]["includeThoughts"]
    return body


_TYPES = ["", "string", "number", "integer", "boolean", "array", "object"]
"""Types by the numbers that they have where a client writes enumerations as numbers."""


def _json_schema(value: Any) -> Any:
    if isinstance(value, list):
        return [_json_schema(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: _json_schema(item) for key, item in value.items()}
    kind = found.get("type")
    if isinstance(kind, int | str):
        found["type"] = _TYPES[kind] if isinstance(kind, int) else kind.lower()
    if found.pop("nullable", False) and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
    return found


def _gemini_tools(tools: Any) -> dict[str, Any]:
    """Tools by kind, for they may come in one mapping or many, in any order. A schema of the
    older field that is JSON Schema as well is the same in the newer one; without properties it
    is none."""
    found: dict[str, Any] = {}
    for tool in [tools] if isinstance(tools, dict) else tools:
        for kind, said in tool.items():
            found[kind] = [*found.get(kind, []), *(said if isinstance(said, list) else [said])]
    for function in found.get("functionDeclarations", []):
        older = function.get("parameters")
        if isinstance(older, dict) and older.get("type") == "object":
            function["parametersJsonSchema"] = function.pop("parameters")
    return found


def _camel(value: Any) -> Any:
    if isinstance(value, list):
        return [_camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for key, item in value.items():
        first, *rest = key.split("_")
        camel = first + "".join(word[:1].upper() + word[1:] for word in rest)
        found[camel] = item if camel in _CAMEL_FREE else _camel(item)
        if camel in ("data", "thoughtSignature") and isinstance(item, str):
            found[camel] = item.replace("-", "+").replace("_", "/").rstrip("=")
    return found


def _converse(body: Body) -> Body:
    """Neighbours of one role are one message (Bedrock merges them itself); blank text says
    nothing, and Bedrock refuses it; the text of a schema is the JSON that it spells."""
    structure = body.get("outputConfig", {}).get("textFormat", {}).get("structure", {})
    if "jsonSchema" in structure:
        schema = structure["jsonSchema"]
        schema["schema"] = arguments(schema["schema"])
    spoken = [{**one, "content": _spoken(one["content"])} for one in body.get("messages", [])]
    body["messages"] = _merged([one for one in spoken if one["content"]])
    return body


def _nova(body: Body) -> Body:
    """As Converse; the limit has an older name too, and the schema's version is always said."""
    settings = body.get("inferenceConfig", {})
    if "max_new_tokens" in settings:
        settings["maxTokens"] = settings.pop("max_new_tokens")
    return _converse({**body, "schemaVersion": "messages-v1"})


def _spoken(blocks: list[Body]) -> list[Body]:
    return [one for one in blocks if one.get("text", "said").strip()]


_RULES = {
    "openai-chat": _chat,
    "cohere-chat": _chat,
    "anthropic-messages": _messages,
    "vertex-anthropic": _messages,
    "bedrock-invoke-claude": _messages,
    "openai-responses": _responses,
    "gemini-generate": _gemini,
    "bedrock-converse": _converse,
    "bedrock-invoke-nova": _nova,
}
