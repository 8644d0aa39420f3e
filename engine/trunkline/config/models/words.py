"""The words of the language: scalar types, each with its JSON Schema and its reading in Python.

A type says the same in both: what JSON Schema (with the pattern) accepts, the function here
accepts. `x-trunkline-type` names the type for messages.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from typing_extensions import TypeAliasType

from trunkline.config.references import REFERENCE, SHELL, Join, Reference, misuse

if TYPE_CHECKING:
    from collections.abc import Callable

LATER: Final = "x-trunkline-since"
TYPE: Final = "x-trunkline-type"
MESSAGE: Final = "x-trunkline-message"


def later(**extra: Any) -> Any:
    """A field of a capability that this version reads but does not perform."""
    return Field(default=None, json_schema_extra={LATER: "later"}, **extra)


class Strict(BaseModel):
    """The base of all models: closed, strict, frozen, and without nulls.

    A key that is there has a value: YAML's empty `key:` is null, and no setting means null,
    except where a field holds any JSON at all.
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        defer_build=True,  # Only the roots are ever built: an eighth of a second at start-up.
        use_attribute_docstrings=True,
        validate_by_name=False,
        validate_by_alias=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _no_nulls(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for key, value in data.items():
                field = cls.model_fields.get(key)
                if value is None and (field is None or field.annotation is not Any):
                    raise ValueError(f"`{key}` is null")
        return data


def _pattern(pattern: str) -> Callable[[Any], str]:
    compiled = re.compile(pattern)

    def read(value: Any) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise ValueError("not of this form")
        return value

    return read


def _schema(name: str, pattern: str, *examples: Any, **more: Any) -> WithJsonSchema:
    schema: dict[str, Any] = {"type": "string", "pattern": f"^(?:{pattern})$", TYPE: name}
    if examples:
        schema["examples"] = list(examples)
    return WithJsonSchema({**schema, **more})


NAME: Final = r"[A-Za-z][A-Za-z0-9_.-]{0,63}"
_NODE: Final = rf"{NAME}(?:/(?!\S*(?:\{{\{{|\$\{{))\S*[^\s,])?"
_GLOB: Final = r"(?!\$\{[A-Za-z]+:)[\s\S]+"
_HEADER: Final = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_HOST: Final = r"(?:\*\.)?(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})\.)+[A-Za-z0-9-]{1,63}"
_EXPRESSION: Final = r"(?![\s\S]*\{\{)[\s\S]*\S[\s\S]*"
_DURATION: Final = r"off|[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d)"
_PERIOD: Final = r"(?=[0-9.]*[1-9])[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d)"
_COUNT: Final = r"[0-9][0-9_]*"
_POSITIVE: Final = r"[1-9][0-9_]*"
_MONEY: Final = r"[0-9]+(?:\.[0-9]{1,6})? USD"
_PRICED: Final = rf"{NAME}/(?:[^\s*]+\*?|\*)"
_PATH: Final = r"/(?!/)(?!\S*\.\.)[!-z|~]*"
_NO_REFERENCE: Final = rf"(?![\s\S]*\$\{{[A-Za-z][A-Za-z0-9_-]*:|{SHELL}(?![\s\S]))[\s\S]*"


def _version(value: Any) -> int:
    if type(value) is not int or value != 1:
        raise ValueError("not version 1")
    return value


Version = TypeAliasType(
    "Version", Annotated[int, PlainValidator(_version), WithJsonSchema({"enum": [1]})]
)
"""The version of the route language."""


def _yes(value: Any) -> bool:
    if value is not True:
        raise ValueError("not true")
    return True


Yes = TypeAliasType("Yes", Annotated[bool, PlainValidator(_yes), WithJsonSchema({"enum": [True]})])
"""`true`, for switches that are off unless they are there."""

Name = TypeAliasType(
    "Name", Annotated[str, PlainValidator(_pattern(NAME)), _schema("name", NAME, "openai")]
)
"""A name that the document declares or refers to."""

NodeText = TypeAliasType(
    "NodeText",
    Annotated[
        str,
        PlainValidator(_pattern(_NODE)),
        _schema("node", _NODE, "openai/gpt-4o", "openai", "sonnet"),
    ],
)
"""A named target, a provider, or `provider/model`."""

Glob = TypeAliasType(
    "Glob",
    Annotated[
        str, PlainValidator(_pattern(_GLOB)), _schema("pattern", _GLOB, "gpt-*", "re:gpt-[0-9]+")
    ],
)
"""A model name; `*` is any run of characters, `?` one; `re:` begins an RE2 pattern."""

HeaderName = TypeAliasType(
    "HeaderName",
    Annotated[str, PlainValidator(_pattern(_HEADER)), _schema("header", _HEADER, "x-team")],
)
"""The name of an HTTP header (RFC 9110, section 5.1)."""

FetchHost = TypeAliasType(
    "FetchHost",
    Annotated[
        str,
        PlainValidator(_pattern(_HOST)),
        _schema("host", _HOST, "cdn.example.com", "*.example.com"),
    ],
)
"""A host's name, or `*.` and the name of a domain for all below it; without scheme and path."""

Expression = TypeAliasType(
    "Expression",
    Annotated[
        str,
        PlainValidator(_pattern(_EXPRESSION)),
        _schema("expression", _EXPRESSION, "request.tokens > 150_000"),
    ],
)
"""A bare expression, without `{{ }}`."""


def duration(text: str) -> float:
    """Seconds; infinity for `off`. Raises `ValueError`."""
    if text == "off":
        return math.inf
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)", text)
    if match is None:
        raise ValueError("a duration is one number and one unit: ms, s, m, h or d")
    return float(match[1]) * {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}[match[2]]


def _duration(value: Any) -> float:
    if not isinstance(value, str):
        raise ValueError("not a duration")  # noqa: TRY004 — pydantic reports ValueError only
    return duration(value)


Duration = TypeAliasType(
    "Duration",
    Annotated[
        float,
        PlainValidator(_duration),
        _schema("duration", _DURATION, "30s", "500ms", "2m", "off"),
    ],
)
"""One number and one unit (`ms s m h d`), or `off`. In Python: seconds, infinity for `off`."""


def _period(value: Any) -> float:
    if not isinstance(value, str) or not re.fullmatch(_PERIOD, value):
        raise ValueError("not a period")
    return duration(value)


Period = TypeAliasType(
    "Period",
    Annotated[float, PlainValidator(_period), _schema("period", _PERIOD, "30s", "500ms", "2m")],
)
"""A duration that is neither 0 nor `off`."""


def _auto(value: Any) -> Any:
    return value if value == "auto" else _period(value)


PeriodOrAuto = TypeAliasType(
    "PeriodOrAuto",
    Annotated[
        float | str,
        PlainValidator(_auto),
        _schema("period or auto", rf"auto|{_PERIOD}", "auto", "800ms"),
    ],
)
"""A period, or `auto`."""


UrlPath = TypeAliasType(
    "UrlPath",
    Annotated[str, PlainValidator(_pattern(_PATH)), _schema("path", _PATH, "/models")],
)
"""A path below a base URL, perhaps with a query."""

PricedName = TypeAliasType(
    "PricedName",
    Annotated[
        str,
        PlainValidator(_pattern(_PRICED)),
        _schema("priced name", _PRICED, "openai/gpt-4o", "azure/gpt-4o*"),
    ],
)
"""`provider/model`; a `*` at the end is any run of characters."""


def count(value: int | str) -> int:
    """A number of things; text may have `_` between digits. Raises `ValueError`."""
    if isinstance(value, str) and re.fullmatch(_COUNT, value):
        return int(value.replace("_", ""))
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError("not a count")


_COUNT_SCHEMA: Final[dict[str, Any]] = {
    "type": ["integer", "string"],
    "minimum": 0,
    "pattern": f"^(?:{_COUNT})$",
    TYPE: "count",
    "examples": [100, "90_000"],
}

Count = TypeAliasType("Count", Annotated[int, PlainValidator(count), WithJsonSchema(_COUNT_SCHEMA)])
"""A whole number from 0; `90_000` reads as 90000."""


def _positive(value: Any) -> int:
    if isinstance(value, str) and not re.fullmatch(_POSITIVE, value):
        raise ValueError("not a count from 1")
    found = count(value)
    if found < 1:
        raise ValueError("not a count from 1")
    return found


def _threshold(value: Any) -> Any:
    return value if value == "off" else _positive(value)


Threshold = TypeAliasType(
    "Threshold",
    Annotated[
        int | str,
        PlainValidator(_threshold),
        WithJsonSchema(
            {
                "type": ["integer", "string"],
                "minimum": 1,
                "pattern": f"^(?:off|{_POSITIVE})$",
                TYPE: "threshold",
                "examples": [5, "off"],
            }
        ),
    ],
)
"""A whole number from 1, or `off`."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in millionths of a US dollar."""

    micros: int


def money(text: str) -> Money:
    """`12.50 USD`. Raises `ValueError`."""
    if not re.fullmatch(_MONEY, text):
        raise ValueError("an amount is a number and USD: `12.50 USD`")
    whole, _, part = text.removesuffix(" USD").partition(".")
    return Money(int(whole) * 1_000_000 + int(part.ljust(6, "0") or 0))


def _money(value: Any) -> Money:
    if not isinstance(value, str):
        raise ValueError("not an amount")  # noqa: TRY004
    return money(value)


Amount = TypeAliasType(
    "Amount",
    Annotated[Money, PlainValidator(_money), _schema("money", _MONEY, "12.50 USD")],
)
"""An amount of money: `12.50 USD`."""


Referred = Reference | Join
"""What stands in a field whose value is known only when an engine opens."""


def _referable(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`read`, after whole references and `{join: …}` are recognised."""

    def outer(value: Any) -> Any:
        if isinstance(value, str):
            reference = Reference.parse(value)
            if reference is not None:
                return reference
        if isinstance(value, dict):
            return _join(value)
        return read(value)

    return outer


def _join(value: dict[str, Any]) -> Join:
    parts = value.get("join")
    if set(value) != {"join"} or not isinstance(parts, list) or not parts:
        raise ValueError("not a join")
    return Join(tuple(_part(part) for part in parts))


def _part(value: Any) -> str | Reference:
    if not isinstance(value, str) or misuse(value):
        raise ValueError("not text or a whole reference")
    return Reference.parse(value) or value


def _plain_text(value: Any) -> str:
    if not isinstance(value, str) or misuse(value):
        raise ValueError("not text")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("not true or false")  # noqa: TRY004
    return value


_PART: Final = rf"{REFERENCE}|{_NO_REFERENCE}"
_JOIN_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "join": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "pattern": f"^(?:{_PART})$", TYPE: "text or reference"},
        }
    },
    "required": ["join"],
    "additionalProperties": False,
}


def _or_reference(name: str, pattern: str, *types: str, **more: Any) -> WithJsonSchema:
    """The schema of a scalar that may be written as a reference; `pattern` is for its text form."""
    return WithJsonSchema(
        {
            "type": [*types, "string", "object"] if "string" not in types else [*types, "object"],
            "pattern": f"^(?:{REFERENCE}|{pattern})$" if pattern else f"^(?:{REFERENCE})$",
            "if": {"type": "object"},
            "then": _JOIN_SCHEMA,
            TYPE: name,
            **more,
        }
    )


Text = TypeAliasType(
    "Text",
    Annotated[
        str | Referred,
        PlainValidator(_referable(_plain_text)),
        _or_reference("text or reference", _NO_REFERENCE, "string"),
    ],
)
"""Text, or a reference to it: `${env:NAME}`, `${env:NAME:-default}`, `${file:PATH}`."""


def _base_url(value: Any) -> Any:
    """A template's tree is read when it is compiled; everything else is text or a reference."""
    if isinstance(value, dict) and "join" not in value:
        return value
    return _referable(_plain_text)(value)


BaseUrl = TypeAliasType(
    "BaseUrl",
    Annotated[
        str | dict[str, Any] | Referred,
        PlainValidator(_base_url),
        WithJsonSchema(
            {
                "type": ["string", "object"],
                "pattern": f"^(?:{REFERENCE}|{_NO_REFERENCE})$",
                "if": {"type": "object", "required": ["join"]},
                "then": _JOIN_SCHEMA,
                TYPE: "text or reference",
            }
        ),
    ],
)
"""A URL, a reference to one, or a template that makes one of a provider's settings."""


def _upstream(value: Any) -> str | Reference:
    text = _plain_text(value)
    return Reference.parse(text) or text


UpstreamName = TypeAliasType(
    "UpstreamName",
    Annotated[
        str | Reference,
        PlainValidator(_upstream),
        _schema("text or reference", _PART, "prod-gpt-4o"),
    ],
)
"""A provider's own name for a model, or a reference to it."""

CountOrReference = TypeAliasType(
    "CountOrReference",
    Annotated[
        int | Referred,
        PlainValidator(_referable(count)),
        _or_reference("count", _COUNT, "integer", minimum=0),
    ],
)
"""A count, or a reference to one."""

DurationOrReference = TypeAliasType(
    "DurationOrReference",
    Annotated[
        float | Referred,
        PlainValidator(_referable(_duration)),
        _or_reference("duration", _DURATION, "string"),
    ],
)
"""A duration, or a reference to one."""

PeriodOrReference = TypeAliasType(
    "PeriodOrReference",
    Annotated[
        float | Referred,
        PlainValidator(_referable(_period)),
        _or_reference("period", _PERIOD, "string"),
    ],
)
"""A period, or a reference to one."""

PositiveOrReference = TypeAliasType(
    "PositiveOrReference",
    Annotated[
        int | Referred,
        PlainValidator(_referable(_positive)),
        _or_reference("count from 1", _POSITIVE, "integer", minimum=1),
    ],
)
"""A count from 1, or a reference to one."""

AmountOrReference = TypeAliasType(
    "AmountOrReference",
    Annotated[
        Money | Referred,
        PlainValidator(_referable(_money)),
        _or_reference("money", _MONEY, "string"),
    ],
)
"""An amount of money, or a reference to one."""

TruthOrReference = TypeAliasType(
    "TruthOrReference",
    Annotated[
        bool | Referred,
        PlainValidator(_referable(_truth)),
        _or_reference("true or false", "", "boolean"),
    ],
)
"""True or false, or a reference to it."""
