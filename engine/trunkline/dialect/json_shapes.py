"""Filters over JSON that some wires spell in their own way: names of keys, schemas, base64.

All are total: what they do not understand is given back as it is. None changes its input.
"""

from __future__ import annotations

import re
from typing import Any, Final

__all__ = ["camel_keys", "json_schema", "standard_base64"]

_JOINT: Final = re.compile(r"(?<=[A-Za-z0-9])_+([a-z0-9])")
_URL_SAFE: Final = str.maketrans("-_", "+/")


def camel_keys(value: Any, whole: Any = None) -> Any:
    """A value whose keys are camelCase at every depth, as JSON of protocol buffers writes them;
    what stands under a key of `whole` is data and left alone.

    The JSON mapping of protocol buffers wants both spellings taken: `max_tokens` is `maxTokens`.
    Where a mapping has both, the camelCase one wins.
    """
    kept = frozenset(one for one in whole if isinstance(one, str)) if whole else frozenset()
    return _camel(value, kept)


def _camel(value: Any, whole: frozenset[str]) -> Any:
    if isinstance(value, list):
        return [_camel(item, whole) for item in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for key, item in value.items():
        name = _camel_name(key)
        if name == key or name not in value:
            found[name] = item if name in whole else _camel(item, whole)
    return found


def _camel_name(key: str) -> str:
    return _JOINT.sub(lambda joint: joint[1].upper(), key)


def json_schema(value: Any, types: Any = None) -> Any:
    """A schema of OpenAPI 3.0 as JSON Schema: types in lower case, `nullable` as a type; a type
    that is a number is the one at that place of `types`.

    A schema that is JSON Schema already stays as it is.
    """
    if isinstance(value, list):
        return [json_schema(item, types) for item in value]
    if not isinstance(value, dict):
        return value
    named = {_camel_name(key): item for key, item in value.items()}
    found = {key: _keyword(key, item, types) for key, item in named.items()}
    kind = found.get("type")
    if isinstance(kind, str) and kind.isupper():
        found["type"] = kind.lower()
    elif type(kind) is int and isinstance(types, list) and 0 <= kind < len(types):
        found["type"] = types[kind]
    if found.pop("nullable", None) is True:
        return _nullable(found)
    return found


_SCHEMAS: Final = frozenset(
    {"additionalProperties", "allOf", "anyOf", "items", "not", "oneOf", "prefixItems"}
)


def _keyword(key: str, value: Any, types: Any) -> Any:
    if key in ("properties", "$defs") and isinstance(value, dict):
        return {name: json_schema(one, types) for name, one in value.items()}
    return json_schema(value, types) if key in _SCHEMAS else value


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema that also takes null, among the choices of an enumeration too."""
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
    elif isinstance(schema.get("anyOf"), list):
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]
    if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    return schema


def standard_base64(value: Any) -> Any:
    """Base64 in its standard alphabet and padded, whichever of the two alphabets it came in
    (RFC 4648, 4 and 5)."""
    if not isinstance(value, str):
        return value
    plain = value.translate(_URL_SAFE) if "-" in value or "_" in value else value
    return plain + "=" * (-len(plain) % 4)
