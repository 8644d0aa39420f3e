"""A document against the schema of a route file: each mistake once, at its place, with its fix."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from trunkline.config.generate import generate, route_file_schema
from trunkline.config.wording import Violation, findings

if TYPE_CHECKING:
    from trunkline.config.source import Document
    from trunkline.diagnostics import Diagnostic

__all__ = ["check", "generate", "violations"]


def check(document: Document) -> list[Diagnostic]:
    """Every way in which the document is not a route file."""
    return list(findings(document, violations(document.value)))


def violations(value: Any) -> list[Violation]:
    """The same as keywords of the schema."""
    return [
        Violation(
            str(error.validator),
            error.validator_value,
            error.instance,
            error.schema,
            tuple(error.absolute_path),
            error.message,
        )
        for error in _validator().iter_errors(value)
    ]


@cache
def _validator() -> Any:
    return _Validator(route_file_schema())


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """`$` as ECMA-262 means it: the end, and not before a last line feed."""
    return re.compile(pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern)


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Any:
    if isinstance(value, str) and not _compiled(pattern).search(value):
        yield ValidationError("pattern")


def _enum(validator: Any, words: list[Any], value: Any, schema: Any) -> Any:
    """1.0 and true are not 1: what YAML read must be what was meant."""
    if not any(type(value) is type(word) and value == word for word in words):
        yield ValidationError("enum")


def _additional(validator: Any, allowed: Any, value: Any, schema: Any) -> Any:
    if not isinstance(value, dict):
        return
    known = schema.get("properties", {})
    for key in value:
        if key in known or any(
            _compiled(p).search(key) for p in schema.get("patternProperties", ())
        ):
            continue
        if allowed is False:
            yield ValidationError("unknown", path=(key,))
        elif allowed is not True:
            yield from validator.descend(value[key], allowed, path=key)


def _names(validator: Any, names: Any, value: Any, schema: Any) -> Any:
    if isinstance(value, dict):
        for key in value:
            if not validator.evolve(schema=names).is_valid(key):
                yield ValidationError("name", path=(key,))


def _required(validator: Any, required: list[str], value: Any, schema: Any) -> Any:
    if isinstance(value, dict):
        for key in required:
            if key not in value:
                yield ValidationError(key)


def _only_last_without(validator: Any, key: str, value: Any, schema: Any) -> Any:
    if isinstance(value, list):
        for index, item in enumerate(value[:-1]):
            if isinstance(item, dict) and key not in item:
                yield ValidationError(key, path=(index,))


_TYPES: Final = Draft202012Validator.TYPE_CHECKER.redefine(
    "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
)

_Validator: Final[Any] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "pattern": _pattern,
        "enum": _enum,
        "additionalProperties": _additional,
        "propertyNames": _names,
        "required": _required,
        "x-trunkline-only-last-without": _only_last_without,
    },
    type_checker=_TYPES,
)
