"""The page about the route language: every key, from the models."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from docs.pages.markdown import item, one_of, paragraph, whole, yaml
from trunkline.compile.inherit import DEFAULT_SENDS, Inherited
from trunkline.compile.policies import CheckRules, RetryShare
from trunkline.config.generate import route_file_schema
from trunkline.config.models import LATER, RouteFile, Strict, words
from trunkline.config.models import nodes as node_models
from trunkline.errors import KINDS
from trunkline.policy.breaker import BreakerRules
from trunkline.policy.budgets import BudgetRule
from trunkline.policy.retry import RetryRules
from trunkline.policy.state_settings import StateSettings
from trunkline.ports import Timeouts
from trunkline.simulator import Settings as Simulation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

Schema = dict[str, Any]

LATER_WORD: Final = "**later**"


def _of(settings: type) -> dict[str, Any]:
    """The defaults of a dataclass."""
    return {field.name: field.default for field in dataclasses.fields(settings)}


def _seconds(value: float | None) -> str:
    return "off" if value is None else f"{value:g}s"


_SIMULATED: Final = _of(Simulation)
_BREAKER: Final = BreakerRules()
_BREAKER_TIMES: Final = {
    "window": _seconds(_BREAKER.window),
    "open": _seconds(_BREAKER.base),
    "max_open": _seconds(_BREAKER.most),
    "ramp": _seconds(_BREAKER.ramp),
}
_CHECK: Final = CheckRules()
_RETRY: Final = RetryRules()
_STATE: Final = StateSettings()

DEFAULTS: Final[dict[str, Any]] = {
    **{f"Timeouts.{name}": _seconds(value) for name, value in _of(Timeouts).items()},
    "Retry.max_sends": DEFAULT_SENDS,
    "Retry.same_target": _of(Inherited)["same_target"],
    "Settings.unsupported": _of(Inherited)["unsupported"],
    "Backoff.base": _seconds(_RETRY.base),
    "Backoff.cap": _seconds(_RETRY.cap),
    "RetryBudget.share": RetryShare().share,
    "RetryBudget.per_second": RetryShare().per_second,
    "CircuitBreakerNumbers.consecutive_failures": _BREAKER.consecutive,
    "CircuitBreakerNumbers.failure_rate": _BREAKER.failure_rate,
    "CircuitBreakerNumbers.minimum_requests": _BREAKER.minimum,
    **{f"CircuitBreaker.{name}": time for name, time in _BREAKER_TIMES.items()},
    "HealthCheck.every": _seconds(_CHECK.every),
    "HealthCheck.timeout": _seconds(_CHECK.timeout),
    "HealthCheck.fail_after": _CHECK.fail_after,
    "HealthCheck.pass_after": _CHECK.pass_after,
    "Budget.alert": _of(BudgetRule)["alert"],
    "Redis.prefix": _STATE.prefix,
    "Redis.timeout": _seconds(_STATE.timeout),
    "State.replicas": _STATE.replicas,
    "SimulatedProvider.latency": _seconds(_SIMULATED["latency"]),
    "SimulatedProvider.chunk_delay": _seconds(_SIMULATED["chunk_delay"]),
    "SimulatedProvider.chunk": _SIMULATED["chunk"],
    "SimulatedProvider.seed": _SIMULATED["seed"],
}
"""What holds where nothing is said; the models leave that to the code that reads them."""

ALIASES: Final = ("Node", "Member", "PlainState", "Given")
"""Choices of several forms, which have a section or are written out."""


def page() -> str:
    """The page, in Markdown."""
    schema = route_file_schema()
    return whole(
        "Route files",
        paragraph(
            "Every key of the route language, version 1. The [guide](../guide/language.md) "
            "explains it by example. `schemas/route-file.schema.json` says the same to editors."
        ),
        paragraph(
            f"Keys marked {LATER_WORD} are part of the language, but this version does not perform "
            "them: a route file that has one is refused with TL490."
        ),
        "## Top level",
        paragraph(schema["description"]),
        keys_of(RouteFile, schema),
        *(section for model in _models() for section in _model(model)),
        "## Node",
        paragraph(f"{_doc_of(node_models, 'Node')} A node is {_phrase(_named('Node'))}."),
        "## Member",
        paragraph(f"{_doc_of(node_models, 'Member')} It is {_phrase(_named('Member'))}."),
        "## Words",
        paragraph("The scalars of the language."),
        "\n".join(_word(name, one) for name, one in _words()),
    )


def keys_of(model: type[Strict], schema: Schema) -> str:
    """The keys that a model itself declares, each an item; `schema` has at least these."""
    required = schema.get("required", ())
    return "\n".join(
        _key(model, name, info, schema["properties"][info.alias or name], required)
        for name, info in model.model_fields.items()
        if name in model.__annotations__
    )


def _key(
    model: type[Strict], name: str, info: FieldInfo, schema: Schema, required: tuple[str, ...]
) -> str:
    key = info.alias or name
    facts = [_phrase(schema)]
    if key in required:
        facts.append("required")
    default = DEFAULTS.get(f"{model.__name__}.{key}", schema.get("default"))
    if default is not None:
        facts.append(f"default `{default}`")
    mark = f" {LATER_WORD}" if LATER in schema else ""
    about = " ".join((info.description or "").split())
    examples = [f"`{yaml(one)}`" for one in schema.get("examples", ())]
    more = [f"Example: {one_of(examples)}"] if examples else []
    return item(f"`{key}`{mark}: {', '.join(facts)}. {about}", *more)


def _models() -> Iterator[type[Strict]]:
    """Every model that can be reached from the root, and what it is built on, in the order in
    which they are met."""
    classes = {one.__name__: one for one in _heirs(Strict)}
    met: dict[str, None] = dict.fromkeys(_names_in(route_file_schema()["properties"]))
    names = list(met)
    for name in names:
        if name in classes:
            yield classes[name]
        more = [base.__name__ for base in getattr(classes.get(name), "__bases__", ())]
        if name in route_file_schema()["$defs"]:
            more += _names_in(_named(name))
        names += [one for one in dict.fromkeys(more) if one not in met]
        met.update(dict.fromkeys(more))


def _names_in(schema: Any) -> Iterator[str]:
    """The definitions that a schema refers to, in order."""
    if isinstance(schema, list):
        for one in schema:
            yield from _names_in(one)
    elif isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix("#/$defs/")
        for value in schema.values():
            yield from _names_in(value)


def _model(model: type[Strict]) -> Iterator[str]:
    yield f"## {model.__name__}"
    about = [" ".join(block.split()) for block in (inspect.getdoc(model) or "").split("\n\n")]
    yield "\n\n".join(map(paragraph, about))
    bases = [base for base in model.__bases__ if base is not Strict]
    own = keys_of(model, _schema_of(model))
    if own:
        yield own
    if bases:
        links = [f"[{base.__name__}](#{base.__name__.lower()})" for base in bases]
        yield paragraph(f"{'And the' if own else 'The'} keys of {' and '.join(links)}.")


def _schema_of(model: type[Strict]) -> Schema:
    """A model that is only a base has no schema of its own: its keys are in those built on it."""
    defined = route_file_schema()["$defs"]
    return next(defined[one.__name__] for one in [model, *_heirs(model)] if one.__name__ in defined)


def _heirs(model: type[Strict]) -> list[type[Strict]]:
    return [heir for direct in model.__subclasses__() for heir in (direct, *_heirs(direct))]


def _named(name: str) -> Schema:
    found: Schema = route_file_schema()["$defs"][name]
    return found


def _phrase(schema: Schema) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return _reference(schema["$ref"].removeprefix("#/$defs/"))
    if "enum" in schema:
        if set(KINDS) <= set(schema["enum"]):
            more = [f"`{word}`" for word in schema["enum"] if word not in KINDS]
            return one_of(["[error kind](errors.md#kinds)", *more])
        return one_of([f"`{yaml(word)}`" for word in schema["enum"]])
    kind = schema.get("type")
    if isinstance(kind, list):
        rules = schema.get("allOf") or [schema]
        said = {rule["if"]["type"]: rule["then"] for rule in rules if "if" in rule}
        return one_of([_phrase({"type": one, **said.get(one, {})}) for one in kind])
    if kind == "array":
        return f"list of {_phrase(schema.get('items', {}))}"
    if kind == "object":
        return _mapping(schema)
    if kind in ("integer", "number"):
        return ("whole number" if kind == "integer" else "number") + _range(schema)
    return {"string": "text", "boolean": "true or false"}.get(str(kind), "any value")


def _mapping(schema: Schema) -> str:
    values = schema.get("additionalProperties")
    if not isinstance(values, dict):
        return "mapping"
    names = schema.get("propertyNames")
    return f"mapping from {_phrase(names) if names else 'text'} to {_phrase(values)}"


def _range(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return f" from {low}" if low is not None else ""


def _reference(name: str) -> str:
    if name in dict(_words()):
        return f"[{_spoken(name)}](#words)"
    if name == "AnyProvider":
        return "[Provider](#provider) or [SimulatedProvider](#simulatedprovider)"
    if name in ("Node", "Member"):
        return f"[{name.lower()}](#{name.lower()})"
    return _phrase(_named(name)) if name in ALIASES else f"[{name}](#{name.lower()})"


def _words() -> list[tuple[str, Schema]]:
    """The scalar types, in the order in which they are declared."""
    defined = route_file_schema()["$defs"]
    names = [name for name in vars(words) if name in defined and name[0].isupper()]
    return [(name, defined[name]) for name in names]


def _spoken(name: str) -> str:
    """`CountOrReference` as `count or reference`."""
    split = "".join(f" {char.lower()}" if char.isupper() else char for char in name).strip()
    return {"header name": "header", "node text": "node text"}.get(split, split)


def _word(name: str, schema: Schema) -> str:
    examples = [f"`{yaml(one)}`" for one in schema.get("examples", ())]
    shown = f" Examples: {', '.join(examples)}." if examples else ""
    return item(f"*{_spoken(name)}*: {_doc_of(words, name)}{shown}")


def _doc_of(module: Any, name: str) -> str:
    """The text below an assignment, which Python itself does not keep."""
    body = ast.parse(inspect.getsource(module)).body
    for statement, after in pairwise(body):
        targets = statement.targets if isinstance(statement, ast.Assign) else ()
        if any(isinstance(t, ast.Name) and t.id == name for t in targets):
            assert isinstance(after, ast.Expr)
            assert isinstance(after.value, ast.Constant)
            return " ".join(str(after.value.value).split())
    raise LookupError(name)
