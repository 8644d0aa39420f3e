"""What the vendors' own SDKs read from a recorded response: the judges of our reading.

One function a dialect, named for it, gives a `Reading` a choice, or raises `Failed` for an
answer that says that it failed. A stream is replayed through the SDK's own client and its
accumulator, a whole body through its types.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import anthropic
import httpx2
import openai
from openai.types import CompletionUsage


class Failed(Exception):
    """The answer is an error after all. The text is the provider's message."""


@dataclass
class Reading:
    """What both sides must agree on. Calls are (name, arguments as JSON)."""

    text: str
    reasoning: str
    calls: list[tuple[str, Any]]
    finish: str
    usage: dict[str, int] | None
    refusal: str = ""


def arguments(text: str) -> Any:
    """A call's arguments; an empty text is the empty object."""
    try:
        return json.loads(text or "{}")
    except ValueError:
        return text


def openai_chat(row: dict[str, Any]) -> list[Reading]:
    """One reading a choice."""
    client = openai.OpenAI(api_key="k", http_client=_replay(row), max_retries=0)
    try:
        if "text" in row["response"]:
            completion = _openai_stream(client)
        else:
            completion = client.chat.completions.create(model="m", messages=[])
    except openai.APIError as error:
        raise Failed(error.message) from error
    failure = (completion.model_extra or {}).get("error")
    if failure:
        raise Failed(failure["message"])
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
                if event.type == "chunk":
                    usage = _usage_of_chunk(event.chunk) or usage
            final = stream.get_final_completion()
        except openai.LengthFinishReasonError as cut:
            final, usage = cut.completion, cut.completion.usage or usage
        except openai.ContentFilterFinishReasonError:
            final = stream.current_completion_snapshot
    final.usage = usage
    return final


def _usage_of_chunk(chunk: Any) -> Any:
    """One compatible server, Groq, says it in a field of its own where it was not asked for."""
    beside = ((chunk.model_extra or {}).get("x_groq") or {}).get("usage")
    return chunk.usage or (CompletionUsage.model_validate(beside) if beside else None)


def _openai_choice(choice: Any, usage: Any) -> Reading:
    message = choice.message  # Azure leaves it out where the answer was filtered
    calls = [
        (call.function.name, arguments(call.function.arguments))
        for call in (message and message.tool_calls) or ()
        if call.type == "function" or call.function.name  # the accumulator loses empty types
    ]
    if message and message.function_call is not None and message.function_call.name:
        calls.append((message.function_call.name, arguments(message.function_call.arguments)))
    finish = {"function_call": "tool_calls", "eos": "stop"}.get(
        choice.finish_reason, choice.finish_reason or "stop"
    )
    if calls and finish == "stop":  # some streams never say why they ended
        finish = "tool_calls"
    text, thoughts = _compatible_text(message)
    refusal = (message and message.refusal) or ""
    return Reading(text, thoughts, calls, finish, _openai_usage(usage), refusal)


def _compatible_text(message: Any) -> tuple[str, str]:
    """Text and reasoning. Compatible servers say what was thought in fields of their own, or,
    as Mistral does, as parts of the content."""
    if message is None:
        return "", ""
    extra = message.model_extra or {}
    thoughts = extra.get("reasoning_content") or extra.get("reasoning") or ""
    if not thoughts:
        details = extra.get("reasoning_details") or ()
        thoughts = "".join(one.get("text") or one.get("summary") or "" for one in details)
    if not isinstance(message.content, list):
        return message.content or "", thoughts
    text = "".join(part["text"] for part in message.content if part["type"] == "text")
    for part in message.content:
        if part["type"] == "thinking":
            thoughts += "".join(piece["text"] for piece in part["thinking"])
    return text, thoughts


def _openai_usage(usage: Any) -> dict[str, int] | None:
    if usage is None:
        return None
    details = usage.prompt_tokens_details
    read = (details.cached_tokens or 0) if details else 0
    write = (getattr(details, "cache_write_tokens", 0) or 0) if details else 0
    write = min(write, usage.prompt_tokens - read)  # one server counts the same tokens as both
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
            for event in stream:
                if event.type == "message_delta":
                    ended = event.usage
            message = stream.get_final_message()
        message.usage.iterations = getattr(ended, "iterations", None)  # not accumulated
    else:
        message = client.messages.create(model="m", max_tokens=1, messages=[])
    text = "".join(block.text for block in message.content if block.type == "text")
    thinking = "".join(block.thinking for block in message.content if block.type == "thinking")
    calls = [(block.name, block.input) for block in message.content if block.type == "tool_use"]
    return [
        Reading(
            text,
            thinking,
            calls,
            _ANTHROPIC_FINISH[message.stop_reason or "end_turn"],
            _anthropic_usage(message.usage),
        )
    ]


def _anthropic_usage(usage: Any) -> dict[str, int]:
    """The counters at the top cover the message alone; what ran beside it (an advisor, a
    compaction) is billed as well, and is listed below."""
    details = getattr(usage, "output_tokens_details", None)
    reasoning = (details.thinking_tokens or 0) if details else 0
    listed = (usage.model_extra or {}).get("iterations") or getattr(usage, "iterations", None) or ()
    rounds = [one if isinstance(one, dict) else one.model_dump() for one in listed]
    beside = [one for one in rounds if one["type"] != "message"]

    def counted(name: str) -> int:
        total: int = getattr(usage, name) or 0
        return total + sum(one.get(name) or 0 for one in beside)

    return {
        "input": counted("input_tokens"),
        "cache_read": counted("cache_read_input_tokens"),
        "cache_write": counted("cache_creation_input_tokens"),
        "output": counted("output_tokens") - reasoning,
        "reasoning": reasoning,
    }


vertex_anthropic = anthropic_messages
"""Vertex answers as Anthropic does."""


def bedrock_invoke_claude(row: dict[str, Any]) -> list[Reading]:
    """Bedrock answers as Anthropic does; of a stream, botocore takes off the frames."""
    if "base64" not in row["response"]:
        return anthropic_messages(row)
    text = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in _chunks(row))
    return anthropic_messages({"response": {"text": text}})


def _chunks(row: dict[str, Any]) -> list[dict[str, Any]]:
    from tests.dialect import botocore_judge

    data = base64.b64decode(row["response"]["base64"])
    framed = botocore_judge.stream("InvokeModelWithResponseStream", data)
    return [json.loads(event["chunk"]["bytes"]) for event in framed]


def bedrock_invoke_nova(row: dict[str, Any]) -> list[Reading]:
    """The words are Converse's, so botocore's types of those read them; the events are under
    their names, beside what Bedrock adds."""
    from tests.dialect import botocore_judge

    if "base64" in row["response"]:
        return [_converse_stream([_known_usage(chunk, "metadata") for chunk in _chunks(row)])]
    body = _known_usage({"all": row["response"]["body"]}, "all")["all"]
    parsed = botocore_judge.reply("Converse", body)
    return [_converse_whole(parsed)]


def _known_usage(event: dict[str, Any], key: str) -> dict[str, Any]:
    """Cached tokens under the names that Converse has, and none where none are said."""
    usage = event.get(key, {}).get("usage")
    if usage is None:
        return event
    counted = {"inputTokens": 0, "outputTokens": 0}
    counted |= {name.replace("TokenCount", "Tokens"): count for name, count in usage.items()}
    return {**event, key: {**event[key], "usage": counted}}


_TITAN_FINISH = {
    "FINISH": "stop",
    "FINISHED": "stop",
    "STOP_CRITERIA_MET": "stop",
    "LENGTH": "length",
    "CONTENT_FILTERED": "content_filter",
}


def bedrock_invoke_titan(row: dict[str, Any]) -> list[Reading]:
    """There is no SDK for this body; AWS documents these fields, whole and chunk by chunk."""
    if "base64" in row["response"]:
        chunks = _chunks(row)
        text = "".join(chunk.get("outputText", "") for chunk in chunks)
        counted = {key: value for chunk in chunks for key, value in chunk.items() if value}
        finish, asked = counted.get("completionReason"), counted.get("inputTextTokenCount", 0)
        if not finish and counted.get("amazon-bedrock-guardrailAction") == "INTERVENED":
            finish = "CONTENT_FILTERED"  # a blocked prompt: there is no reason beside it
        said = counted.get("totalOutputTextTokenCount", 0)
    else:
        body = row["response"]["body"]
        text = "".join(one["outputText"] for one in body["results"])
        finish, asked = body["results"][-1]["completionReason"], body["inputTextTokenCount"]
        said = sum(one["tokenCount"] for one in body["results"])
    return [Reading(text, "", [], _TITAN_FINISH[finish or "FINISH"], _plain_usage(asked, said))]


def bedrock_invoke_llama(row: dict[str, Any]) -> list[Reading]:
    """There is no SDK for this body either."""
    chunks = _chunks(row) if "base64" in row["response"] else [row["response"]["body"]]
    text = "".join(chunk.get("generation") or "" for chunk in chunks)
    counted = {key: value for chunk in chunks for key, value in chunk.items() if value}
    usage = _plain_usage(
        counted.get("prompt_token_count", 0), counted.get("generation_token_count", 0)
    )
    return [Reading(text, "", [], counted["stop_reason"], usage)]


_COHERE_FINISH = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
}


def cohere_chat(row: dict[str, Any]) -> list[Reading]:
    """Cohere's own fields, whole and event by event; its SDK is not installed. What it plans
    before it calls a tool is its reasoning."""
    if "body" in row["response"]:
        body = row["response"]["body"]
        return [_cohere(body["message"], body["finish_reason"], body.get("usage"))]
    message: dict[str, Any] = {"content": [], "tool_calls": [], "tool_plan": ""}
    finish, usage = "COMPLETE", None
    for line in row["response"]["text"].splitlines():
        event = json.loads(line[5:]) if line.startswith("data: {") else {}
        delta = event.get("delta", {}).get("message", {})
        if event.get("type") == "content-start":
            message["content"].append(dict(delta["content"]))
        elif event.get("type") == "content-delta":
            for key, piece in delta["content"].items():
                block = message["content"][-1]
                block[key] = block.get(key, "") + piece if key != "type" else piece
        elif event.get("type") == "tool-plan-delta":
            message["tool_plan"] += delta["tool_plan"]
        elif event.get("type") == "tool-call-start":
            message["tool_calls"].append(delta["tool_calls"])
        elif event.get("type") == "tool-call-delta":
            called = message["tool_calls"][-1]["function"]
            called["arguments"] += delta["tool_calls"]["function"]["arguments"]
        elif event.get("type") == "message-end":
            finish, usage = event["delta"]["finish_reason"], event["delta"].get("usage")
    return [_cohere(message, finish, usage)]


def _cohere(message: dict[str, Any], finish: str, usage: Any) -> Reading:
    blocks = message.get("content") or ()
    text = "".join(block["text"] for block in blocks if block["type"] == "text")
    thoughts = "".join(block["thinking"] for block in blocks if block["type"] == "thinking")
    calls = [
        (call["function"]["name"], arguments(call["function"]["arguments"]))
        for call in message.get("tool_calls") or ()
    ]
    tokens = (usage or {}).get("tokens")
    counted = tokens and _plain_usage(tokens["input_tokens"], tokens["output_tokens"])
    if counted:
        counted["cache_read"] = cached = (usage or {}).get("cached_tokens") or 0
        counted["input"] -= cached
    plan = message.get("tool_plan") or ""
    return Reading(text, plan + thoughts, calls, _COHERE_FINISH[finish], counted)


def _plain_usage(asked: float, said: float) -> dict[str, int]:
    counted = {"input": round(asked), "cache_read": 0, "cache_write": 0}
    return {**counted, "output": round(said), "reasoning": 0}


def openai_responses(row: dict[str, Any]) -> list[Reading]:
    """The one reading of a response."""
    client = openai.OpenAI(api_key="k", http_client=_replay(row), max_retries=0)
    try:
        if "text" in row["response"]:
            final = _responses_stream(client)
        else:
            final = client.responses.create(model="m", input="x")
    except openai.APIError as error:
        raise Failed(error.message) from error
    if final.error is not None:
        raise Failed(final.error.message)
    return [_response(final)]


def _responses_stream(client: openai.OpenAI) -> Any:
    """The accumulator wants the beginning, which a stream that is taken up again does not have,
    and a completed end: elsewhere the last event counts, which holds the whole response."""
    try:
        with client.responses.stream(model="m", input="x") as stream:
            return stream.get_final_response()
    except RuntimeError:
        *_, last = client.responses.create(model="m", input="x", stream=True)
        assert last.type in ("response.completed", "response.incomplete")
        return last.response


def _response(final: Any) -> Reading:
    calls = [
        (item.name, arguments(item.arguments))
        for item in final.output
        if item.type == "function_call"
    ]
    thoughts = [item for item in final.output if item.type == "reasoning"]
    said = [piece for item in final.output if item.type == "message" for piece in item.content]
    reason = final.incomplete_details.reason if final.incomplete_details else None
    finish = {"max_output_tokens": "length", "content_filter": "content_filter"}.get(
        reason or "", "tool_calls" if calls else "stop"
    )
    return Reading(
        final.output_text,
        "".join(_thought(item) for item in thoughts),
        calls,
        finish,
        _responses_usage(final.usage),
        "".join(piece.refusal for piece in said if piece.type == "refusal"),
    )


def _thought(item: Any) -> str:
    """A reasoning item's summary, or, where a server shows it, the reasoning itself."""
    pieces = item.summary or getattr(item, "content", None) or ()
    return "\n\n".join(piece.text for piece in pieces)


def _responses_usage(usage: Any) -> dict[str, int] | None:
    if usage is None:
        return None
    details, thought = usage.input_tokens_details, usage.output_tokens_details
    read = (details.cached_tokens or 0) if details else 0
    write = (getattr(details, "cache_write_tokens", 0) or 0) if details else 0
    reasoning = (thought.reasoning_tokens or 0) if thought else 0
    return {
        "input": usage.input_tokens - read - write,
        "cache_read": read,
        "cache_write": write,
        "output": usage.output_tokens - reasoning,
        "reasoning": reasoning,
    }


_GEMINI_FINISH = {
    "STOP": "stop",
    "FINISH_REASON_UNSPECIFIED": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(
        (
            "SAFETY",
            "RECITATION",
            "BLOCKLIST",
            "PROHIBITED_CONTENT",
            "SPII",
            "LANGUAGE",
            "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT",
            "IMAGE_RECITATION",
            "MODEL_ARMOR",
        ),
        "content_filter",
    ),
}


_GEMINI_BROKEN = {
    "MALFORMED_FUNCTION_CALL",
    "MALFORMED_RESPONSE",
    "MISSING_THOUGHT_SIGNATURE",
    "NO_IMAGE",
    "OTHER",
    "TOO_MANY_TOOL_CALLS",
    "UNEXPECTED_TOOL_CALL",
}
"""Ends that are no answer, whatever parts stand before them."""

_GEMINI_NUMBERS = {1: "STOP", 2: "MAX_TOKENS"}
_GEMINI_ENUMS = {"category", "modality", "probability", "severity", "trafficType"}


def _gemini_named(value: Any) -> Any:
    """A body whose enumerations have names. Clients that ask for `enum-encoding=int`, which the
    SDK does not, get numbers: those that no reading compares are left out."""
    if isinstance(value, list):
        return [_gemini_named(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _GEMINI_NUMBERS.get(item, item) if key == "finishReason" else _gemini_named(item)
        for key, item in value.items()
        if not (key in _GEMINI_ENUMS and isinstance(item, int))
    }


def gemini_generate(row: dict[str, Any]) -> list[Reading]:
    """One reading a candidate, from google-genai's types, event by event; of usage, the last
    that is said wins. An answer that no candidate gives was blocked."""
    from google.genai.types import GenerateContentResponse

    found: dict[int, dict[str, Any]] = {}
    counted: dict[str, Any] = {}
    blocked = False
    for raw in _gemini_events(row["response"]):
        named = _gemini_named(raw)
        event = GenerateContentResponse.model_validate(_known(named, GenerateContentResponse))
        blocked = blocked or bool(event.prompt_feedback and event.prompt_feedback.block_reason)
        for candidate in event.candidates or ():
            _gemini_candidate(candidate, found)
        if event.usage_metadata is not None:
            counted |= event.usage_metadata.model_dump(exclude_none=True)
    usage = _gemini_usage(counted)
    if not found:
        assert blocked
        return [Reading("", "", [], "content_filter", usage)]
    return [
        Reading(
            one["text"],
            one["thoughts"],
            one["calls"],
            "tool_calls" if one["calls"] and one["finish"] == "stop" else one["finish"],
            usage,
        )
        for _, one in sorted(found.items())
    ]


def _gemini_candidate(candidate: Any, found: dict[int, dict[str, Any]]) -> None:
    empty = {"text": "", "thoughts": "", "calls": [], "finish": "stop"}
    one = found.setdefault(candidate.index or 0, empty)
    for part in (candidate.content and candidate.content.parts) or ():
        if part.function_call is not None:
            one["calls"].append((part.function_call.name or "", part.function_call.args or {}))
        else:
            one["thoughts" if part.thought else "text"] += part.text or ""
    if candidate.finish_reason is not None:
        reason = candidate.finish_reason.value
        if reason in _GEMINI_BROKEN:
            raise Failed(candidate.finish_message or reason)
        one["finish"] = _GEMINI_FINISH.get(reason, "stop")


def _gemini_events(response: dict[str, Any]) -> list[dict[str, Any]]:
    if "body" in response:
        return [response["body"]]
    text = response["text"]
    if text.startswith("["):
        events: list[dict[str, Any]] = json.loads(text)
        return events
    return [json.loads(line[5:]) for line in text.splitlines() if line.startswith("data:")]


def _known(value: Any, model: Any) -> Any:
    """A body without the fields that are newer than the SDK, whose types refuse them."""
    import pydantic

    try:
        model.model_validate(value)
    except pydantic.ValidationError as error:
        value = json.loads(json.dumps(value))
        for one in error.errors():
            if one["type"] == "extra_forbidden":
                holder = value
                for step in one["loc"][:-1]:
                    holder = holder[step]
                holder.pop(one["loc"][-1], None)
    return value


def _gemini_usage(counted: dict[str, Any]) -> dict[str, int] | None:
    if not counted:
        return None
    cached = counted.get("cached_content_token_count", 0)
    asked = counted.get("prompt_token_count", 0) - cached
    return {
        "input": asked + counted.get("tool_use_prompt_token_count", 0),
        "cache_read": cached,
        "cache_write": 0,
        "output": counted.get("candidates_token_count", 0),
        "reasoning": counted.get("thoughts_token_count", 0),
    }


_CONVERSE_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}


def bedrock_converse(row: dict[str, Any]) -> list[Reading]:
    """The one reading of a Converse answer, as botocore parses it."""
    from tests.dialect import botocore_judge

    if "base64" in row["response"]:
        events = botocore_judge.stream(
            "ConverseStream", base64.b64decode(row["response"]["base64"])
        )
        return [_converse_stream(events)]
    return [_converse_whole(botocore_judge.reply("Converse", row["response"]["body"]))]


def _converse_whole(parsed: dict[str, Any]) -> Reading:
    text, thoughts, calls = "", "", []
    for block in parsed["output"]["message"]["content"]:
        text += block.get("text", "")
        text += "".join(c["text"] for c in block.get("citationsContent", {}).get("content", ()))
        thoughts += block.get("reasoningContent", {}).get("reasoningText", {}).get("text", "")
        if "toolUse" in block and block["toolUse"].get("type") != "server_tool_use":
            calls.append((block["toolUse"]["name"], block["toolUse"]["input"]))
    finish = _CONVERSE_FINISH[parsed["stopReason"]]
    return Reading(text, thoughts, calls, finish, _converse_usage(parsed["usage"]))


def _converse_stream(events: list[dict[str, Any]]) -> Reading:
    text, thoughts, finish = "", "", ""
    called: dict[int, list[str]] = {}
    usage: dict[str, Any] = {}
    for event in events:
        delta = event.get("contentBlockDelta", {}).get("delta", {})
        start = event.get("contentBlockStart", {})
        text += delta.get("text", "")
        thoughts += delta.get("reasoningContent", {}).get("text", "")
        begun = start.get("start", {}).get("toolUse")
        if begun is not None and begun.get("type") != "server_tool_use":
            called[start["contentBlockIndex"]] = [begun["name"], ""]
        place = event.get("contentBlockDelta", {}).get("contentBlockIndex")
        if "toolUse" in delta and place in called:  # what ran there is no call of the caller's
            called[place][1] += delta["toolUse"]["input"]
        finish = event.get("messageStop", {}).get("stopReason", finish)
        usage = event.get("metadata", {}).get("usage", usage)
    calls = [(name, arguments(given)) for name, given in called.values()]
    return Reading(text, thoughts, calls, _CONVERSE_FINISH[finish], _converse_usage(usage))


def _converse_usage(usage: dict[str, int]) -> dict[str, int]:
    return {
        "input": usage["inputTokens"],
        "cache_read": usage.get("cacheReadInputTokens", 0),
        "cache_write": usage.get("cacheWriteInputTokens", 0),
        "output": usage["outputTokens"],
        "reasoning": 0,
    }
