"""openai: Chat Completions and Responses, at OpenAI's paths and at Azure's."""

from __future__ import annotations

import json
from typing import Any

import openai

from tests.sdks.asking import PARAMETERS, PICTURE, SUNNY, Ask, Said, no_extras

__all__ = ["AzureChat", "AzureResponses", "Chat", "Responses"]

SCHEMA = {"name": "weather", "strict": True, "schema": PARAMETERS}
BESIDE = frozenset({"reasoning_content", "reasoning", "reasoning_details"})
"""What other servers of this wire, and clients of other SDKs, know beside OpenAI's fields."""


def _plain(origin: str, settings: dict[str, Any]) -> openai.AsyncOpenAI:
    settings = {"api_key": "key-of-the-client", "max_retries": 0, **settings}
    return openai.AsyncOpenAI(base_url=f"{origin}/v1", **settings)


def _azure(origin: str, settings: dict[str, Any]) -> openai.AsyncAzureOpenAI:
    settings = {"api_key": "key-of-the-client", "max_retries": 0, **settings}
    return openai.AsyncAzureOpenAI(
        azure_endpoint=origin, api_version="2025-03-01-preview", **settings
    )


class Chat:
    """`client.chat.completions`."""

    def __init__(self, origin: str, **settings: Any) -> None:
        self.sdk: Any = self.connect(origin, settings)

    connect = staticmethod(_plain)

    async def aclose(self) -> None:
        await self.sdk.close()

    def user(self, ask: Ask) -> list[Any]:
        content: Any = ask.text
        if ask.image:
            image = {"type": "image_url", "image_url": {"url": PICTURE}}
            content = [{"type": "text", "text": ask.text}, image]
        return [{"role": "user", "content": content}]

    def results(self, said: Said) -> list[Any]:
        return [{"role": "tool", "tool_call_id": call, "content": SUNNY} for call, *_ in said.calls]

    async def send(self, messages: list[Any], ask: Ask, *, stream: bool) -> Said:
        asked = {"model": ask.model, "messages": messages, **self._options(ask)}
        if not stream:
            whole = await self.sdk.chat.completions.create(**asked)
            no_extras(whole, BESIDE)
            return _said(whole)
        more = {"stream_options": {"include_usage": True}}
        async with self.sdk.chat.completions.stream(**asked, **more) as events:
            pieces = 0
            async for event in events:
                pieces += event.type == "content.delta" and bool(event.delta)
                if event.type == "chunk":
                    no_extras(event.chunk, BESIDE)
            said = _said(await events.get_final_completion())
        said.pieces = pieces
        return said

    def _options(self, ask: Ask) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if ask.tools:
            functions = [{"name": name, "parameters": PARAMETERS} for name in ask.tools]
            options["tools"] = [{"type": "function", "function": one} for one in functions]
        if ask.choice is not None:
            named = {"type": "function", "function": {"name": ask.choice}}
            options["tool_choice"] = ask.choice if ask.choice == "required" else named
        if ask.schema:
            options["response_format"] = {"type": "json_schema", "json_schema": SCHEMA}
        if ask.thinks:
            options["reasoning_effort"] = "low"
        if ask.n is not None:
            options["n"] = ask.n
        if ask.stop is not None:
            options["stop"] = [ask.stop]
        if ask.logprobs:
            options.update(logprobs=True, top_logprobs=2)
        return options


def _said(whole: Any) -> Said:
    choice = whole.choices[0]
    message = choice.message
    turn = message.model_dump(exclude_none=True)
    turn.pop("parsed", None)
    for call in turn.get("tool_calls", ()):
        call["function"].pop("parsed_arguments", None)
        call.pop("index", None)
    calls = message.tool_calls or []
    odds = choice.logprobs.content if choice.logprobs else []
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    return Said(
        text=message.content or "",
        reasoning=getattr(message, "reasoning_content", None) or "",
        calls=[(one.id, one.function.name, json.loads(one.function.arguments)) for one in calls],
        finish=choice.finish_reason,
        usage=(whole.usage.prompt_tokens, whole.usage.completion_tokens),
        answers=[each.message.content or "" for each in whole.choices],
        logprobs=[(one.token, one.logprob) for one in odds or ()],
        model=whole.model,
        turn=[turn],
    )


class AzureChat(Chat):
    """The same through the deployment paths of Azure."""

    connect = staticmethod(_azure)


class Responses:
    """`client.responses`."""

    def __init__(self, origin: str, **settings: Any) -> None:
        self.sdk: Any = self.connect(origin, settings)

    connect = staticmethod(_plain)

    async def aclose(self) -> None:
        await self.sdk.close()

    def user(self, ask: Ask) -> list[Any]:
        content: Any = ask.text
        if ask.image:
            image = {"type": "input_image", "image_url": PICTURE, "detail": "auto"}
            content = [{"type": "input_text", "text": ask.text}, image]
        return [{"role": "user", "content": content}]

    def results(self, said: Said) -> list[Any]:
        return [
            {"type": "function_call_output", "call_id": call, "output": SUNNY}
            for call, *_ in said.calls
        ]

    async def send(self, messages: list[Any], ask: Ask, *, stream: bool) -> Said:
        asked = {"model": ask.model, "input": messages, "store": False, **self._options(ask)}
        if not stream:
            whole = await self.sdk.responses.create(**asked)
            no_extras(whole)
            return self._said(whole)
        async with self.sdk.responses.stream(**asked) as events:
            pieces = 0
            async for event in events:
                pieces += event.type == "response.output_text.delta"
            final = await events.get_final_response()
        said = self._said(final)
        said.pieces = pieces
        return said

    def _options(self, ask: Ask) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if ask.tools:
            options["tools"] = [
                {"type": "function", "name": name, "parameters": PARAMETERS, "strict": True}
                for name in ask.tools
            ]
        if ask.choice is not None:
            named = {"type": "function", "name": ask.choice}
            options["tool_choice"] = ask.choice if ask.choice == "required" else named
        if ask.schema:
            options["text"] = {"format": {"type": "json_schema", **SCHEMA}}
        if ask.thinks:
            options["reasoning"] = {"effort": "low", "summary": "auto"}
            options["include"] = ["reasoning.encrypted_content"]
        if ask.logprobs:
            options["include"] = ["message.output_text.logprobs"]
            options["top_logprobs"] = 2
        return options

    def _said(self, whole: Any) -> Said:
        thoughts = [item for item in whole.output if item.type == "reasoning"]
        calls = [item for item in whole.output if item.type == "function_call"]
        parts = [part for item in whole.output if item.type == "message" for part in item.content]
        odds = [one for part in parts for one in getattr(part, "logprobs", None) or ()]
        turn = [item.model_dump(exclude_none=True) for item in whole.output]
        for item in turn:
            item.pop("parsed_arguments", None)
            for part in item.get("content", ()):
                part.pop("parsed", None)
        assert whole.usage.total_tokens == whole.usage.input_tokens + whole.usage.output_tokens
        return Said(
            text=whole.output_text,
            reasoning="".join(
                one.text for item in thoughts for one in [*item.summary, *(item.content or ())]
            ),
            calls=[(one.call_id, one.name, json.loads(one.arguments)) for one in calls],
            finish=whole.status,
            usage=(whole.usage.input_tokens, whole.usage.output_tokens),
            answers=[whole.output_text],
            logprobs=[(one.token, one.logprob) for one in odds],
            model=whole.model,
            turn=turn,
        )


class AzureResponses(Responses):
    """The same at Azure's path."""

    connect = staticmethod(_azure)
