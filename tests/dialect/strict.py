"""The vendors' own request types, made strict: judges of what we write.

SDK parameters are TypedDicts that ignore unknown keys and validate iterables lazily. Here
unknown keys are refused, iterables are read to their end, and response models that stand in
request unions may hold nothing that they do not declare.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import typing
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import pydantic
import typing_extensions

Check = Callable[[Any], None]


@cache
def _harden(package_name: str) -> None:
    package = importlib.import_module(package_name)
    for info in pkgutil.walk_packages(package.__path__, package_name + "."):
        try:
            module = importlib.import_module(info.name)
        except ImportError:
            continue
        for lazy in ("Iterable", "SequenceNotStr"):
            if hasattr(module, lazy):
                setattr(module, lazy, typing.List)  # noqa: UP006
        for value in list(vars(module).values()):
            if isinstance(value, type) and typing_extensions.is_typeddict(value):
                own = value.__dict__.get("__pydantic_config__", {})
                value.__pydantic_config__ = {**own, "extra": "forbid"}  # type: ignore[attr-defined]


def _exhaust(value: Any, place: str = "") -> None:
    if type(value).__name__ == "ValidatorIterator":
        value = list(value)
    if isinstance(value, dict):
        for key, item in value.items():
            _exhaust(item, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _exhaust(item, f"{place}[{index}]")
    elif isinstance(value, pydantic.BaseModel):
        assert not value.model_extra, f"{place}: unknown fields {sorted(value.model_extra)}"
        for key in value.model_fields_set:
            _exhaust(getattr(value, key), f"{place}.{key}")


@cache
def checker(package: str, module: str, name: str) -> Check:
    """A function that raises on unknown, missing or ill-typed fields of a body."""
    _harden(package)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a few types say that they take more keys
        adapter = pydantic.TypeAdapter(getattr(importlib.import_module(module), name))

    def check(body: Any) -> None:
        assert isinstance(body.get("stream", False), bool)
        bare = {key: value for key, value in body.items() if key != "stream"}
        _exhaust(adapter.validate_python(bare))

    return check


def openai_chat() -> Check:
    """OpenAI's chat request."""
    module = "openai.types.chat.completion_create_params"
    return checker("openai.types", module, "CompletionCreateParamsNonStreaming")


def openai_responses() -> Check:
    """OpenAI's Responses request. Servers beside OpenAI have service tiers of their own."""
    module = "openai.types.responses.response_create_params"
    openai = checker("openai.types", module, "ResponseCreateParamsNonStreaming")

    def check(body: Any) -> None:
        assert isinstance(body.get("service_tier", ""), str)
        openai({key: value for key, value in body.items() if key != "service_tier"})

    return check


_OLDER = {"temperature": (int, float), "top_p": (int, float), "top_k": int}


def anthropic_messages() -> Check:
    """Anthropic's messages request. The installed SDK speaks a version that has no sampling
    parameters any more; they are held to the types that the version we write had."""
    module = "anthropic.types.message_create_params"
    newest = checker("anthropic.types", module, "MessageCreateParamsNonStreaming")
    beta = "anthropic.types.beta.message_create_params"

    def check(body: Any) -> None:
        for name, kinds in _OLDER.items():
            assert isinstance(body.get(name, 0), kinds), name
        bare = {key: value for key, value in body.items() if key not in _OLDER}
        try:
            newest(bare)
        except (ValueError, AssertionError) as error:
            with_betas = checker("anthropic.types", beta, "MessageCreateParamsNonStreaming")
            try:
                with_betas(bare)
            except (ValueError, AssertionError):
                raise error from None

    return check


def vertex_anthropic() -> Check:
    """The same body, without a model and with its version inside."""
    return _anthropic_inside("vertex-2023-10-16")


def bedrock_invoke_claude() -> Check:
    """The same body, without model and stream, with its version and betas inside."""
    return _anthropic_inside("bedrock-2023-05-31")


def _anthropic_inside(version: str) -> Check:
    whole = anthropic_messages()

    def check(body: Any) -> None:
        assert "model" not in body
        assert body["anthropic_version"] == version
        own = ("anthropic_version", "anthropic_beta")
        whole({"model": "m", **{key: value for key, value in body.items() if key not in own}})

    return check


def gemini_generate() -> Check:
    """Google's request: its SDK has no type for the whole, but one for each part of it."""
    from google.genai import types

    lists = {"contents": types.Content, "tools": types.Tool, "safetySettings": types.SafetySetting}
    single = {
        "systemInstruction": types.Content,
        "toolConfig": types.ToolConfig,
        "generationConfig": types.GenerationConfig,
    }
    free = {"cachedContent", "labels", "modelArmorConfig", "serviceTier", "store"}

    def check(body: Any) -> None:
        assert body.keys() <= {*lists, *single, *free}, sorted(body)
        assert body["contents"]
        for key, kind in lists.items():
            for item in body.get(key, []):
                kind.model_validate(item)
        for key, kind in single.items():
            if key in body:
                # the SDK has a type for images, but no place for it in the type that holds it
                bare = {name: one for name, one in body[key].items() if name != "imageConfig"}
                kind.model_validate(bare)
        types.ImageConfig.model_validate(body.get("generationConfig", {}).get("imageConfig", {}))

    return check


def bedrock_converse() -> Check:
    """AWS's own model of Converse."""
    from tests.dialect import botocore_judge

    return lambda body: botocore_judge.check_request("Converse", body)


def bedrock_invoke_nova() -> Check:
    """Amazon's documented body: Converse's, and beside it what only Nova has."""
    converse = bedrock_converse()

    def check(body: Any) -> None:
        assert body["schemaVersion"] == "messages-v1"
        thinking = body.get("reasoningConfig", {})
        assert thinking.keys() <= {"type", "maxReasoningEffort"}
        sampling = dict(body.get("inferenceConfig", {}))
        assert isinstance(sampling.pop("topK", 0), int)
        bare = {key: body[key] for key in body if key not in ("schemaVersion", "reasoningConfig")}
        assert bare.keys() <= {"messages", "system", "inferenceConfig", "toolConfig"}
        whole = json.dumps({**bare, "inferenceConfig": sampling})
        # AWS took a media type as a video's format, which its own model does not describe
        converse(json.loads(whole.replace('"format": "video/', '"format": "')))

    return check


def bedrock_invoke_titan() -> Check:
    """Amazon's documented body: a text, and how to go on with it."""
    return _documented(
        {"inputText": str, "textGenerationConfig": dict},
        {"maxTokenCount": int, "temperature": float, "topP": float, "stopSequences": list},
        inside="textGenerationConfig",
    )


def bedrock_invoke_llama() -> Check:
    """Meta's documented body: a prompt that is already in the model's own form."""
    numbers = {"max_gen_len": int, "temperature": float, "top_p": float}
    return _documented({"prompt": str, **numbers}, {})


def _documented(
    fields: dict[str, type], nested: dict[str, type], inside: str = ""
) -> Callable[[Any], None]:
    """A check by a table of fields, the first of which is required."""

    def held(value: dict[str, Any], table: dict[str, type]) -> None:
        assert value.keys() <= table.keys(), sorted(value.keys() - table.keys())
        for key, item in value.items():
            kinds = (int, float) if table[key] is float else table[key]
            assert isinstance(item, kinds), key
            assert not isinstance(item, bool), key

    def check(body: Any) -> None:
        assert next(iter(fields)) in body
        held(body, fields)
        held(body.get(inside, {}), nested)

    return check


_COHERE = {
    "model": str,
    "messages": list,
    "stream": bool,
    "tools": list,
    "documents": list,
    "citation_options": dict,
    "response_format": dict,
    "safety_mode": str,
    "max_tokens": int,
    "stop_sequences": list,
    "temperature": (int, float),
    "seed": int,
    "frequency_penalty": (int, float),
    "presence_penalty": (int, float),
    "k": int,
    "p": (int, float),
    "logprobs": bool,
    "tool_choice": str,
    "strict_tools": bool,
    "thinking": dict,
    "priority": int,
}


def cohere_chat() -> Check:
    """Cohere's documented body (API v2). Its SDK is not installed."""
    roles = {"system", "user", "assistant", "tool"}
    keys = {"role", "content", "tool_calls", "tool_call_id", "tool_plan", "citations"}

    def check(body: Any) -> None:
        for key, value in body.items():
            assert isinstance(value, _COHERE[key]) if key in _COHERE else False, key
        assert isinstance(body["model"], str)
        assert body.get("tool_choice", "NONE") in ("REQUIRED", "NONE")
        for message in body["messages"]:
            assert message["role"] in roles
            assert message.keys() <= keys, message.keys()
            assert message["role"] != "tool" or isinstance(message["tool_call_id"], str)
        for tool in body.get("tools", []):
            assert tool["type"] == "function"
            assert tool.keys() == {"type", "function"}
            assert tool["function"].keys() <= {"name", "description", "parameters"}

    return check
