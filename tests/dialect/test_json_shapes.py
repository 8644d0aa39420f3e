"""Names of keys, schemas and base64, from the spelling of one wire into another's."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.dialect.json_shapes import camel_keys, json_schema, standard_base64

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab_A1", max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab_1", max_size=6) | st.just("type"), inner, max_size=3)
    ),
    max_leaves=12,
)


def test_both_spellings_of_a_key_are_one_and_data_is_left_alone() -> None:
    said = {"max_tokens": 1, "inner_list": [{"a_b": 1}], "args": {"a_b": 1}}
    assert camel_keys(said, ["args"]) == {
        "maxTokens": 1,
        "innerList": [{"aB": 1}],
        "args": {"a_b": 1},
    }
    assert camel_keys({"a_b": 1, "aB": 2}) == {"aB": 2}


@given(json_values)
def test_what_is_spelled_once_stays(value: Any) -> None:
    assert camel_keys(camel_keys(value)) == camel_keys(value)
    assert json_schema(json_schema(value)) == json_schema(value)


def test_a_schema_of_openapi_becomes_json_schema() -> None:
    said = {
        "type": "OBJECT",
        "properties": {
            "a_b": {"type": "STRING", "nullable": True, "enum": ["x"]},
            "nullable": {"any_of": [{"type": "INTEGER"}], "nullable": True},
            "numbered": {"type": 5, "items": {"type": 1}, "min_items": 1},
        },
    }
    types = ["", "string", "", "", "", "array"]
    assert json_schema(said, types) == {
        "type": "object",
        "properties": {
            "a_b": {"type": ["string", "null"], "enum": ["x", None]},
            "nullable": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "numbered": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        },
    }


def test_a_json_schema_stays_as_it_is() -> None:
    schema = {
        "type": "object",
        "$defs": {"one_two": {"const": "A_B"}},
        "properties": {"type": {"type": ["string", "null"]}, "x": {"$ref": "#/$defs/one_two"}},
        "additionalProperties": False,
        "default": {"a_b": 1},
    }
    assert json_schema(schema) == schema


@given(st.binary(max_size=9))
def test_either_alphabet_of_base64_becomes_the_standard_one(data: bytes) -> None:
    standard = base64.b64encode(data).decode()
    assert standard_base64(base64.urlsafe_b64encode(data).decode()) == standard
    assert standard_base64(standard.rstrip("=")) == standard


@pytest.mark.parametrize("value", [None, 7, [], {"a": 1}])
def test_what_is_no_text_is_given_back(value: Any) -> None:
    assert standard_base64(value) == value
