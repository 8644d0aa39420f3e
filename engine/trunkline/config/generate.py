"""JSON Schemas (Draft 2020-12) from the models, for editors and for our own checks.

Unions are written as `type` and `if`/`then`, never as `anyOf`: whatever is wrong gives exactly
one error, at the place where it is wrong.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from trunkline.chat import ChatRequest
from trunkline.config.models import LATER, ProviderRow, RouteFile
from trunkline.config.models.dialect import DialectFile

__all__ = ["DRAFT", "generate", "published", "route_file_schema"]

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_LATER_TEXT: Final = (
    "This version reads it but does not perform it: a route file with it is refused."
)
_TYPE_OF: Final[dict[type, str]] = {str: "string", int: "integer", float: "number", bool: "boolean"}


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, with plain words where it writes what only it needs."""

    def sort(self, value: Any, parent_key: str | None = None) -> Any:
        return value

    def nullable_schema(self, schema: Any) -> Any:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: Any) -> Any:
        inner = self.generate_inner(schema["schema"])
        if schema.get("default") is None:
            return inner
        return {**inner, "default": schema["default"]}

    def literal_schema(self, schema: Any) -> Any:
        return {"enum": list(schema["expected"])}

    def dict_schema(self, schema: Any) -> Any:
        result: dict[str, Any] = {"type": "object"}
        if "keys_schema" in schema:
            keys = self.generate_inner(schema["keys_schema"])
            if keys != {"type": "string"}:
                result["propertyNames"] = keys
        if "values_schema" in schema:
            values = self.generate_inner(schema["values_schema"])
            if values:
                result["additionalProperties"] = values
        return result

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class _WithNulls(_Generator):
    def nullable_schema(self, schema: Any) -> Any:
        inner = self.generate_inner(schema["schema"])
        return {"anyOf": [*inner.get("anyOf", [inner]), {"type": "null"}]}


def generate() -> dict[str, dict[str, Any]]:
    """Every schema that is published, by the name of its file without `.schema.json`."""
    return {
        "route-file": route_file_schema(),
        "chat": _finish(TypeAdapter(ChatRequest).json_schema(schema_generator=_WithNulls)),
        "dialect": _finish(DialectFile.model_json_schema(schema_generator=_Generator)),
        "provider-row": _finish(ProviderRow.model_json_schema(schema_generator=_Generator)),
    }


def published() -> dict[str, str]:
    """The files of `schemas/`, by name."""
    return {
        f"{name}.schema.json": json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
        for name, schema in generate().items()
    }


@cache
def route_file_schema() -> dict[str, Any]:
    """The schema of a route file."""
    schema = _finish(RouteFile.model_json_schema(schema_generator=_Generator))
    schema["patternProperties"] = {"^x-": {}}
    return schema


def _finish(schema: dict[str, Any]) -> dict[str, Any]:
    definitions = schema.pop("$defs", {})
    finished = {
        "$schema": DRAFT,
        **_walk(schema, definitions),
        "$defs": {name: _walk(one, definitions) for name, one in sorted(definitions.items())},
    }
    if not definitions:
        del finished["$defs"]
    return finished


def _walk(value: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_walk(item, definitions) for item in value]
    if not isinstance(value, dict):
        return value
    result = {key: _walk(item, definitions) for key, item in value.items()}
    if isinstance(result.get("anyOf"), list):
        result = {**_by_type(result.pop("anyOf"), definitions), **result}
    if LATER in result:
        result["description"] = f"{result.get('description', '')} {_LATER_TEXT}".strip()
    if isinstance(result.get("description"), str):
        result["description"] = " ".join(result["description"].split())
    return result


def _by_type(choices: list[dict[str, Any]], definitions: dict[str, Any]) -> dict[str, Any]:
    """Choices of JSON types as one `type` and an `if`/`then` for each that says more."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for choice in choices:
        groups.setdefault(_type(choice, definitions), []).append(choice)
    merged = {kind: _merge(group, definitions) for kind, group in groups.items()}
    if len(merged) == 1:
        return next(iter(merged.values()))
    rules = [
        {"if": {"type": kind}, "then": choice}
        for kind, choice in merged.items()
        if set(choice) != {"type"}
    ]
    rest: dict[str, Any] = rules[0] if len(rules) == 1 else {"allOf": rules} if rules else {}
    return {"type": list(merged), **rest}


def _merge(group: list[dict[str, Any]], definitions: dict[str, Any]) -> dict[str, Any]:
    """Several choices of one JSON type: words as one list, mappings by their `type`."""
    if len(group) == 1:
        return group[0]
    if all("enum" in choice for choice in group):
        return {"enum": [value for choice in group for value in choice["enum"]]}
    tags = [_tag(choice, definitions) for choice in group]
    if not all(tags):
        return {"type": _type(group[0], definitions)}
    return {
        "type": "object",
        "properties": {"type": {"enum": tags}},
        "required": ["type"],
        "allOf": [
            {"if": {"properties": {"type": {"enum": [tag]}}}, "then": choice}
            for tag, choice in zip(tags, group, strict=True)
        ],
    }


def _tag(choice: dict[str, Any], definitions: dict[str, Any]) -> str | None:
    """The one word that a mapping's `type` must be, if there is one."""
    words = _resolve(choice, definitions).get("properties", {}).get("type", {}).get("enum", [])
    return words[0] if len(words) == 1 else None


def _resolve(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = definitions[schema["$ref"].removeprefix("#/$defs/")]
    return schema


def _type(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    schema = _resolve(schema, definitions)
    return _TYPE_OF[type(schema["enum"][0])] if "enum" in schema else str(schema["type"])
