"""The published schemas are those of the models, and say each mistake once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from trunkline.catalog import dialects
from trunkline.catalog.rows import provider, providers
from trunkline.chat import ChatRequest
from trunkline.config.generate import generate, published
from trunkline.config.schema import violations
from trunkline.config.source import parse
from trunkline.config.spec import unperformed
from trunkline.dialect.load import _SECTIONS

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "schemas"
ENGINE = ROOT / "engine" / "trunkline"
REGENERATE = (
    "python -c 'from trunkline.config.generate import published; from pathlib import Path; "
    '[Path("schemas", n).write_text(t, "utf-8") for n, t in published().items()]\''
)


@pytest.mark.parametrize("name", published())
def test_the_committed_schema_is_current(name: str) -> None:
    assert (SCHEMAS / name).read_text("utf-8") == published()[name], f"run {REGENERATE}"


@pytest.mark.parametrize("name", generate())
def test_a_schema_is_valid_and_says_each_mistake_once(name: str) -> None:
    schema = generate()[name]
    Draft202012Validator.check_schema(schema)
    assert "anyOf" not in words(schema)


def words(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(words, value.values()))
    return set().union(*map(words, value)) if isinstance(value, list) else set()


def test_every_key_of_a_route_file_is_described_for_editors() -> None:
    schema = generate()["route-file"]
    bare = [
        f"{name}.{key}"
        for name, one in {**schema["$defs"], "": schema}.items()
        for key, field in one.get("properties", {}).items()
        if name != "DurationOrReference" and not described(field, schema)
    ]
    assert bare == []


def described(field: dict[str, Any], schema: dict[str, Any]) -> bool:
    name = str(field.get("$ref", "")).removeprefix("#/$defs/")
    return "description" in field or "description" in schema["$defs"].get(name, {})


def test_the_chat_schema_has_every_field_of_a_request() -> None:
    assert set(generate()["chat"]["properties"]) == set(ChatRequest.__annotations__)


SEVEN_MISTAKES: dict[str, Any] = {
    "version": 1,
    "routs": [],
    "providers": {"a b": {}, "openai": {"api_key": 5}},
    "targets": {"t": {"balance": {"by": "best", "of": []}}},
    "routes": [{"match": "a", "to": 7}, {"match": "a"}],
}


def test_seven_mistakes_are_seven_errors() -> None:
    assert len(violations(SEVEN_MISTAKES)) == 7


def test_what_this_version_does_not_perform_is_found_with_its_path() -> None:
    from trunkline.config.models import RouteFile

    file = RouteFile.model_validate(
        {
            "version": 1,
            "limits": [{"name": "all", "by": "caller.name", "requests_per_minute": 5}],
            "server": {"doors": ["openai-chat"]},
            "telemetry": {},
        }
    )
    assert sorted(unperformed(file)) == [(("server",), "server"), (("telemetry",), "telemetry")]


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(generate()[name])


@pytest.mark.parametrize("name", dialects())
def test_the_shipped_dialects_fit_their_schema(name: str) -> None:
    text = (ENGINE / "catalog" / "dialects" / f"{name}.yaml").read_bytes()
    document, found = parse(text, name)
    assert found == []
    assert document is not None
    assert [error.message for error in validator("dialect").iter_errors(document.value)] == []


@pytest.mark.parametrize("name", providers())
def test_the_shipped_provider_rows_fit_their_schema(name: str) -> None:
    assert [error.message for error in validator("provider-row").iter_errors(provider(name))] == []


def test_the_outline_of_a_dialect_has_the_sections_that_are_read() -> None:
    defs = generate()["dialect"]["$defs"]
    outline = {
        "": generate()["dialect"],
        "write": defs["DialectWrite"],
        "stream": defs["DialectStream"],
        "errors": defs["DialectErrors"],
        "serve": defs["DialectServe"],
        "serve.stream": defs["DialectServeStream"],
    }
    assert {name: set(one["properties"]) for name, one in outline.items()} == _SECTIONS
