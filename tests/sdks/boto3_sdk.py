"""boto3's bedrock-runtime: Converse, and bodies of Nova, Titan and Llama through InvokeModel."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import closing
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from tests.sdks.asking import PARAMETERS, PNG, SUNNY, Ask, Said

__all__ = ["Converse", "Llama", "Nova", "Titan"]

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


@cache
def _session() -> Any:
    """One for all clients: what it knows of AWS takes a moment to read."""
    return boto3.Session(aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret")


def connect(origin: str, attempts: int = 1) -> Any:
    """A client that signs as any other does."""
    config = Config(retries={"total_max_attempts": attempts}, read_timeout=20)
    return _session().client(
        "bedrock-runtime", region_name="us-east-1", endpoint_url=origin, config=config
    )


class _Boto3:
    def __init__(self, origin: str, **settings: Any) -> None:
        self.sdk: Any = connect(origin, **settings)

    async def aclose(self) -> None:
        self.sdk.close()

    async def send(self, messages: list[Any], ask: Ask, *, stream: bool) -> Said:
        """boto3 blocks, so it has a thread of its own."""
        return await asyncio.to_thread(self._send, messages, ask, stream)

    def _send(self, messages: list[Any], ask: Ask, stream: bool) -> Said:
        raise NotImplementedError


class Converse(_Boto3):
    """`converse` and `converse_stream`."""

    def user(self, ask: Ask) -> list[Any]:
        content: list[Any] = [{"text": ask.text}]
        if ask.image:
            source = {"bytes": base64.b64decode(PNG)}
            content.append({"image": {"format": "png", "source": source}})
        return [{"role": "user", "content": content}]

    def results(self, said: Said) -> list[Any]:
        answers = [
            {"toolResult": {"toolUseId": call, "content": [{"text": SUNNY}]}}
            for call, *_ in said.calls
        ]
        return [{"role": "user", "content": answers}]

    def _send(self, messages: list[Any], ask: Ask, stream: bool) -> Said:
        asked = {"modelId": ask.model, "messages": messages, **_options(ask)}
        if not stream:
            got = self.sdk.converse(**asked)
            message = got["output"]["message"]
            return _said(message["content"], got["stopReason"], got["usage"])
        with closing(self.sdk.converse_stream(**asked)["stream"]) as events:
            return _streamed(events)


def _options(ask: Ask) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if ask.tools:
        specs = [{"name": name, "inputSchema": {"json": PARAMETERS}} for name in ask.tools]
        options["toolConfig"] = {"tools": [{"toolSpec": one} for one in specs]}
    if ask.choice is not None:
        named = {"any": {}} if ask.choice == "required" else {"tool": {"name": ask.choice}}
        options["toolConfig"]["toolChoice"] = named
    if ask.schema:
        schema = {"jsonSchema": {"schema": json.dumps(PARAMETERS), "name": "weather"}}
        options["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": schema}}
    if ask.thinks:
        thinking = {"type": "enabled", "budget_tokens": 1024}
        options["additionalModelRequestFields"] = {"thinking": thinking}
    if ask.stop is not None:
        options["inferenceConfig"] = {"stopSequences": [ask.stop]}
    return options


def _said(content: list[Any], stop: str, usage: Any) -> Said:
    text = "".join(block.get("text", "") for block in content)
    thoughts = [b["reasoningContent"] for b in content if "reasoningContent" in b]
    calls = [block["toolUse"] for block in content if "toolUse" in block]
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"]
    return Said(
        text=text,
        reasoning="".join(one.get("reasoningText", {}).get("text", "") for one in thoughts),
        calls=[(one["toolUseId"], one["name"], one["input"]) for one in calls],
        finish=stop,
        usage=(usage["inputTokens"], usage["outputTokens"]),
        answers=[text],
        turn=[{"role": "assistant", "content": content}],
    )


def _streamed(events: Any) -> Said:
    """The blocks of a stream, put together as AWS's own examples do."""
    blocks: dict[int, dict[str, Any]] = {}
    stop, usage, pieces = "", None, 0
    for event in events:
        ((name, value),) = event.items()
        if name == "contentBlockStart":
            blocks[value["contentBlockIndex"]] = {
                "toolUse": {"input": "", **value["start"]["toolUse"]}
            }
        elif name == "contentBlockDelta":
            ((kind, delta),) = value["delta"].items()
            block = blocks.setdefault(value["contentBlockIndex"], {})
            pieces += kind == "text"
            if kind == "text":
                block["text"] = block.get("text", "") + delta
            elif kind == "toolUse":
                block["toolUse"]["input"] += delta["input"]
            else:
                thought = block.setdefault(kind, {}).setdefault("reasoningText", {"text": ""})
                for key, piece in delta.items():
                    thought[key] = thought.get(key, "") + piece
        elif name == "messageStop":
            stop = value["stopReason"]
        elif name == "metadata":
            usage = value["usage"]
    assert list(blocks) == sorted(blocks)
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
    said = _said(list(blocks.values()), stop, usage)
    said.pieces = pieces
    return said


class _Invoke(_Boto3):
    """`invoke_model` and `invoke_model_with_response_stream`, whose bodies are the model's own."""

    def user(self, ask: Ask) -> list[Any]:
        return [ask.text]

    def results(self, said: Said) -> list[Any]:
        raise NotImplementedError("these bodies have no tools")

    def body(self, messages: list[Any], ask: Ask) -> dict[str, Any]:
        raise NotImplementedError

    def read(self, events: list[dict[str, Any]]) -> Said:
        raise NotImplementedError

    def _send(self, messages: list[Any], ask: Ask, stream: bool) -> Said:
        body = json.dumps(self.body(messages, ask))
        if not stream:
            got = self.sdk.invoke_model(modelId=ask.model, body=body)
            assert got["contentType"] == "application/json"
            return self.read([json.loads(got["body"].read())])
        got = self.sdk.invoke_model_with_response_stream(modelId=ask.model, body=body)
        with closing(got["body"]) as events:
            return self.read([json.loads(event["chunk"]["bytes"]) for event in events])


class Nova(_Invoke):
    """Amazon's Nova, whose words are Converse's; bytes are base64 in them, for they are JSON."""

    def user(self, ask: Ask) -> list[Any]:
        image = {"image": {"format": "png", "source": {"bytes": PNG}}}
        return [{"role": "user", "content": [{"text": ask.text}, *([image] if ask.image else [])]}]

    def results(self, said: Said) -> list[Any]:
        return Converse.results(self, said)  # type: ignore[arg-type]

    def body(self, messages: list[Any], ask: Ask) -> dict[str, Any]:
        options = _options(ask)
        if options.pop("additionalModelRequestFields", None):
            options["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": "low"}
        return {"schemaVersion": "messages-v1", "messages": messages, **options}

    def read(self, events: list[dict[str, Any]]) -> Said:
        if "output" not in events[0]:
            return _streamed(events)
        (got,) = events
        return _said(got["output"]["message"]["content"], got["stopReason"], got["usage"])


class Titan(_Invoke):
    """Amazon's Titan Text."""

    def body(self, messages: list[Any], ask: Ask) -> dict[str, Any]:
        config = {} if ask.stop is None else {"stopSequences": [ask.stop]}
        return {"inputText": messages[0], "textGenerationConfig": config}

    def read(self, events: list[dict[str, Any]]) -> Said:
        if "results" in events[0]:
            (result,) = events[0]["results"]
            used = (events[0]["inputTextTokenCount"], result["tokenCount"])
            return Said(text=result["outputText"], finish=result["completionReason"], usage=used)
        last = events[-1]
        return Said(
            text="".join(event.get("outputText") or "" for event in events),
            finish=last["completionReason"],
            usage=(last["inputTextTokenCount"], last["totalOutputTextTokenCount"]),
            pieces=sum(bool(event.get("outputText")) for event in events),
        )


class Llama(_Invoke):
    """Meta's Llama 3, whose prompt is written by the caller."""

    def body(self, messages: list[Any], ask: Ask) -> dict[str, Any]:
        turn = f"<|start_header_id|>user<|end_header_id|>\n\n{messages[0]}<|eot_id|>"
        answer = "<|start_header_id|>assistant<|end_header_id|>\n\n"
        return {"prompt": f"<|begin_of_text|>{turn}{answer}", "max_gen_len": 2048}

    def read(self, events: list[dict[str, Any]]) -> Said:
        last = events[-1]
        return Said(
            text="".join(event["generation"] for event in events),
            finish=last["stop_reason"],
            usage=(last["prompt_token_count"], last["generation_token_count"]),
            pieces=sum(bool(event["generation"]) for event in events),
        )
