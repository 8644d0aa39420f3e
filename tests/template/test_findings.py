"""What is wrong with a template: which finding, at which characters, and what to do instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.template.making import document, findings
from trunkline.template import Library, compile_expression

if TYPE_CHECKING:
    from trunkline.diagnostics import Diagnostic

AROUND = """\
tables: {finish: {end: stop}}
fragments: {part: "{{ p.type }}", both: {a: {$use: part}, b: "{{ who }}"}}
"""

# YAML of the template, code, the text under the mark, words of the message or hint
CASES: list[tuple[str, str, str, str]] = [
    # not an expression
    ('"{{ x. }}"', "TL500", ".", "expected name or number"),
    ('"{{ }}"', "TL500", " ", "no expression"),
    ('"{{ x y }}"', "TL500", "y", "`y` is not expected"),
    ('"{{ x"', "TL500", "{{", "never closed"),
    ('"a {{ \'x }}"', "TL500", "{{", "a quote"),
    ('"a {{ (x }}"', "TL500", "{{", "bracket"),
    ('"{{- x }}"', "TL500", "{{", "space after"),
    ('"{{ x -}}"', "TL500", "{{", "space after"),
    ('"{{ x ? y : z }}"', "TL500", "?", ""),
    ('"{{ x is defined if y else z }}"', "TL500", "y", "(x is defined) if"),
    ('"{{ ä }}"', "TL500", "ä", "ASCII"),
    # names
    ('"{{ xx }}"', "TL501", "xx", "did you mean `x`"),
    ('"{{ null }}"', "TL501", "null", "`none`"),
    ('"{{ undefined }}"', "TL501", "undefined", "`absent`"),
    ('"a {{ y }} {{ fnish[x] }}"', "TL501", "fnish", "`finish`"),
    ("{$for: i, in: '{{ x }}', do: '{{ i.a ~ j }}'}", "TL501", "j", ""),
    ("{a: {$for: i, in: '{{ x }}', do: 1}, b: '{{ i }}'}", "TL501", "i", ""),
    ("{$rest: w}", "TL501", "w", "wants a name"),
    ('"{{ x.a-team }}"', "TL501", "team", "`x['a-team']`"),
    # what other languages say
    ('"{{ x && y }}"', "TL500", "&", "write `and`"),
    ('"{{ x || y }}"', "TL500", "|", "write `or`"),
    ('"{{ !x }}"', "TL500", "!", "write `not`"),
    ('"{{ x = 1 }}"', "TL500", "=", "write `==`"),
    ("\"{{ x.startswith('a') }}\"", "TL504", ".startswith", "write `| starts_with`"),
    # filters and tests
    ('"{{ x | defualt(1) }}"', "TL502", "defualt", "`default`"),
    ('"{{ x | tojson }}"', "TL502", "tojson", "`to_json`"),
    ("\"{{ x | attr('a') }}\"", "TL502", "attr", ""),
    ('"{{ x is undefined }}"', "TL502", "is", "not defined"),
    ('"{{ x is divisibleby 3 }}"', "TL502", "is", "there are"),
    ('"{{ x | default }}"', "TL503", "default", "default(other)"),
    ('"{{ x | lower(1) }}"', "TL503", "lower", "value | lower"),
    ('"{{ x | at_most(max=1) }}"', "TL503", "at_most", "at_most(limit)"),
    # what the language does not have
    ('"{{ x.upper() }}"', "TL504", ".upper", "write `| upper`"),
    ('"{{ x() }}"', "TL504", "x", "cannot be called"),
    ('"{{ range(9) }}"', "TL504", "range", "only filters"),
    ('"{{ len(x) }}"', "TL504", "len", "`value | length`"),
    ('"{{ x or or y }}"', "TL500", "or y", "`or` is not expected"),
    ('"{{ x > }}"', "TL500", ">", "too early"),
    ('"{{ x ** 2 }}"', "TL504", "**", "multiply"),
    ('"{{ x % 2 }}"', "TL504", "%", "`%`"),
    ("\"{{ 'a' * 9 }}\"", "TL504", "'", "repeated"),
    ("\"{{ 9 * 'a' }}\"", "TL504", "'", "repeated"),
    ('"{{ x[1:2] }}"', "TL504", "[", "`[0]`"),
    ('"{{ x[:] }}"', "TL504", "[", "slice"),
    ('"{{ +x }}"', "TL504", "+", "leave it out"),
    ('"{{ {x: 1} }}"', "TL504", "x", "quoted"),
    ('"{{ x | at_most(*y) }}"', "TL504", "at_most", "not allowed"),
    ('"{% if x %}y{% endif %}"', "TL504", "{% if x %}", "`$if`"),
    ('"a {# remark #} b {{ x }}"', "TL504", "{# remark #}", "$raw"),
    # directives
    ("{$if: '{{ x }}', than: 1}", "TL506", "than", "`then`"),
    ("{$if: '{{ x }}'}", "TL506", "$if", "needs `then`"),
    ("{$switch: '{{ x }}', cases: {a: 1}}", "TL506", "cases", "`case`"),
    ("{$switch: '{{ x }}'}", "TL506", "$switch", "case"),
    ("{$switch: '{{ x }}', case: {a: 1}, has: {b: 1}}", "TL506", "case", "cannot stand"),
    ("{$switch: '{{ x }}', case: {a|b: 1, b|c: 2}}", "TL506", "b|c", "twice"),
    ("{$for: i, do: 1}", "TL506", "$for", "`in`"),
    ("{$for: i, in: '{{ x }}'}", "TL506", "$for", "`do`"),
    ("{$for: i j, in: '{{ x }}', do: 1}", "TL506", "i j", "cannot be a name"),
    ("{$for: in, in: '{{ x }}', do: 1}", "TL506", "in", "cannot be a name"),
    ("{$let: {not: 1}, in: 1}", "TL506", "not", "cannot be a name"),
    ("{$let: {a: 1}}", "TL506", "$let", "`in`"),
    ("{$let: a, in: 1}", "TL506", "$let", "mapping"),
    ("{$refuse: {a: 1}}", "TL506", "$refuse", "text"),
    ("{$raw: 1, a: 2}", "TL506", "a", "nothing"),
    ("{$use: part, with: 3}", "TL506", "$use", "mapping"),
    ("{$rest: x, but: y}", "TL506", "$rest", "list"),
    ("{a: 1, a~: 2}", "TL506", "a~", "same key"),
    ("{a: {$spread: '{{ x }}'}}", "TL506", "$spread", "absent"),
    # fragments
    ("{$use: prat}", "TL507", "prat", "`part`"),
    ("{$use: part}", "TL508", "part", "needs `p`"),
    ("{$use: both, with: {p: 1}}", "TL508", "both", "needs `who`"),
    ("{$use: part, with: {p: 1, q: 2}}", "TL508", "q", "takes no `q`"),
    # tables
    ('"{{ finish.edn }}"', "TL509", "edn", "`end`"),
    # values
    ("{'{{ x }}': 1}", "TL512", "'{{ x }}'", "computed"),
    ("{$switch: '{{ x }}', case: {429: 1}}", "TL512", "429", '"429"'),
    ("{$switch: '{{ x }}', case: {null: 1}}", "TL512", "null", '"null"'),
    ("{$if: x.y, then: 1}", "TL513", "x.y", 'write "{{ x.y }}"'),
    ("{$switch: x.type, case: {a: 1}}", "TL513", "x.type", "{{ x.type }}"),
    ("{$for: i, in: x.list, do: 1}", "TL513", "x.list", "{{ x.list }}"),
    # $rest
    ("{a: '{{ x }}', b: {$rest: x}}", "TL516", "x", "whole"),
]


def marked(finding: Diagnostic, text: str) -> str:
    lines = text.split("\n")
    assert finding.span.line == finding.span.end_line
    return lines[finding.span.line - 1][finding.span.column - 1 : finding.span.end_column - 1]


@pytest.mark.parametrize(("yaml", "code", "mark", "words"), CASES, ids=[c[0] for c in CASES])
def test_a_mistake_is_found_where_it_stands(yaml: str, code: str, mark: str, words: str) -> None:
    found = findings(yaml, around=AROUND)
    assert [finding.code for finding in found] == [code], found
    said = found[0].message + " / " + found[0].hint
    assert words in said
    assert found[0].message[0].islower() or found[0].message[0] in "`1234567890"
    shown = marked(found[0], AROUND + "t: " + yaml)
    assert shown.startswith(mark) or mark.startswith(shown), (shown, found[0].span)


WRITE_CASES: list[tuple[str, str, str]] = [
    ("{$switch: '{{ x }}', case: {a: 1}}", "TL510", "$switch"),
    ('"{{ finish[x] }}"', "TL511", "finish"),
    ("\"{{ finish[x] ~ 'a' }}\"", "TL511", "finish"),
    ("{a: '{{ y and finish[x] }}'}", "TL511", "finish"),
    ("{$use: loses, with: {m: '{{ x }}'}}", "TL511", "finish"),
]


@pytest.mark.parametrize(("yaml", "code", "mark"), WRITE_CASES)
def test_what_writes_must_say_what_becomes_of_the_unknown(yaml: str, code: str, mark: str) -> None:
    around = AROUND.replace("{part:", '{loses: "{{ finish[m] }}", part:')
    found = findings(yaml, around=around, mode="write")
    assert [finding.code for finding in found] == [code]
    assert marked(found[0], around + "t: " + yaml).startswith(mark)
    for mode in ("read", "serve"):
        assert not findings(yaml, around=around, mode=mode)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "yaml",
    [
        "{$switch: '{{ x }}', case: {a: 1}, default: '{{ absent }}'}",
        "\"{{ finish[x] or 'stop' }}\"",
        '"{{ finish[x] or absent }}"',
        "\"{{ finish[x] | default('stop') }}\"",
        "\"{{ finish[x] | required('new') }}\"",
        "{$if: '{{ finish[x] }}', then: 1}",
        '"{{ x if finish[x] is defined }}"',
        "\"{{ finish[x] == 'stop' }}\"",
        '"{{ finish.end }}"',
    ],
)
def test_what_writes_may_not_know_where_that_is_provided_for(yaml: str) -> None:
    assert not findings(yaml, around=AROUND, mode="write")


def test_every_mistake_is_found_at_once_and_in_order() -> None:
    yaml = """
      a: "{{ xx }}"
      b: {$if: "{{ x | nope }}", then: "{{ y.a() }}"}
      c: "one {{ x ** 2 }} two {{ zz }}"
    """
    found = findings(yaml)
    assert [(f.span.line, f.span.column, f.code) for f in found] == [
        (2, 10, "TL501"),
        (3, 20, "TL502"),
        (3, 41, "TL504"),
        (4, 16, "TL504"),
        (4, 31, "TL501"),
    ]


@pytest.mark.parametrize(
    ("yaml", "line", "column"),
    [
        ("|\n  some text\n  and {{ xx }}\n", 3, 12),
        (">-\n  {{ x.a\n  }} and {{ xx }}\n", 3, 15),
        ('"tab\\t {{ xx }}"', 1, 14),
        ("'it''s {{ xx }}'", 1, 14),
        ("one\n  two {{ xx }}", 2, 12),
        ('"{{ x.a }} \\\n  {{ xx }}"', 2, 8),
        ("|\n  {{ x.a or\n     xx }}\n", 1, 4),
        ('"\\t{{ xx }} {{ xx }}"', 1, 4),
    ],
)
def test_a_mistake_in_text_of_any_style_is_found_as_nearly_as_can_be(
    yaml: str, line: int, column: int
) -> None:
    found = findings(yaml)[0]
    assert (found.code, found.span.line, found.span.column) == ("TL501", line, column)


def test_closed_names_refuse_unknown_fields() -> None:
    around = "fragments: {inner: '{{ x.tokns }} {{ q.any }}', outer: {$use: inner}}\n"
    closed = {"x": ["tokens", "model"], "y": ["name"]}
    yaml = "{a: '{{ x.mdoel }}', b: '{{ x[\"tokens\"] }}', c: {$use: outer, with: {q: '{{ y }}'}}}"
    found = findings(yaml, around=around, closed=closed)
    assert [(f.code, f.message, f.hint) for f in found] == [
        ("TL505", "`x` has no `tokns`", "did you mean `tokens`?"),
        ("TL505", "`y` has no `any`", "it has `name`"),
        ("TL505", "`x` has no `mdoel`", "did you mean `model`?"),
    ]
    assert not findings("'{{ z.anything }}'", closed=closed)


def test_a_dollar_word_that_is_nearly_a_directive_is_a_warning() -> None:
    for yaml, near in [("{$fro: x, in: 1}", "$for"), ("{$siwtch: x}", "$switch")]:
        (found,) = findings(yaml)
        assert (found.code, found.severity) == ("TL515", "warning")
        assert near in found.hint
    assert not findings("{$ref: a, $defs: {}, $id: b, $comment: c, $schema: d}")


def test_braces_under_raw_are_a_warning() -> None:
    (found,) = findings("{$raw: '{{ x }}'}")
    assert (found.code, found.severity) == ("TL515", "warning")
    assert not findings("{$raw: 'a {{ x }}'}")


def test_tables_are_checked() -> None:
    text = "tables: {a: {429: x, yes: y, '1': z, ~: n, 1e3: f}, b: [1]}\nt: '{{ a[x] }}'\n"
    found = Library(document(text)).check_all()
    assert [(f.code, f.span.column) for f in found] == [
        ("TL512", 14),
        ("TL512", 38),
        ("TL512", 44),
        ("TL509", 56),
    ]


def test_check_all_finds_what_no_template_uses() -> None:
    text = (
        "fragments: {a: '{{ p | nope }}', b: {$use: c}}\nt: {$use: a, with: {p: 1}}\nu: '{{ q }}'\n"
    )
    library = Library(document(text))
    library.compile(("u",), ("x",))
    assert [f.code for f in library.check_all()] == ["TL502", "TL507", "TL501"]


@pytest.mark.parametrize(
    ("when", "code", "words"),
    [
        ("x.tokens > 5", "", ""),
        ('"{{ x.tokens }}"', "TL513", "without"),
        ("true", "", ""),
        ("429", "", ""),
        ("'{{ x.tokens }} > 5'", "TL513", "write `x.tokens > 5`"),
        ("x.tokens >", "TL500", ""),
        ("w.tokens > 1", "TL501", ""),
        ("x.tkens > 1", "TL505", "`tokens`"),
    ],
)
def test_bare_expressions(when: str, code: str, words: str) -> None:
    report: list[Diagnostic] = []
    closed = {"x": ["tokens"]}
    template = compile_expression(
        document(f"when: {when}\n"), ("when",), ("x",), closed=closed, report=report
    )
    assert [finding.code for finding in report] == [code] * bool(code)
    assert all(words in finding.message + finding.hint for finding in report)
    if not code:
        assert template({"tokens": 6}) in (True, 429)


def test_templates_too_large_or_too_deep_are_refused() -> None:
    deep: Any = "'{{ x }}'"
    for _ in range(30):
        deep = f"{{$if: '{{{{ x }}}}', then: {deep}}}"
    loops: Any = "'{{ x }}'"
    for _ in range(14):
        loops = f"{{$for: x, in: '{{{{ x }}}}', do: {loops}}}"
    for yaml in (
        "'" + "a" * 70_000 + "'",
        "'{{ x." + "a" * 5_000 + " }}'",
        "'{{ x + " + "1 + " * 200 + "1 }}'",
        "'{{ x" + " if x else (x" * 100 + ")" * 100 + " }}'",
        "'{{ " + "(" * 3000 + "x" + ")" * 1000 + " }}'",
        "'{{ " + "not " * 1000 + "x }}'",
        "'{{ " + "9" * 4000 + " }}'",
        "'{{ 1e999 }}'",
        deep,
        loops,
    ):
        found = findings(yaml)
        assert len(found) == 1, (yaml[:60], found)
        assert found[0].code in ("TL500", "TL514"), found


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("{{ xx | defalt(1) }}", ["TL501", "TL502"]),
        ("{{ x | defalt(yy) }}", ["TL501", "TL502"]),
        ("{{ xx is presnt }}", ["TL501", "TL502"]),
        ("{{ xx.upper() }}", ["TL501", "TL504"]),
        ("{{ (xx | lowr) ~ (zz | uper) }}", ["TL501", "TL501", "TL502", "TL502"]),
    ],
)
def test_every_mistake_of_one_expression_is_named(text: str, codes: list[str]) -> None:
    assert sorted(one.code for one in findings(f"'{text}'")) == codes
