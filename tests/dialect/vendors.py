"""What the vendors' own SDKs read from a recorded response: the judges of our reading.

Each function gives a `Reading`; a stream is replayed through the SDK's own client and its
accumulator, a whole body through its types.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import anthropic
import httpx2
import openai


@dataclass
class Reading:
    """What both sides must agree on. Calls are (name, arguments as JSON)."""

    text: str
    reasoning: str
    calls: list[tuple[str, Any]]
    finish: str
    usage: dict[str, int] | None


def arguments(text: str) -> Any:
    """A call's arguments; an empty text is the empty object."""
    try:
        return json.loads(text or "{}")
    except ValueError:
        return text


def openai_chat(row: dict[str, Any]) -> list[Reading]:
    """One reading a choice."""
    client = openai.OpenAI(api_key="k", http_client=_replay(row), max_retries=0)
    if "text" in row["response"]:
        completion = _openai_stream(client)
    else:
        completion = client.chat.completions.create(model="m", messages=[])
    return [_openai_choice(choice, completion.usage) for choice in completion.choices]


def _replay(row: dict[str, Any]) -> httpx2.Client:
    """An HTTP client that answers anything with the recorded response."""
    recorded = row["response"]
    if "text" in recorded:
        kind, content = "text/event-stream", recorded["text"].encode()
    else:
        kind, content = "application/json", json.dumps(recorded["body"]).encode()
    answer = httpx2.Response(200, headers={"content-type": kind}, content=content)
    return httpx2.Client(transport=httpx2.MockTransport(lambda _: answer))


def _openai_stream(client: openai.OpenAI) -> Any:
    """The accumulator keeps the usage of the last chunk even where it is null, which loses it
    when a moderation chunk follows: the last that is not null is put back."""
    usage = None
    with client.chat.completions.stream(model="m", messages=[]) as stream:
        try:
            for event in stream:
                if event.type == "chunk" and event.chunk.usage is not None:
                    usage = event.chunk.usage
            final = stream.get_final_completion()
        except openai.LengthFinishReasonError as cut:
            final, usage = cut.completion, cut.completion.usage
    final.usage = usage
    return final


def _openai_choice(choice: Any, usage: Any) -> Reading:
    message = choice.message
    calls = [
        (call.function.name, arguments(call.function.arguments))
        for call in message.tool_calls or ()
    ]
    if message.function_call is not None:
        calls.append((message.function_call.name, arguments(message.function_call.arguments)))
    finish = {"function_call": "tool_calls"}.get(choice.finish_reason, choice.finish_reason)
    if calls and finish in ("stop", None):  # one recorded stream never says why it ended
        finish = "tool_calls"
    return Reading(message.content or "", "", calls, finish, _openai_usage(usage))


def _openai_usage(usage: Any) -> dict[str, int] | None:
    if usage is None:
        return None
    details = usage.prompt_tokens_details
    read = (details.cached_tokens or 0) if details else 0
    write = (getattr(details, "cache_write_tokens", 0) or 0) if details else 0
    thought = usage.completion_tokens_details
    reasoning = (thought.reasoning_tokens or 0) if thought else 0
    return {
        "input": usage.prompt_tokens - read - write,
        "cache_read": read,
        "cache_write": write,
        "output": usage.completion_tokens - reasoning,
        "reasoning": reasoning,
    }


_ANTHROPIC_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def anthropic_messages(row: dict[str, Any]) -> list[Reading]:
    """The one reading of a message."""
    client = anthropic.Anthropic(api_key="k", http_client=_replay(row), max_retries=0)
    if "text" in row["response"]:
        with client.messages.stream(model="m", max_tokens=1, messages=[]) as stream:
            message = stream.get_final_message()
    else:
        message = client.messages.create(model="m", max_tokens=1, messages=[])
    text = "".join(block.text for block in message.content if block.type == "text")
    thinking = "".join(block.thinking for block in message.content if block.type == "thinking")
    calls = [(block.name, block.input) for block in message.content if block.type == "tool_use"]
    usage = message.usage
    details = getattr(usage, "output_tokens_details", None)
    reasoning = (details.thinking_tokens or 0) if details else 0
    return [
        Reading(
            text,
            thinking,
            calls,
            _ANTHROPIC_FINISH[message.stop_reason or "end_turn"],
            {
                "input": usage.input_tokens,
                "cache_read": usage.cache_read_input_tokens or 0,
                "cache_write": usage.cache_creation_input_tokens or 0,
                "output": usage.output_tokens - reasoning,
                "reasoning": reasoning,
            },
        )
    ]
