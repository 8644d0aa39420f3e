"""Cohere's v2 chat over plain HTTP, read as its reference says (docs.cohere.com/reference/chat)."""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.sdks.asking import PARAMETERS, PICTURE, SUNNY, Ask, Said

__all__ = ["Cohere", "CohereError"]


class CohereError(Exception):
    """A status that is no success, or a stream without its end."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Cohere:
    """`POST /v2/chat`."""

    def __init__(self, origin: str) -> None:
        self.sdk = httpx.AsyncClient(base_url=origin, timeout=20)

    async def aclose(self) -> None:
        await self.sdk.aclose()

    def user(self, ask: Ask) -> list[Any]:
        content: Any = ask.text
        if ask.image:
            image = {"type": "image_url", "image_url": {"url": PICTURE}}
            content = [{"type": "text", "text": ask.text}, image]
        return [{"role": "user", "content": content}]

    def results(self, said: Said) -> list[Any]:
        return [{"role": "tool", "tool_call_id": call, "content": SUNNY} for call, *_ in said.calls]

    async def send(self, messages: list[Any], ask: Ask, *, stream: bool) -> Said:
        body = {"model": ask.model, "messages": messages, "stream": stream, **_options(ask)}
        got = await self.sdk.post("/v2/chat", json=body)
        if got.status_code != 200:
            raise CohereError(got.status_code, got.json()["message"])
        if not stream:
            whole = got.json()
            return _said(whole["message"], whole["finish_reason"], whole["usage"])
        assert got.headers["content-type"].startswith("text/event-stream")
        return _streamed([line[6:] for line in got.text.splitlines() if line.startswith("data: ")])


def _options(ask: Ask) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if ask.tools:
        functions = [{"name": name, "parameters": PARAMETERS} for name in ask.tools]
        options["tools"] = [{"type": "function", "function": one} for one in functions]
    if ask.choice is not None:
        options["tool_choice"] = "REQUIRED"
    if ask.schema:
        options["response_format"] = {"type": "json_object", "json_schema": PARAMETERS}
    if ask.thinks:
        options["thinking"] = {"type": "enabled", "token_budget": 1024}
    if ask.stop is not None:
        options["stop_sequences"] = [ask.stop]
    return options


def _said(message: dict[str, Any], finish: str, usage: dict[str, Any]) -> Said:
    assert message["role"] == "assistant"
    content, calls = message.get("content") or [], message.get("tool_calls") or []
    tokens = usage["tokens"]
    return Said(
        text="".join(part["text"] for part in content if part["type"] == "text"),
        reasoning="".join(part["thinking"] for part in content if part["type"] == "thinking")
        or message.get("tool_plan", ""),
        calls=[
            (one["id"], one["function"]["name"], json.loads(one["function"]["arguments"]))
            for one in calls
        ],
        finish=finish,
        usage=(tokens["input_tokens"], tokens["output_tokens"]),
        turn=[message],
    )


def _streamed(lines: list[str]) -> Said:
    events = [json.loads(line) for line in lines if line != "[DONE]"]
    message: dict[str, Any] = {}
    parts: dict[int, dict[str, Any]] = {}
    calls: dict[int, dict[str, Any]] = {}
    finish, usage, pieces = "", None, 0
    for event in events:
        kind, delta = event["type"], event.get("delta", {})
        said = delta.get("message", {})
        if kind == "message-start":
            message["role"] = said["role"]
        elif kind == "content-start":
            parts[event["index"]] = dict(said["content"])
        elif kind == "content-delta":
            for key, piece in said["content"].items():
                parts[event["index"]][key] = parts[event["index"]].get(key, "") + piece
                pieces += key == "text"
        elif kind == "tool-plan-delta":
            message["tool_plan"] = message.get("tool_plan", "") + said["tool_plan"]
        elif kind == "tool-call-start":
            calls[event["index"]] = said["tool_calls"]
        elif kind == "tool-call-delta":
            function = said["tool_calls"]["function"]
            calls[event["index"]]["function"]["arguments"] += function["arguments"]
        elif kind == "message-end" and "error" in delta:
            raise CohereError(200, delta["error"])
        elif kind == "message-end":
            finish, usage = delta["finish_reason"], delta["usage"]
    if usage is None:
        raise CohereError(200, "the stream has no end")
    message["content"] = [parts[index] for index in sorted(parts)]
    message["tool_calls"] = [calls[index] for index in sorted(calls)]
    found = _said(message, finish, usage)
    found.pieces = pieces
    return found
