"""Templates against Python written by hand: `python -m tests.benchmarks.templates`.

The functions below do by hand, in the plainest Python that is fast, what the built-in Anthropic
dialect says in YAML, for requests and text chunks of the kinds measured. Both give the same
output, which `test_templates.py` asserts; both use the chat's own filters and the same
JSON parser. Printed are medians over interleaved rounds, and their ratio.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

from trunkline.catalog import dialect_document
from trunkline.dialect.chat_filters import CHAT_FILTERS, after_preamble, preamble
from trunkline.dialect.parts import own_blobs
from trunkline.dialect.turns import turns
from trunkline.template import Library
from trunkline.wire.frames import WireError
from trunkline.wire.jsontext import loads

if TYPE_CHECKING:
    from collections.abc import Callable

JSON = Any
DIALECT = "anthropic-messages"
"""Whose templates are measured."""

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "pause_turn": "stop",
}
BUDGET = {
    "minimal": 1024,
    "low": 2048,
    "medium": 10000,
    "high": 16384,
    "xhigh": 32768,
    "max": 32768,
}
TIER = {"auto": "auto", "default": "standard_only"}


# By hand


def write_source(url: str) -> dict[str, JSON]:
    if url.startswith("data:"):
        head, _, data = url.partition(";base64,")
        return {"type": "base64", "media_type": head[5:], "data": data}
    return {"type": "url", "url": url}


def write_part(part: dict[str, JSON]) -> dict[str, JSON]:
    kind = part.get("type")
    block: dict[str, JSON]
    if kind == "text":
        block = {"type": "text"}
        if "text" in part:
            block["text"] = part["text"]
        if "citations" in part:
            block["citations"] = part["citations"]
    elif kind == "image_url":
        block = {"type": "image", "source": write_source(part["image_url"]["url"])}
    elif kind == "tool_call":
        block = {"type": "tool_use"}
        if "id" in part:
            block["id"] = part["id"]
        if "name" in part:
            block["name"] = part["name"]
        if "arguments" in part:
            try:
                block["input"] = loads(part["arguments"])
            except WireError:
                block["input"] = {}
    elif kind == "tool_result":
        block = {"type": "tool_result"}
        if "id" in part:
            block["tool_use_id"] = part["id"]
        content = [write_part(one) for one in part.get("content") or ()]
        if content:
            block["content"] = content
        if "is_error" in part:
            block["is_error"] = part["is_error"]
    elif kind == "reasoning":
        block = {"type": "thinking", "thinking": part.get("text", "")}
        if "signature" in part:
            block["signature"] = part["signature"]
    else:
        raise ValueError(f"{DIALECT} cannot carry a part of type {kind}")
    if "cache_control" in part:
        block["cache_control"] = part["cache_control"]
    return block


def write_tool(tool: dict[str, JSON]) -> dict[str, JSON]:
    if tool.get("type") != "function":
        raise ValueError(f"{DIALECT} cannot carry a tool of type {tool.get('type')}")
    function = tool.get("function") or {}
    written: dict[str, JSON] = {}
    if "name" in function:
        written["name"] = function["name"]
    if "description" in function:
        written["description"] = function["description"]
    parameters = function.get("parameters")
    if parameters is None:
        parameters = {"type": "object", "properties": {}}
    written["input_schema"] = parameters
    if "strict" in function:
        written["strict"] = function["strict"]
    if "cache_control" in tool:
        written["cache_control"] = tool["cache_control"]
    extra = (tool.get("extra") or {}).get(DIALECT)
    if extra:
        written.update(extra)
    return written


def write_choice(request: dict[str, JSON]) -> dict[str, JSON] | None:
    choice = request.get("tool_choice")
    single = request.get("parallel_tool_calls") is False
    written: dict[str, JSON]
    if choice == "auto":
        written = {"type": "auto"}
    elif choice == "required":
        written = {"type": "any"}
    elif choice == "none":
        return {"type": "none"}
    elif isinstance(choice, dict):
        written = {"type": "tool", "name": choice["function"]["name"]}
    elif choice:
        raise ValueError(f"{DIALECT} has no such tool_choice")
    elif single and request.get("tools"):
        written = {"type": "auto"}
    else:
        return None
    if single:
        written["disable_parallel_tool_use"] = True
    return written


def write_thinking(request: dict[str, JSON], limit: int) -> dict[str, JSON] | None:
    reasoning = request.get("reasoning") or {}
    if "mode" in reasoning:
        written: dict[str, JSON] = {"type": reasoning["mode"]}
        if "budget_tokens" in reasoning:
            written["budget_tokens"] = reasoning["budget_tokens"]
        if "summary" in reasoning:
            written["display"] = reasoning["summary"]
        return written
    effort = request.get("reasoning_effort")
    if effort is None or effort == "none" or "reasoning" in request:
        return None
    return {"type": "enabled", "budget_tokens": min(BUDGET[effort], limit - 1)}


def write_output_config(request: dict[str, JSON]) -> dict[str, JSON]:
    written: dict[str, JSON] = {}
    reasoning = request.get("reasoning") or {}
    if "effort" in reasoning:
        written["effort"] = reasoning["effort"]
    wanted = request.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        written["format"] = {"type": "json_schema", "schema": wanted["json_schema"]["schema"]}
    elif wanted.get("type") == "json_object":
        raise ValueError(f"{DIALECT} needs a schema for JSON answers")
    return written


def write_body(
    request: dict[str, JSON], target: dict[str, JSON], provider: dict[str, JSON]
) -> dict[str, JSON]:
    limit = request.get("max_completion_tokens")
    if limit is None:
        limit = request.get("max_tokens")
    if limit is None:
        limit = target.get("max_output")
    if limit is None:
        limit = 4096
    body: dict[str, JSON] = {"model": target["model"], "max_tokens": limit}
    if "stream" in request:
        body["stream"] = request["stream"]
    messages = request["messages"]
    system = [write_part(part) for part in preamble(messages)]
    if system:
        body["system"] = system
    body["messages"] = written = []
    for turn in turns(after_preamble(messages)):
        content = [write_part(part) for part in own_blobs(turn["parts"], DIALECT)]
        if content:
            written.append({"role": turn["role"], "content": content})
    version = provider.get("version")
    if version is None or version == "2023-06-01":
        for field in ("temperature", "top_p", "top_k"):
            if field in request:
                body[field] = request[field]
    stop = request.get("stop")
    if stop:
        body["stop_sequences"] = stop if isinstance(stop, list) else [stop]
    tools = request.get("tools")
    if tools:
        body["tools"] = [write_tool(tool) for tool in tools]
    choice = write_choice(request)
    if choice:
        body["tool_choice"] = choice
    thinking = write_thinking(request, limit)
    if thinking:
        body["thinking"] = thinking
    output_config = write_output_config(request)
    if output_config:
        body["output_config"] = output_config
    user = request.get("user")
    if user is None:
        user = request.get("safety_identifier")
    if user is not None:
        body["metadata"] = {"user_id": user}
    tier = TIER.get(request.get("service_tier", ""))
    if tier:
        body["service_tier"] = tier
    if "cache_control" in request:
        body["cache_control"] = request["cache_control"]
    extra = (request.get("extra") or {}).get(DIALECT)
    if extra:
        body.update(extra.get("body") or {})
    return body


def read_delta(event: dict[str, JSON]) -> dict[str, JSON] | None:
    delta = event.get("delta") or {}
    kind = delta.get("type")
    if kind == "text_delta":
        return {"at": event["index"], "text": delta["text"]}
    if kind == "input_json_delta":
        return {"at": event["index"], "tool_call": {"arguments": delta["partial_json"]}}
    if kind == "thinking_delta":
        return {"at": event["index"], "reasoning": delta["thinking"]}
    if kind == "signature_delta":
        return {"at": event["index"], "reasoning_signature": delta["signature"]}
    if kind == "citations_delta":
        return {"at": event["index"], "citation": delta["citation"]}
    return None


# What is measured

SMALL: dict[str, JSON] = {
    "model": "smart",
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
    "max_completion_tokens": 256,
}

FULL: dict[str, JSON] = {
    "model": "smart",
    "stream": True,
    "temperature": 0.2,
    "top_p": 0.9,
    "max_completion_tokens": 1024,
    "stop": ["END", "STOP"],
    "user": "user-17",
    "parallel_tool_calls": False,
    "tool_choice": "auto",
    "messages": [
        {"role": "system", "content": "You answer questions about the weather. " * 8},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this, and how warm is it there?"},
                {"type": "image_url", "image_url": {"url": "https://example.org/paris.png"}},
                {
                    "type": "text",
                    "text": "Be brief.",
                    "cache_control": {"type": "ephemeral"},
                },
            ],
        },
        {
            "role": "assistant",
            "content": "I will look.",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city": "Paris"}'},
                },
                {
                    "id": "call_2",
                    "type": "function",
                    "function": {"name": "place", "arguments": '{"image": 1}'},
                },
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees, light wind"},
        {"role": "tool", "tool_call_id": "call_2", "content": "Eiffel tower"},
        {"role": "assistant", "content": "That is the Eiffel tower in Paris; it is 21 degrees."},
        {"role": "user", "content": "And tomorrow?"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": name,
                "description": f"Ask for the {name}",
                "parameters": {
                    "type": "object",
                    "properties": {"city": {"type": "string"}},
                    "required": ["city"],
                },
            },
        }
        for name in ("weather", "place", "forecast")
    ],
}
TARGET: dict[str, JSON] = {"model": "claude-sonnet-4-5", "max_output": 64000}
PROVIDER: dict[str, JSON] = {"name": "anthropic", "version": "2023-06-01"}
CHUNK: dict[str, JSON] = {
    "type": "content_block_delta",
    "index": 0,
    "delta": {"type": "text_delta", "text": "Hello there"},
}
CALL_CHUNK: dict[str, JSON] = {
    "type": "content_block_delta",
    "index": 1,
    "delta": {"type": "input_json_delta", "partial_json": '{"city": "Pa'},
}

Case = tuple[str, "Callable[..., Any]", "Callable[..., Any]", tuple[Any, ...]]


def cases() -> list[Case]:
    """Each case: its name, the template, the same by hand, and what both are given."""
    document = dialect_document(DIALECT)
    assert document is not None
    library = Library(document, filters=CHAT_FILTERS)
    params = ("request", "target", "provider")
    write = library.compile(("write", "body"), params, "write").prepare()
    delta = ("stream", "events", "content_block_delta")
    read = library.compile(delta, ("event",), "read").prepare()
    return [
        ("full request", write, write_body, (FULL, TARGET, PROVIDER)),
        ("small request", write, write_body, (SMALL, TARGET, PROVIDER)),
        ("text chunk", read, read_delta, (CHUNK,)),
        ("call chunk", read, read_delta, (CALL_CHUNK,)),
    ]


def microseconds(function: Callable[..., Any], arguments: tuple[Any, ...], calls: int) -> float:
    """CPU time of one call."""
    start = time.process_time()
    for _ in range(calls):
        function(*arguments)
    return (time.process_time() - start) / calls * 1e6


def measure(case: Case, rounds: int = 15) -> tuple[float, float]:
    """Medians over interleaved rounds: the template, and by hand."""
    _, template, by_hand, arguments = case
    calls = max(1000, int(20_000 / microseconds(by_hand, arguments, 1000)))
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(microseconds(template, arguments, calls))
        theirs.append(microseconds(by_hand, arguments, calls))
    return statistics.median(ours), statistics.median(theirs)


def main() -> None:
    """Print a row for each case."""
    print(f"{'':16}{'template':>12}{'by hand':>12}{'ratio':>8}")
    for case in cases():
        ours, theirs = measure(case)
        print(f"{case[0]:16}{ours:>9.2f} µs{theirs:>9.2f} µs{ours / theirs:>8.2f}")


if __name__ == "__main__":
    main()
