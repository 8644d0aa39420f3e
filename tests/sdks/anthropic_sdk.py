"""anthropic: Messages at Anthropic's own path, at Vertex AI's and at Bedrock's."""

from __future__ import annotations

from typing import Any

import anthropic

from tests.sdks.asking import PARAMETERS, PNG, SUNNY, Ask, Said, no_extras

__all__ = ["BedrockMessages", "Messages", "VertexMessages"]


class Messages:
    """`client.messages`."""

    def __init__(self, origin: str, **settings: Any) -> None:
        self.sdk: Any = self.connect(origin, {"max_retries": 0, **settings})

    @staticmethod
    def connect(origin: str, settings: dict[str, Any]) -> Any:
        settings = {"api_key": "key-of-the-client", **settings}
        return anthropic.AsyncAnthropic(base_url=origin, **settings)

    async def aclose(self) -> None:
        await self.sdk.close()

    def user(self, ask: Ask) -> list[Any]:
        content: Any = ask.text
        if ask.image:
            source = {"type": "base64", "media_type": "image/png", "data": PNG}
            content = [{"type": "text", "text": ask.text}, {"type": "image", "source": source}]
        return [{"role": "user", "content": content}]

    def results(self, said: Said) -> list[Any]:
        answers = [
            {"type": "tool_result", "tool_use_id": call, "content": SUNNY}
            for call, *_ in said.calls
        ]
        return [{"role": "user", "content": answers}]

    async def send(self, messages: list[Any], ask: Ask, *, stream: bool) -> Said:
        asked = {"model": ask.model, "max_tokens": 4000, "messages": messages, **_options(ask)}
        if not stream:
            whole = await self.sdk.messages.create(**asked)
            no_extras(whole)
            return _said(whole)
        async with self.sdk.messages.stream(**asked) as events:
            pieces = 0
            async for event in events:
                pieces += event.type == "text"
            said = _said(await events.get_final_message())
        said.pieces = pieces
        return said


def _options(ask: Ask) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if ask.tools:
        options["tools"] = [{"name": name, "input_schema": PARAMETERS} for name in ask.tools]
    if ask.choice is not None:
        named = {"type": "tool", "name": ask.choice}
        options["tool_choice"] = {"type": "any"} if ask.choice == "required" else named
    if ask.schema:
        options["output_config"] = {"format": {"type": "json_schema", "schema": PARAMETERS}}
    if ask.thinks:
        options["thinking"] = {"type": "enabled", "budget_tokens": 1024}
    if ask.stop is not None:
        options["stop_sequences"] = [ask.stop]
    return options


def _said(whole: Any) -> Said:
    blocks = whole.content
    calls = [(one.id, one.name, one.input) for one in blocks if one.type == "tool_use"]
    text = "".join(one.text for one in blocks if one.type == "text")
    return Said(
        text=text,
        reasoning="".join(one.thinking for one in blocks if one.type == "thinking"),
        calls=calls,
        finish=whole.stop_reason,
        usage=(whole.usage.input_tokens, whole.usage.output_tokens),
        answers=[text],
        model=whole.model,
        turn=[{"role": "assistant", "content": blocks}],
    )


class VertexMessages(Messages):
    """`AnthropicVertex`."""

    @staticmethod
    def connect(origin: str, settings: dict[str, Any]) -> Any:
        return anthropic.AsyncAnthropicVertex(
            base_url=f"{origin}/v1",
            region="us-east5",
            project_id="acme",
            access_token="token-of-the-client",
            **settings,
        )


class BedrockMessages(Messages):
    """`AnthropicBedrock`, which signs."""

    @staticmethod
    def connect(origin: str, settings: dict[str, Any]) -> Any:
        return anthropic.AsyncAnthropicBedrock(
            base_url=origin,
            aws_region="us-east-1",
            aws_access_key="AKIDEXAMPLE",
            aws_secret_key="secret",
            **settings,
        )
