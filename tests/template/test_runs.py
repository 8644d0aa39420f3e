"""What holds for every run: nothing is changed, nothing untyped is raised, tracebacks name YAML."""

from __future__ import annotations

import copy
import traceback
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.template.making import document, make
from trunkline.errors import ConfigError
from trunkline.template import ABSENT, Library, Refusal

WORDS = ["type", "text", "of", "a", "b", "l", "n", "call", "image", "extra", "x"]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from([*WORDS, "data:a;base64,YQ==", '{"a": [1]}', "429"])
)
KEYS = st.sampled_from(WORDS) | st.text(max_size=3)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=30,
)

AROUND = """\
tables: {kind: {text: one, image: two}, deep: {a: {b: c}}}
fragments:
  part:
    $switch: "{{ p.type }}"
    case:
      text: {text: "{{ p.text }}", cache: "{{ p.n }}", $spread: "{{ p.extra }}"}
      call|image: {of!: {$for: p, in: "{{ p.of }}", at: i, do: {$use: part}}, rest: {$rest: p}}
    default:
      more~: {$for: p, in: "{{ p.l }}", when: p is defined, do: {$use: part}}
      a: "{{ p.a }}"
  twice: [{$use: part, with: {p: "{{ q.a }}"}}, {$use: part, with: {p: "{{ q.b }}"}}]
"""
TREE = """
  $let: {first: "{{ x.l[0] }}", sum: "{{ x.n + 1 }}", name: "{{ x.text ~ '/' ~ x.n }}"}
  in:
    a: "{{ x.a.b.text }}"
    b~: "{{ x.a or x.b or first }}"
    c: "{{ kind[x.type] or deep[x.a].b or 'none' }}"
    d: "{{ x.n < 3 or x.text > 'm' or x.a == x.b or 'a' in x.l }}"
    e: "{{ -x.n * 2 / x.a.n - sum }}"
    f: "{{ name }} and {{ x.b }}"
    g: {$switch: "{{ x }}", has: {text: "{{ x.text | upper }}", call|image: "{{ x | to_json }}"}}
    h: "{{ [x.a, {'k': x.b}, x.text | parse_json(x.n), x.l | total, x.l | join_text('-')] }}"
    i: "{{ x.text | replace_pattern('[a-z]+', 'w') | before_first('w') | at_most(3) | to_base64 }}"
    j: "{{ x.text | media_type }}{{ x.text | base64_data | base64_text }}"
    k: "{{ (x.l | first_where('type', 'text')).text | default(x.a | as_list) | length }}"
    l: "{{ x.text | starts_with(['a', x.b]) }} {{ x.a | keys }} {{ x.a | items }}"
    m: "{{ x.l | nonblank }}"
    parts: {$for: p, in: "{{ x.l }}", at: i, do: {i: "{{ i }}", $spread: {$use: part}}}
    both: {$use: twice, with: {q: "{{ x }}"}}
    spread: [1, {$spread: "{{ x.l }}"}, {$spread: {$for: y, in: "{{ x.l }}", do: "{{ x.b }}"}}]
    $spread: ["{{ x.extra }}", "{{ x.a }}"]
"""
TEMPLATE = make(TREE, "x", around=AROUND)


@settings(max_examples=1000)
@given(JSON)
def test_any_json_gives_json_or_a_refusal_and_is_not_changed(value: Any) -> None:
    before = copy.deepcopy(value)
    try:
        result = TEMPLATE(value)
    except Refusal:
        pass
    else:
        check_json(result)
    assert value == before


def check_json(value: Any) -> None:
    assert value is not ABSENT
    if isinstance(value, dict):
        for key, item in value.items():
            assert type(key) is str
            check_json(item)
    elif isinstance(value, list):
        for item in value:
            check_json(item)
    elif isinstance(value, float):
        assert value - value == 0
    else:
        assert value is None or type(value) in (str, int, bool)


@given(JSON, st.integers(0, 3))
def test_the_same_is_given_every_time(value: Any, rounds: int) -> None:
    first = TEMPLATE(value)
    assert [TEMPLATE(value) for _ in range(rounds)] == [first] * rounds


def chain(length: int) -> Any:
    value: Any = {"type": "call", "of": []}
    for _ in range(length):
        value = {"type": "call", "of": [value]}
    return value


def test_input_nested_beyond_all_bounds_is_refused() -> None:
    value, equal = chain(50_000), chain(50_000)
    with pytest.raises(Refusal, match="nested too deeply"):
        make("{$use: part, with: {p: '{{ x }}'}}", "x", around=AROUND)(value)
    with pytest.raises(Refusal, match="nested too deeply"):
        make("'{{ x == y }}'", "x", "y")(value, equal)
    assert make("'{{ x | to_json }}'", "x")(value) is ABSENT
    assert make("'{{ x }}!'", "x")(value) is ABSENT


def test_a_traceback_names_the_yaml_file_and_line() -> None:
    def broken(value: Any) -> Any:
        raise ZeroDivisionError("our own fault")

    text = "t:\n  a: 1\n  b:\n    - one\n    - c: '{{ x.y\n        | broken }}'\n  d: '{{ x }}'\n"
    template = Library(document(text, "routes/some.yaml"), filters={"broken": broken}).compile(
        ("t",), ("x",)
    )
    with pytest.raises(ZeroDivisionError) as caught:
        template({"y": 1})
    frames = traceback.extract_tb(caught.value.__traceback__)
    frame = next(frame for frame in frames if frame.filename == "routes/some.yaml")
    assert frame.lineno == 5
    assert frame.line == "- c: '{{ x.y"
    shown = "".join(traceback.format_exception(caught.value))
    assert 'File "routes/some.yaml", line 5' in shown


def test_errors_that_nobody_asked_about_are_raised_by_the_first_call() -> None:
    template = Library(document("t: '{{ y }}'")).compile(("t",), ("x",))
    with pytest.raises(ConfigError, match="TL501"):
        template(1)
    with pytest.raises(ConfigError, match="TL501"):
        template.prepare()


def test_nothing_is_read_before_it_is_needed() -> None:
    library = Library(document("t: '{{ x }}'\nu: '{{ x.y.z + }}'"))
    good, bad = library.compile(("t",), ("x",)), library.compile(("u",), ("x",))
    assert good(1) == 1
    assert [finding.code for finding in bad.check()] == ["TL500"]


def test_what_is_read_is_known_through_fragments() -> None:
    around = """\
    fragments:
      one: "{{ r.model }} {{ r.messages[0].role }}"
      two: {a: {$use: one}, b: {$use: two}, c: "{{ r['stop'] }}"}
      all: "{{ r | to_json }}"
      rest: {m: "{{ r.model }}", $spread: {$rest: r}}
    """
    reads = make("{$use: two, with: {r: '{{ x }}'}}", "x", "y", around=around)
    assert reads.reads("x") == {"model", "messages", "stop"}
    assert reads.reads("y") == frozenset()
    assert make("{$use: all, with: {r: '{{ x }}'}}", "x", around=around).reads("x") is None
    assert make("{$use: rest, with: {r: '{{ x }}'}}", "x", around=around).reads("x") is None
    assert make("{a: '{{ x.n }}', $spread: {$rest: x}}", "x").reads("x") is None
    assert make("{a: '{{ x[x.n] }}'}", "x").reads("x") is None
    assert make("{$if: '{{ x.n }}', then: '{{ x.m if x.o }}'}", "x").reads("x") == {"n", "m", "o"}


def test_templates_of_one_library_may_share_what_they_give() -> None:
    text = "a: {k: '{{ x }}'}"
    library = Library(document(text))
    first, second = library.compile(("a",), ("x",)), library.compile(("a",), ("x",))
    value: list[int] = [1]
    assert first(value)["k"] is second(value)["k"] is value


def test_findings_go_to_the_report_of_the_library() -> None:
    report: list[Any] = []
    library = Library(document("t: '{{ y }}'"), report=report)
    library.compile(("t",), ("x",))
    assert [finding.code for finding in report] == ["TL501"]
    own: list[Any] = []
    library.compile(("t",), ("x",), report=own)
    assert len(report) == len(own) == 1


def test_text_that_is_not_in_the_document_can_be_compiled() -> None:
    library = Library(document("a: {b: 1}"))
    assert library.compile_text("/v/{{ x }}", ("a", "b"), ("x",), "path")("m n") == "/v/m%20n"


def test_what_is_read_under_another_name_is_known_too() -> None:
    """Else a request that is renamed once would lose its other fields without a word."""
    renamed = make(
        "{$let: {q: '{{ x }}', p: '{{ q }}'}, in: {a: '{{ q.n }}', b: '{{ p.m }}'}}", "x"
    )
    assert renamed.reads("x") == {"n", "m"}
    assert renamed.paths("x") == {("n",), ("m",)}
    assert renamed({"n": 1, "m": 2}) == {"a": 1, "b": 2}
    whole = make("{$let: {q: '{{ x }}'}, in: {a: '{{ q.n }}', b: '{{ q }}'}}", "x")
    assert whole.reads("x") is None
    rest = make("{$let: {q: '{{ x }}'}, in: {a: '{{ q.n }}', $spread: {$rest: q}}}", "x")
    assert rest.reads("x") is None
    assert rest({"n": 1, "m": 2}) == {"a": 1, "m": 2}
