"""The tests that the built-in dialect files carry, and that such tests can fail."""

from __future__ import annotations

from typing import Any

import pytest

from trunkline.catalog import dialect, dialect_document, dialects
from trunkline.dialect.own_tests import difference, run_own_test

CASES = [
    pytest.param(name, test, id=f"{name}: {test['name']}")
    for name in dialects()
    for test in (dialect_document(name) or pytest.fail(name)).value["tests"]
]


@pytest.mark.parametrize(("name", "test"), CASES)
def test_a_dialect_keeps_its_own_word(name: str, test: dict[str, Any]) -> None:
    assert run_own_test(dialect(name), test) == ""


def test_a_difference_is_found_and_its_place_is_named() -> None:
    assert difference({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}) == ".a[1].b: 2 expected, 3 found"
    assert difference({"a": 1}, {}) == ".a is missing"
    assert difference([1], [1, 2]) == ": [1] expected, [1, 2] found"
    assert difference(True, 1) == ": True expected, 1 found"
    assert difference({"a": 1}, {"a": 1, "b": 2}) == ""
