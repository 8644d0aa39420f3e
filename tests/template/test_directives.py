"""Directives: small trees and what they give."""

from __future__ import annotations

from typing import Any

import pytest

from tests.template.making import make, run
from trunkline.template import ABSENT, Refusal

EMPTY: list[Any] = [ABSENT, None, "", [], {}]
FULL: list[Any] = [0, False, 0.0, "a", [None], {"a": None}]


@pytest.mark.parametrize("value", EMPTY)
def test_a_key_with_a_tilde_is_left_out_when_empty(value: Any) -> None:
    assert run("{a~: '{{ x }}', b: 1}", x=value) == {"b": 1}


@pytest.mark.parametrize("value", FULL)
def test_a_key_with_a_tilde_keeps_what_is_not_empty(value: Any) -> None:
    assert run("{a~: '{{ x }}', b: 1}", x=value) == {"a": value, "b": 1}


@pytest.mark.parametrize("value", EMPTY)
def test_a_key_with_a_bang_leaves_the_mapping_out_when_empty(value: Any) -> None:
    assert run("{a!: '{{ x }}', b: 1}", x=value) is ABSENT
    assert run("{o: {a!: '{{ x }}', b: 1}}", x=value) == {}
    assert run("[{a!: '{{ x }}', b: 1}]", x=value) == []


@pytest.mark.parametrize("value", FULL)
def test_a_key_with_a_bang_keeps_what_is_not_empty(value: Any) -> None:
    assert run("{b: 1, a!: '{{ x }}', c!: 2}", x=value) == {"b": 1, "a": value, "c": 2}


def test_absence_does_not_climb_by_itself() -> None:
    assert run("{a: {b: {c: '{{ x.gone }}'}}}", x={}) == {"a": {"b": {}}}
    assert run("{a: {b!: {c!: '{{ x.gone }}'}}}", x={}) == {}
    assert run("{a~: {b~: {c~: '{{ x.gone }}'}}}", x={}) == {}
    assert run("{a~: {$for: i, in: '{{ x.l }}', do: '{{ i.gone }}'}}", x={"l": [1, 2]}) == {}


def test_an_absent_item_is_skipped_and_null_stays() -> None:
    assert run("['{{ x.gone }}', 1, '{{ x.null }}', null]", x={"null": None}) == [1, None, None]


def test_keys_keep_the_order_in_which_they_are_written() -> None:
    tree = "{z: 1, a: '{{ x.a }}', m: 2, $spread: '{{ x.more }}', b~: '{{ x.b }}', c: {d: 1}}"
    got = run(tree, x={"a": 1, "b": 2, "more": {"k": 0}})
    assert list(got) == ["z", "a", "m", "k", "b", "c"]


@pytest.mark.parametrize(
    ("value", "expected"), [({"a": 1}, "yes"), ({}, "no"), (0, "no"), ("", "no"), (ABSENT, "no")]
)
def test_if(value: Any, expected: str) -> None:
    assert run("{$if: '{{ x }}', then: 'yes', else: 'no'}", x=value) == expected
    assert run("{k: {$if: '{{ x }}', then: 'yes', else: 'no'}}", x=value) == {"k": expected}
    assert run("[{$if: '{{ x }}', then: 'yes', else: 'no'}]", x=value) == [expected]


def test_if_without_the_other_branch_is_absent() -> None:
    assert run("{$if: '{{ x }}', then: 1}", x=False) is ABSENT
    assert run("{$if: '{{ x }}', else: 1}", x=True) is ABSENT
    assert run("{$if: '{{ x }}', else: 1}", x=False) == 1
    assert run("{k: {$if: '{{ x }}', else: [1]}, l: {$if: '{{ x }}', then: 1}}", x=0) == {"k": [1]}


SWITCH = """
  $switch: "{{ x.type }}"
  case:
    text|refusal: {t: "{{ x.text }}"}
    image: {i: "{{ x.url }}"}
    "429": number
"""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"type": "text", "text": "a"}, {"t": "a"}),
        ({"type": "refusal", "text": "a"}, {"t": "a"}),
        ({"type": "image"}, {}),
        ({"type": "429"}, "number"),
        ({"type": 429}, "other"),
        ({"type": None}, "other"),
        ({"type": ["text"]}, "other"),
        ({"type": {"text": 1}}, "other"),
        ({}, "other"),
        (None, "other"),
    ],
)
def test_switch_by_value(value: Any, expected: Any) -> None:
    tree = SWITCH + "  default: other\n"
    assert run(tree, x=value) == expected
    nested = "{k: {$switch: '{{ x.type }}', case: {text|refusal: {t: '{{ x.text }}'}, "
    nested += "image: {i: '{{ x.url }}'}, '429': number}, default: other}}"
    assert run(nested, x=value) == {"k": expected}


def test_switch_without_a_default_is_absent_in_a_reader() -> None:
    assert run(SWITCH, x={"type": "new"}) is ABSENT


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"text": "a"}, "a"),
        ({"text": None}, None),
        ({"data": 1, "text": "a"}, "a"),
        ({"data": 1}, "blob"),
        ({"inline": 1}, "blob"),
        ({"other": 1}, "none"),
        ([], "none"),
        ("text", "none"),
        (ABSENT, "none"),
    ],
)
def test_switch_by_the_first_key_that_is_there(value: Any, expected: Any) -> None:
    cases = "has: {text: '{{ x.text }}', data|inline: blob}, default: none"
    assert run(f"{{$switch: '{{{{ x }}}}', {cases}}}", x=value) == expected
    assert run(f"[{{$switch: '{{{{ x }}}}', {cases}}}]", x=value) == [expected]


def test_for_gives_a_list() -> None:
    x = [{"n": 1}, {"n": 2}, {}, 5]
    assert run("{$for: i, in: '{{ x }}', do: '{{ i.n }}'}", x=x) == [1, 2]
    assert run("{$for: i, in: '{{ x }}', do: {n: '{{ i.n }}'}}", x=x) == [
        {"n": 1},
        {"n": 2},
        {},
        {},
    ]
    assert run("{$for: i, in: '{{ x }}', do: {n!: '{{ i.n }}'}}", x=x) == [{"n": 1}, {"n": 2}]
    assert run("{$for: i, in: [1, '{{ x }}'], do: '{{ i }}'}", x=2) == [1, 2]


@pytest.mark.parametrize("value", [ABSENT, None, {}, "ab", 3])
def test_for_over_what_is_no_list_is_absent(value: Any) -> None:
    assert run("{$for: i, in: '{{ x }}', do: '{{ i }}'}", x=value) is ABSENT
    assert run("{k: {$for: i, in: '{{ x }}', do: '{{ i }}'}}", x=value) == {}


def test_for_with_a_position_and_a_condition() -> None:
    tree = "{$for: i, in: '{{ x }}', at: n, when: '{{ i > 1 }}', do: ['{{ n }}', '{{ i }}']}"
    assert run(tree, x=[5, 1, 7]) == [[0, 5], [2, 7]]
    assert run("{$for: i, in: '{{ x }}', when: i > 1, do: '{{ i }}'}", x=[5, 1, 7]) == [5, 7]


def test_for_in_for_sees_both_names_and_shadows() -> None:
    tree = """
      $for: row
      in: "{{ x }}"
      do: {$for: cell, in: "{{ row.cells }}", at: i, do: "{{ row.name }}{{ i }}{{ cell }}"}
    """
    rows = [{"name": "a", "cells": [1, 2]}, {"name": "b", "cells": [3]}]
    assert run(tree, x=rows) == [["a01", "a12"], ["b03"]]
    shadowed = "{$for: x, in: '{{ x }}', do: {$for: x, in: '{{ x }}', do: '{{ x }}'}}"
    assert run(shadowed, x=[[1], [2, 3]]) == [[1], [2, 3]]


def test_let_names_values_for_what_is_inside() -> None:
    tree = """
      $let: {a: "{{ x.n }}", b: {twice: ["{{ a }}", "{{ a }}"]}, c: "{{ b.twice[1] }}"}
      in: {a: "{{ a }}", b: "{{ b }}", c: "{{ c }}", gone: "{{ b.gone }}"}
    """
    assert run(tree, x={"n": 4}) == {"a": 4, "b": {"twice": [4, 4]}, "c": 4}
    assert run(tree, x={}) == {"b": {"twice": []}}


def test_let_may_shadow_what_it_is_made_from() -> None:
    assert (
        run(
            "{$let: {x: '{{ x.a }}'}, in: {$let: {x: '{{ x.b }}'}, in: '{{ x }}'}}",
            x={"a": {"b": 1}},
        )
        == 1
    )


def test_spread_splices_lists_and_merges_mappings() -> None:
    assert run("[1, {$spread: '{{ x }}'}, 4]", x=[2, 3]) == [1, 2, 3, 4]
    assert run("[1, {$spread: '{{ x }}'}, 4]", x={"a": 1}) == [1, 4]
    assert run("[1, {$spread: '{{ x.gone }}'}, 4]", x=[2, 3]) == [1, 4]
    assert run("[{$spread: [1, '{{ x.gone }}', 2]}]", x=0) == [1, 2]
    assert run("{$for: i, in: '{{ x }}', do: {$spread: '{{ i }}'}}", x=[[1], [2, 3], 4]) == [
        1,
        2,
        3,
    ]
    assert run("{$for: i, in: '{{ x }}', do: {$spread: ['{{ i }}', 0]}}", x=[1, 2]) == [1, 0, 2, 0]
    assert run("[{$spread: {$for: i, in: '{{ x }}', do: '{{ i }}'}}, 9]", x=[1, 2]) == [1, 2, 9]
    assert run("{a: 1, $spread: '{{ x }}', b: 2}", x={"a": 0, "b": 0, "c": 0}) == {
        "a": 0,
        "b": 2,
        "c": 0,
    }
    assert run("{a: 1, $spread: '{{ x }}'}", x=[1]) == {"a": 1}
    assert run("{a: 1, $spread: ['{{ x.p }}', '{{ x.q }}']}", x={"p": {"b": 2}, "q": {"c": 3}}) == {
        "a": 1,
        "b": 2,
        "c": 3,
    }


def test_spread_splices_from_inside_a_branch() -> None:
    tree = """
      $for: i
      in: "{{ x }}"
      do:
        $switch: "{{ i.type }}"
        case:
          many: {$spread: "{{ i.of }}"}
          one: "{{ i.of }}"
          maybe: {$if: "{{ i.of }}", then: {$spread: ["{{ i.of }}", "{{ i.of }}"]}}
          named: {$let: {o: "{{ i.of }}"}, in: {$spread: "{{ o }}"}}
    """
    x = [
        {"type": "many", "of": [1, 2]},
        {"type": "one", "of": [3]},
        {"type": "maybe", "of": 4},
        {"type": "maybe"},
        {"type": "named", "of": [5]},
    ]
    assert run(tree, x=x) == [1, 2, [3], 4, 4, 5]


FRAGMENTS = """
fragments:
  part:
    $switch: "{{ p.type }}"
    case:
      text: {type: text, text: "{{ p.text }}"}
      group: {type: group, of~: {$for: p, in: "{{ p.of }}", do: {$use: part}}, by: "{{ who }}"}
  pair: ["{{ a }}", {$use: inner}]
  inner: "{{ b | default(word.one) }}"
tables: {word: {one: eins}}
"""


def test_use_calls_a_fragment_that_may_call_itself() -> None:
    tree = "{$for: p, in: '{{ x }}', do: {$use: part, with: {who: '{{ y }}'}}}"
    x = [
        {"type": "text", "text": "a"},
        {"type": "group", "of": [{"type": "text"}, {"type": "new"}, {"type": "group", "of": []}]},
    ]
    assert run(tree, around=FRAGMENTS, x=x, y="me") == [
        {"type": "text", "text": "a"},
        {"type": "group", "of": [{"type": "text"}, {"type": "group", "by": "me"}], "by": "me"},
    ]


def test_a_fragments_free_names_come_from_with_or_from_the_scope() -> None:
    given = "{$use: pair, with: {a: 1, b: '{{ x.b }}'}}"
    assert run(given, around=FRAGMENTS, x={"b": 2}) == [1, 2]
    assert run(given, around=FRAGMENTS, x={}) == [1, "eins"]
    scope = "{$let: {a: 5}, in: {$for: b, in: '{{ x }}', do: {$use: pair}}}"
    assert run(scope, around=FRAGMENTS, x=[6, 7]) == [[5, 6], [5, 7]]


def test_tables_are_constants_with_text_keys() -> None:
    tables = "tables: {finish: {end: stop, 'null': nothing, '1': one}, nested: {a: {b: [1]}}}\n"
    for value, expected in [
        ("end", "stop"),
        ("new", "other"),
        ("null", "nothing"),
        (None, "other"),
        (1, "other"),
        ([], "other"),
        (ABSENT, "other"),
    ]:
        assert run("\"{{ finish[x] or 'other' }}\"", around=tables, x=value) == expected
    assert run('"{{ finish[x] }}"', around=tables, x="new") is ABSENT
    assert run('"{{ finish.end }}"', around=tables, x=0) == "stop"
    assert run('"{{ nested.a.b }}"', around=tables, x=0) == [1]
    assert run('"{{ nested[x].b[0] }}"', around=tables, x="a") == 1
    assert run("\"{{ 'end' in finish }}\"", around=tables, x=0) is True


def test_refuse_says_the_authors_text() -> None:
    template = make("{$refuse: 'cannot carry a {{ x.type }} part'}", "x")
    with pytest.raises(Refusal, match=r"^cannot carry a sound part$") as caught:
        template({"type": "sound"})
    assert caught.value.message == "cannot carry a sound part"
    with pytest.raises(Refusal, match=r"^cannot carry a  part$"):
        template({})
    with pytest.raises(Refusal, match=r"^why not 3$"):
        run("\"{{ x.gone | required('why not ' ~ x.n) }}\"", x={"n": 3})
    with pytest.raises(Refusal, match=r"^needed$"):
        run("{a: [\"{{ x | required('needed') }}\"]}", x=None)


def test_rest_is_what_is_not_read() -> None:
    assert run("{a: '{{ x.a.b }}', rest: {$rest: x}}", x={"a": {"b": 1}, "c": 2, "d": 3}) == {
        "a": 1,
        "rest": {"c": 2, "d": 3},
    }
    assert run("{a: '{{ x.a }}', $spread: {$rest: x}}", x={"a": 1, "c": 2}) == {"a": 1, "c": 2}
    assert run("{$rest: x, but: [c]}", x={"c": 2, "d": 3}) == {"d": 3}
    assert run("[{$rest: x}]", x=[1]) == []


def test_rest_is_scoped_to_the_binding_not_the_name() -> None:
    tree = """
      outer: "{{ x.a }}"
      inner: {$for: x, in: "{{ x.l }}", do: {b: "{{ x.b }}", $spread: {$rest: x}}}
      rest: {$rest: x}
    """
    got = run(tree, x={"a": 1, "b": 2, "c": 3, "l": [{"a": 4, "b": 5}]})
    assert got == {"outer": 1, "inner": [{"b": 5, "a": 4}], "rest": {"b": 2, "c": 3}}


def test_rest_counts_what_fragments_read() -> None:
    around = "fragments: {name: '{{ p.name }}', both: [{$use: name}, '{{ p.id }}']}\n"
    tree = "{n: {$use: both, with: {p: '{{ x }}'}}, rest: {$rest: x}}"
    assert run(tree, around=around, x={"name": "n", "id": 1, "more": 2}) == {
        "n": ["n", 1],
        "rest": {"more": 2},
    }


def test_raw_is_itself() -> None:
    tree = "{$raw: {$if: '{{ x }}', a~: ['{% x %}', null, 1.5, true]}}"
    assert run(tree, x=1) == {"$if": "{{ x }}", "a~": ["{% x %}", None, 1.5, True]}


def test_other_dollar_words_are_data() -> None:
    tree = "{$ref: '#/$defs/a', $defs: {a: {type: '{{ x }}'}}}"
    assert run(tree, x="string") == {"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}


def test_constants_are_new_each_time() -> None:
    template = make("{a: [1, {b: {}}]}", "x")
    first = template(0)
    first["a"][1]["b"]["spoiled"] = True
    assert template(0) == {"a": [1, {"b": {}}]}


def test_filters_of_the_library_are_called_directly() -> None:
    def shout(value: Any, times: int = 1) -> Any:
        return str(value) + "!" * times

    template = make(
        """
          - "{{ x.t | shout }}"
          - "{{ x.t | shout(3) }}"
          - "{{ x.gone | shout }}"
          - "{{ x.t | shout(times=2) }}"
        """,
        "x",
        filters={"shout": shout},
    )
    assert template({"t": "a"}) == ["a!", "a!!!", "a!!"]


def test_constants_of_the_library_are_names() -> None:
    assert (
        make(
            "'{{ house.kind[x] or house.other }}'",
            "x",
            consts={"house": {"kind": {"a": 1}, "other": 2}},
        )("b")
        == 2
    )


def test_a_tree_that_is_not_there_gives_nothing() -> None:
    from tests.template.making import document
    from trunkline.template import Library

    assert Library(document("a: 1")).compile(("b", "c"), ("x",), "query")(1) is ABSENT
