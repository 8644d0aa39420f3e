"""A value that fits a JSON Schema: always the same one for the same schema.

For tool arguments and structured answers of simulated providers. Knows the keywords that the
providers' own structured outputs know, and the common ones beside them. Text takes the name of
the property it stands for, so that an answer can be read.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from trunkline.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["example"]

MAX_DEPTH: Final = 24
"""Beyond this a schema that refers to itself has no small value that we can find."""

_FORMATS: Final = {
    "date": "2025-01-31",
    "date-time": "2025-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "someone@example.com",
    "idn-email": "someone@example.com",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uri-reference": "/example",
    "iri": "https://example.com/",
    "url": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "json-pointer": "/example",
    "regex": "example",
}

_WORDS: Final = (
    "example",
    "Example",
    "EXAMPLE",
    "a",
    "A",
    "1",
    "12",
    "123",
    "1234",
    "12345",
    "123456",
    "1.0",
    "1.0.0",
    "$1.00",
    "-1",
    "ab",
    "AB",
    "ABC",
    "A1",
    "AB12",
    "ABC-123",
    "example_1",
    "example-1",
    "555-0100",
    "(555)555-0100",
    "+15550100",
    "#a0b1c2",
    *_FORMATS.values(),
)
"""What is tried for a `pattern`."""


def example(schema: Any, name: str = "text") -> Any:
    """A value that fits `schema`. `name` is what text says where nothing else is asked of it.

    Raises `RequestError` of kind `unsupported` where none can be made up.
    """
    try:
        return _Maker(schema).value(schema, name, 0)
    except (TypeError, ValueError, AttributeError, KeyError, OverflowError) as error:
        raise _cannot(f"it is no JSON Schema ({error})") from error


class _Maker:
    """Makes values of the parts of one schema, whose root references are resolved against."""

    def __init__(self, root: Any) -> None:
        self._root = root

    def value(self, schema: Any, name: str, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise _too_deep()
        if schema is False:
            raise _cannot(f"nothing fits `{name}`")
        if not isinstance(schema, dict):
            return name
        schema = self._flat(schema, depth)
        if "const" in schema:
            return schema["const"]
        for key in ("enum", "examples"):
            if isinstance(schema.get(key), list) and schema[key]:
                return schema[key][0]
        make = _MAKERS.get(_type_of(schema))
        if make is None:
            raise _cannot(f"`{name}` has a type that is none of JSON's")
        return make(self, schema, name, depth + 1)

    def _flat(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        """The schema with its reference, all of `allOf` and one of its alternatives folded in."""
        if depth > MAX_DEPTH:
            raise _too_deep()
        flat = {key: said for key, said in schema.items() if key not in _COMBINED}
        parts: list[Any] = list(schema.get("allOf") or ())
        if isinstance(schema.get("$ref"), str):
            parts.append(self._resolve(schema["$ref"]))
        choices = [schema[key] for key in ("anyOf", "oneOf") if schema.get(key)]
        parts.extend(self._simplest(each) for each in choices)
        for part in parts:
            if isinstance(part, dict):
                flat = _both(flat, self._flat(part, depth + 1))
        return flat

    def _simplest(self, choices: list[Any]) -> Any:
        """The first alternative that is not null, and not a way back into what we are making."""
        said = [choice for choice in choices if choice != {"type": "null"}]
        plain = [choice for choice in said if not (isinstance(choice, dict) and "$ref" in choice)]
        return (plain or [choice for choice in choices if choice not in said] or said)[0]

    def _resolve(self, reference: str) -> Any:
        if not reference.startswith("#"):
            raise _cannot(f"it refers to {reference[:100]!r}, which is not in it")
        found = self._root
        for token in reference[1:].split("/")[1:]:
            key = token.replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, dict) else None
        if found is None:
            raise _cannot(f"it refers to {reference[:100]!r}, which is not there")
        return found

    def object(self, schema: dict[str, Any], _name: str, depth: int) -> dict[str, Any]:
        """What is required; all that is declared, where nothing is said to be required."""
        properties = schema.get("properties") or {}
        wanted = schema.get("required")
        if not isinstance(wanted, list):
            wanted = list(properties) if depth < 4 else []
        made = {key: self.value(properties.get(key, True), key, depth) for key in wanted}
        least = schema.get("minProperties", 0)
        spare = [key for key in properties if key not in made]
        for index in range(least - len(made)):
            key = spare[index] if index < len(spare) else f"key_{index + 1}"
            more = schema.get("additionalProperties", True)
            made[key] = self.value(properties.get(key, more), key, depth)
        return made

    def array(self, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
        """As many items as are wanted, but one where none need be."""
        first = schema.get("prefixItems") or []
        items = schema.get("items", True)
        least = schema.get("minItems", 0)
        count = max(least, 1 if items is not False and schema.get("maxItems", 1) > 0 else 0)
        if not least and (depth > 4 or items is True):
            count = 0
        made = [self.value(part, name, depth) for part in first]
        for index in range(len(made), count):
            item = self.value(items, name, depth)
            made.append(_another(item, items, index) if schema.get("uniqueItems") else item)
        return made

    def string(self, schema: dict[str, Any], name: str, _depth: int) -> str:
        least, most = schema.get("minLength", 0), schema.get("maxLength")
        if isinstance(schema.get("pattern"), str):
            return _matching(schema["pattern"], least, most)
        text: str = _FORMATS.get(schema.get("format", ""), name)
        text += "." * (least - len(text))
        return text if most is None else text[:most]

    def number(self, schema: dict[str, Any], _name: str, _depth: int) -> float:
        """1 or `multipleOf` where it is allowed, else the multiple that is next to a bound."""
        whole = _type_of(schema) == "integer"
        step = schema.get("multipleOf") or 1
        low, high = _bounds(schema)
        found: float = step
        if not low <= step <= high:
            found = (
                math.floor(high / step) * step if low == -math.inf else math.ceil(low / step) * step
            )
        if found > high and not whole and "multipleOf" not in schema:
            found = (low + high) / 2
        if not low <= found <= high or (whole and found != int(found)):
            raise _cannot("a number in it has bounds that we cannot meet")
        return int(found) if found == int(found) else found

    def boolean(self, _schema: dict[str, Any], _name: str, _depth: int) -> bool:
        return True

    def null(self, _schema: dict[str, Any], _name: str, _depth: int) -> None:
        return None


_COMBINED: Final = frozenset({"$ref", "allOf", "anyOf", "oneOf"})

_MAKERS: Final[dict[Any, Callable[[_Maker, dict[str, Any], str, int], Any]]] = {
    "object": _Maker.object,
    "array": _Maker.array,
    "string": _Maker.string,
    "number": _Maker.number,
    "integer": _Maker.number,
    "boolean": _Maker.boolean,
    "null": _Maker.null,
}

_SIGNS: Final = {
    "object": ("properties", "required", "additionalProperties", "minProperties"),
    "array": ("items", "prefixItems", "minItems"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
"""Keywords that tell what is meant where `type` is not said."""


def _type_of(schema: dict[str, Any]) -> Any:
    said = schema.get("type")
    if isinstance(said, list):
        return next((kind for kind in said if kind != "null"), "null")
    if said is not None:
        return said
    signs = (kind for kind, keys in _SIGNS.items() if any(key in schema for key in keys))
    return next(signs, "string")


def _both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Two schemas that both hold, as far as they can be written as one."""
    both = {**one, **other}
    if "properties" in one and "properties" in other:
        both["properties"] = {**one["properties"], **other["properties"]}
    if "required" in one and "required" in other:
        both["required"] = list(dict.fromkeys([*one["required"], *other["required"]]))
    return both


def _bounds(schema: dict[str, Any]) -> tuple[float, float]:
    """The least and the greatest allowed number; exclusive bounds of integers move by one."""
    whole = _type_of(schema) == "integer"
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    if "exclusiveMinimum" in schema:
        over = schema["exclusiveMinimum"]
        low = max(low, math.floor(over) + 1 if whole else math.nextafter(over, math.inf))
    if "exclusiveMaximum" in schema:
        under = schema["exclusiveMaximum"]
        high = min(high, math.ceil(under) - 1 if whole else math.nextafter(under, -math.inf))
    return low, high


def _another(item: Any, schema: Any, index: int) -> Any:
    """The item made different from those before it, where that is simple."""
    if isinstance(schema, dict) and isinstance(schema.get("enum"), list):
        return schema["enum"][index % len(schema["enum"])]
    if isinstance(item, str):
        return f"{item}_{index + 1}" if index else item
    if isinstance(item, int | float) and not isinstance(item, bool):
        return item + index * (schema.get("multipleOf") or 1)
    return item


def _matching(pattern: str, least: int, most: int | None) -> str:
    """One of a few words that RE2 finds the pattern in."""
    import re2

    try:
        compiled = re2.compile(pattern)
    except re2.error:
        raise _cannot(f"the pattern {pattern[:100]!r} is none that RE2 knows") from None
    for word in _WORDS:
        if len(word) >= least and (most is None or len(word) <= most) and compiled.search(word):
            return word
    raise _cannot(f"no text for the pattern {pattern[:100]!r} comes to mind")


def _too_deep() -> RequestError:
    return _cannot(f"it nests deeper than {MAX_DEPTH}, or without an end")


def _cannot(why: str) -> RequestError:
    message = f"the simulated provider cannot make a value that fits the schema: {why}"
    return RequestError("unsupported", f"{message}; give it a `reply`")
