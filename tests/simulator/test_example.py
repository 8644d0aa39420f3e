"""Values made for JSON Schemas, judged by the `jsonschema` package."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import RequestError
from trunkline.simulator.example import example

names = st.text(alphabet="abcdefgh_", min_size=1, max_size=8)


@st.composite
def bounded(draw: st.DrawFn) -> dict[str, Any]:
    low = draw(st.integers(-50, 50))
    schema: dict[str, Any] = {"type": draw(st.sampled_from(["integer", "number"]))}
    schema[draw(st.sampled_from(["minimum", "exclusiveMinimum"]))] = low
    if draw(st.booleans()):
        schema[draw(st.sampled_from(["maximum", "exclusiveMaximum"]))] = (
            low + 2 + draw(st.integers(0, 50))
        )
    return schema


texts = st.builds(
    lambda least, more: {"type": "string", "minLength": least, "maxLength": least + more},
    st.integers(0, 40),
    st.integers(0, 10),
)
formats = st.sampled_from(["date", "date-time", "email", "uuid", "uri", "ipv4"]).map(
    lambda name: {"type": "string", "format": name}
)
plain = st.sampled_from([{"type": "boolean"}, {"type": "null"}, {}, True, {"const": [1]}])
leaves = st.one_of(
    plain,
    texts,
    formats,
    bounded(),
    st.lists(st.integers(), min_size=1).map(lambda choices: {"enum": choices}),
)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    objects = st.builds(
        lambda properties, closed, all_required: {
            "type": "object",
            "properties": properties,
            **({"required": list(properties)} if all_required else {}),
            **({"additionalProperties": False} if closed else {}),
        },
        st.dictionaries(names, inner, max_size=4),
        st.booleans(),
        st.booleans(),
    )
    arrays = st.builds(
        lambda items, least: {"type": "array", "items": items, "minItems": least},
        inner,
        st.integers(0, 3),
    )
    choices = st.builds(lambda some: {"anyOf": some}, st.lists(inner, min_size=1, max_size=3))
    return st.one_of(objects, arrays, choices)


schemas = st.recursive(leaves, nested, max_leaves=10)


@given(schemas)
def test_a_value_fits_the_schema_it_was_made_for(schema: Any) -> None:
    value = example(schema)
    jsonschema.validate(value, schema, format_checker=jsonschema.FormatChecker())


@given(schemas)
def test_the_same_schema_gives_the_same_value(schema: Any) -> None:
    assert example(schema) == example(schema)


TREE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "left": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
        "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
    },
    "required": ["name", "left", "children"],
    "additionalProperties": False,
    "$defs": {"node": {"$ref": "#"}},
}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "object", "properties": {"city": {"type": "string"}}}, {"city": "city"}),
        ({"type": ["null", "integer"]}, 1),
        ({"type": "integer", "multipleOf": 7, "minimum": 10}, 14),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 0.5}, 0.25),
        ({"type": "string", "pattern": "^[A-Z]{3}-\\d{3}$"}, "ABC-123"),
        ({"type": "string", "pattern": "^\\d{5}$"}, "12345"),
        ({"allOf": [{"minimum": 3}, {"type": "integer"}]}, 3),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"const": "found"}}}, "found"),
        (
            {"type": "array", "minItems": 3, "uniqueItems": True, "items": {"type": "integer"}},
            [1, 2, 3],
        ),
        ({"properties": {"a": {"examples": ["an example"]}}}, {"a": "an example"}),
    ],
)
def test_what_the_value_is(schema: Any, value: Any) -> None:
    assert example(schema) == value
    jsonschema.validate(value, schema)


def test_a_schema_that_refers_to_itself_comes_to_an_end() -> None:
    value = example(TREE)
    jsonschema.validate(value, TREE)
    assert value["left"] is None


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "string", "pattern": "^zebra{4}$"}, "comes to mind"),
        ({"type": "string", "pattern": "("}, "none that RE2 knows"),
        ({"$ref": "https://example.com/schema"}, "not in it"),
        ({"$ref": "#/$defs/gone"}, "not there"),
        ({"$ref": "#"}, "without an end"),
        (
            {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}},
            "without an end",
        ),
        ({"type": "integer", "minimum": 5, "maximum": 4}, "bounds"),
        ({"type": "shape"}, "none of JSON's"),
        ({"type": "object", "properties": 3}, "no JSON Schema"),
        (False, "nothing fits"),
    ],
)
def test_a_schema_that_cannot_be_met_is_refused_with_the_reason(schema: Any, why: str) -> None:
    with pytest.raises(RequestError, match=why) as caught:
        example(schema)
    assert caught.value.kind == "unsupported"
    assert "reply" in caught.value.message
