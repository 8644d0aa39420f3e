"""Expressions: what each operator, lookup and test gives, above all where things are absent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.template.making import evaluate, run
from trunkline.template import ABSENT

DATA: dict[str, Any] = {
    "text": "hello",
    "n": 3,
    "zero": 0,
    "f": 1.5,
    "yes": True,
    "no": False,
    "null": None,
    "blank": "",
    "list": ["a", "b", {"c": 1}],
    "none": [],
    "map": {"k": "v", "deep": {"er": [1, 2]}},
    "void": {},
}

CASES: list[tuple[str, Any]] = [
    # lookups
    ("x.text", "hello"),
    ("x['text']", "hello"),
    ("x.map.deep.er", [1, 2]),
    ("x.map.deep.er[0]", 1),
    ("x.list[-1].c", 1),
    ("x.list[7]", ABSENT),
    ("x.list[x.n]", ABSENT),
    ("x.map[x.blank or 'k']", "v"),
    ("x.list['0']", ABSENT),
    ("x.map[0]", ABSENT),
    ("x.list[true]", ABSENT),
    ("x.missing", ABSENT),
    ("x.missing.more.still", ABSENT),
    ("x.null", None),
    ("x.null.more", ABSENT),
    ("x.text.upper", ABSENT),
    ("x.text[0]", ABSENT),
    ("x.n.real", ABSENT),
    ("(x.missing or x.map).k", "v"),
    ("x.map.keys", ABSENT),
    # truth
    ("x.missing or none", None),
    ("x.missing or absent", ABSENT),
    ("x.zero or 'other'", "other"),
    ("x.n and x.text", "hello"),
    ("x.zero and x.text", 0),
    ("x.missing and x.text", ABSENT),
    ("x.null and x.text", None),
    ("not x.missing", True),
    ("not x.n", False),
    ("'a' if x.yes else 'b'", "a"),
    ("'a' if x.none else 'b'", "b"),
    ("'a' if x.missing", ABSENT),
    ("x.missing if x.yes else 'b'", ABSENT),
    ("x.missing if x.yes", ABSENT),
    # equality
    ("x.text == 'hello'", True),
    ("x.text != 'hello'", False),
    ("x.missing == 'hello'", False),
    ("x.missing != 'hello'", True),
    ("x.null == none", True),
    ("x.missing == none", False),
    ("x.missing != none", True),
    ("x.yes == true", True),
    ("x.yes == 1", False),
    ("1 == x.yes", False),
    ("x.zero == false", False),
    ("x.zero == 0", True),
    ("x.n == 3.0", True),
    ("x.n == '3'", False),
    ("[1, true] == [true, 1]", False),
    ("{'a': 1} == {'a': 1}", True),
    ("{'a': 1} == {'a': true}", False),
    ("x.list == ['a', 'b', {'c': 1}]", True),
    ("x.missing == x.gone", True),
    ("x.missing == x.null", False),
    # order
    ("x.n < 4", True),
    ("x.n >= 3", True),
    ("x.n > 3.5", False),
    ("x.text > 'abc'", True),
    ("x.text > 3", False),
    ("x.text <= 3", False),
    ("x.missing < 3", False),
    ("x.missing >= 3", False),
    ("x.null < 1", False),
    ("x.yes < 2", False),
    ("x.list < x.list", False),
    ("1 < x.n < 5", True),
    ("1 < x.n < 2", False),
    ("1 < x.n == 3", True),
    # membership
    ("'ell' in x.text", True),
    ("'a' in x.list", True),
    ("'k' in x.map", True),
    ("'z' in x.map", False),
    ("'a' in x.missing", False),
    ("'a' not in x.missing", True),
    ("'a' in x.null", False),
    ("3 in x.text", False),
    ("1 in [true, 2]", False),
    ("x.text in ['hello', 'bye']", True),
    ("x.text not in ['hello', 'bye']", False),
    ("x.missing in ['hello', 'bye']", False),
    ("x.map in ['hello', 'bye']", False),
    ("{'c': 1} in x.list", True),
    # arithmetic
    ("x.n + 1", 4),
    ("x.n - 1", 2),
    ("x.n * x.f", 4.5),
    ("x.n / 2", 1.5),
    ("x.n // 2", 1),
    ("-x.n", -3),
    ("-5", -5),
    ("x.n / x.zero", ABSENT),
    ("x.n // 0", ABSENT),
    ("x.n + x.missing", ABSENT),
    ("x.n + x.text", ABSENT),
    ("x.n + x.yes", ABSENT),
    ("x.text + '!'", "hello!"),
    ("x.list + x.list", ABSENT),
    ("x.text * x.n", ABSENT),
    ("1e300 * 1e300", ABSENT),
    ("-x.text", ABSENT),
    ("2 + 3 * 4", 14),
    ("(2 + 3) * 4", 20),
    # text
    ("x.text ~ '-' ~ x.n", "hello-3"),
    ("x.text ~ x.missing", ABSENT),
    ("x.text ~ x.null", ABSENT),
    ("x.yes ~ ''", "true"),
    ("x.map ~ ''", '{"k":"v","deep":{"er":[1,2]}}'),
    ("'it''s'", "its"),
    (r"'a\nb'", "a\nb"),
    (r"'\d+'", "\\d+"),
    (r"'caf\u00e9'", "café"),
    ("'é'", "é"),
    # literals
    ("[1, x.missing, 'a']", [1, "a"]),
    ("{'a': 1, 'b': x.missing, 'c': none}", {"a": 1, "c": None}),
    ("[]", []),
    ("{}", {}),
    ("true", True),
    ("none", None),
    ("absent", ABSENT),
    ("0x10 + 1_000", 1016),
    ("1.5e3", 1500.0),
    # tests
    ("x.null is defined", True),
    ("x.null is present", True),
    ("x.missing is defined", False),
    ("x.missing is not defined", True),
    ("x.null is none", True),
    ("x.missing is none", False),
    ("x.void is empty", True),
    ("x.none is empty", True),
    ("x.blank is empty", True),
    ("x.null is empty", True),
    ("x.missing is empty", True),
    ("x.zero is empty", False),
    ("x.no is empty", False),
    ("x.text is empty", False),
    ("x.text is string", True),
    ("x.missing is string", False),
    ("x.n is number", True),
    ("x.yes is number", False),
    ("x.yes is boolean", True),
    ("x.map is mapping", True),
    ("x.list is list", True),
    ("x.text is list", False),
    # filters
    ("x.missing | default('d')", "d"),
    ("x.null | default('d')", "d"),
    ("x.zero | default('d')", 0),
    ("x.blank | default('d')", ""),
    ("x.missing | default(x.gone)", ABSENT),
    ("x.missing | default(x.gone) | default(4)", 4),
    ("x.missing | lower", ABSENT),
    ("x.text | at_most(x.missing)", ABSENT),
    ("x.text | at_most(limit=2)", "he"),
    ("x.n | required('why')", 3),
    ("x.missing or x.text | upper", "HELLO"),
]


@pytest.mark.parametrize(("expression", "expected"), CASES, ids=[case for case, _ in CASES])
def test_an_expression_gives(expression: str, expected: Any) -> None:
    got = evaluate(expression, x=DATA)
    assert got is expected if expected in (ABSENT, None, True, False) else got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize("root", [None, 3, "text", [], [1], True, ABSENT])
def test_a_path_through_what_is_no_mapping_is_absent(root: Any) -> None:
    assert evaluate("x.a", x=root) is ABSENT
    assert evaluate("x.a.b ~ x.a.c", x=root) is ABSENT
    assert run("{a: '{{ x.a }}', b: '{{ x.a.b }}', c: '{{ x.c }}'}", x=root) == {}


def test_a_leaf_of_one_expression_keeps_the_value_and_its_identity() -> None:
    value = {"deep": [1]}
    assert run('"{{ x.v }}"', x={"v": value}) is value
    assert run('"{{ x.v }}"', x={"v": "42"}) == "42"
    assert run('"{{x.v}}"', x={"v": 42}) == 42


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a {{ x.n }} b", "a 3 b"),
        ("{{ x.n }}{{ x.text }}", "3hello"),
        (" {{ x.n }}", " 3"),
        ("{{ x.f }}/{{ x.no }}", "1.5/false"),
        ("a {{ x.missing }}", ABSENT),
        ("a {{ x.null }}", ABSENT),
        ("{{ x.list }}.", '["a","b",{"c":1}].'),
        ("{{ '{{' }} x {{ '}}' }}", "{{ x }}"),
        ("{{ {'a': {}} }} ", '{"a":{}} '),
        ("no holes { } }} here", "no holes { } }} here"),
        ("{{ 'a' }}{{ 'b' }}", "ab"),
    ],
)
def test_text_with_holes_is_text_or_absent(text: str, expected: Any) -> None:
    assert run(f'"{text}"', x=DATA) == expected
