"""The vendors' own request types, made strict: judges of what we write.

SDK parameters are TypedDicts that ignore unknown keys and validate iterables lazily. Here
unknown keys are refused, iterables are read to their end, and response models that stand in
request unions may hold nothing that they do not declare.
"""

from __future__ import annotations

import importlib
import pkgutil
import typing
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
    adapter = pydantic.TypeAdapter(getattr(importlib.import_module(module), name))

    def check(body: Any) -> None:
        _exhaust(adapter.validate_python(body))

    return check


def openai_chat() -> Check:
    """OpenAI's chat request."""
    module = "openai.types.chat.completion_create_params"
    return checker("openai.types", module, "CompletionCreateParamsNonStreaming")


def anthropic_messages() -> Check:
    """Anthropic's messages request, of the version that the installed SDK speaks."""
    module = "anthropic.types.message_create_params"
    return checker("anthropic.types", module, "MessageCreateParamsNonStreaming")
