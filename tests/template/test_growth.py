"""What a run may take and write: which templates are counted, and where counting ends them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.template.making import make
from trunkline.template import Refusal

FRAGMENTS = """\
fragments:
  part: {text: "{{ p.text }}", of~: {$for: p, in: "{{ p.of }}", do: {$use: part}}}
  tagged: {by: "{{ who }}", of~: {$for: p, in: "{{ p.of }}", do: {$use: tagged}}}
  fork: [{$use: fork, with: {p: "{{ p.of }}"}}, {$use: fork, with: {p: "{{ p.of }}"}}]
  again: {p: "{{ p }}", of: {$use: again}}
  ping: [{$use: pong, with: {q: "{{ p }}"}}, {$use: pong, with: {q: "{{ p }}"}}]
  pong: {$switch: "{{ q.of }}", has: {of: {$use: ping, with: {p: "{{ q.of }}"}}}}
  grow: {$use: grow, with: {p: "{{ p }}{{ p }}"}}
  wrap: {$use: wrap, with: {p: ["{{ p }}", "{{ p }}"]}}
"""

PLAIN = [
    "{a: '{{ x.a }}', b: '{{ x.a.b }}'}",
    "{$for: i, in: '{{ x }}', do: {a: '{{ i.a }}', b: {$for: j, in: '{{ i.l }}', do: '{{ j }}'}}}",
    "{$use: part, with: {p: '{{ x }}'}}",
    "{$for: p, in: '{{ x }}', do: {$use: part}}",
    "{$let: {a: '{{ x.a }}'}, in: {b: '{{ a.b }}', c: '{{ a.c }}', d: '{{ a.d }}{{ a.e }}'}}",
    "{$for: i, in: '{{ x }}', at: n, do: {n: '{{ n }}', m: '{{ n + 1 }}', k: '{{ y == 3 }}'}}",
    "{$switch: '{{ x.a }}', case: {a: '{{ x }}', b: '{{ x }}', c: '{{ x }}'}, default: '{{ x }}'}",
]
COUNTED = [
    "{$for: i, in: '{{ x }}', do: '{{ y }}'}",
    "{$for: i, in: '{{ x }}', do: {$for: j, in: '{{ x }}', do: 1}}",
    "{$use: tagged, with: {p: '{{ x }}', who: '{{ y }}'}}",
    "{$use: fork, with: {p: '{{ x }}'}}",
    "{$use: ping, with: {p: '{{ x }}'}}",
    "{$use: again, with: {p: '{{ x }}'}}",
    "[" + ", ".join(["'{{ x }}'"] * 20) + "]",
]


def counts(source: str) -> bool:
    return "far(" in source or "bounded(" in source


@pytest.mark.parametrize("yaml", PLAIN)
def test_a_template_that_writes_its_input_once_is_not_measured(yaml: str) -> None:
    assert not counts(make(yaml, around=FRAGMENTS).source)


@pytest.mark.parametrize("yaml", COUNTED)
def test_a_template_that_may_write_its_input_many_times_is_measured(yaml: str) -> None:
    assert counts(make(yaml, around=FRAGMENTS).source)


def doubled(levels: int, value: str) -> str:
    names = ["a: '{{ x }}'"]
    names += [f"a{n}: {value.replace('#', 'a' + (str(n - 1) if n else ''))}" for n in range(levels)]
    return f"{{$let: {{{', '.join(names)}}}, in: '{{{{ a{levels - 1} }}}}'}}"


BIG = "x" * 100_000
CHAIN: Any = {"of": "end"}
for _ in range(60):
    CHAIN = {"of": CHAIN}

BOMBS: list[tuple[str, str, Any]] = [
    ("names that double a list", doubled(40, "['{{ # }}', '{{ # }}']"), "x"),
    ("names that double a text", doubled(40, "'{{ # }}{{ # }}'"), "x"),
    ("names that double by `~`", doubled(40, "'{{ # ~ # }}'"), "x"),
    ("names that double by `+`", doubled(40, "'{{ # + # }}'"), "x"),
    ("names that double by filter", doubled(40, '"{{ [#, #] | join_text }}"'), "x"),
    ("names that double a mapping", doubled(40, "{p: '{{ # }}', q: '{{ # }}'}"), "x"),
    ("a square", "{$for: i, in: '{{ x.l }}', do: '{{ x.big }}'}", {"l": [0] * 5000, "big": BIG}),
    (
        "a square of text",
        "{$for: i, in: '{{ x.l }}', do: '{{ x.big }}{{ i }}'}",
        {"l": [0] * 5000, "big": BIG},
    ),
    (
        "a square by filter",
        "{$for: i, in: '{{ x.l }}', do: '{{ x.big | upper }}'}",
        {"l": [0] * 5000, "big": BIG},
    ),
    (
        "a square by rest",
        "{$for: i, in: '{{ x.l }}', do: {$rest: x}}",
        {"l": [0] * 5000, "big": {"a": BIG}},
    ),
    (
        "a square by a fragment",
        "{$for: p, in: '{{ x.l }}', do: {$use: tagged, with: {who: '{{ x.big }}'}}}",
        {"l": [0] * 5000, "big": BIG},
    ),
    (
        "a cube",
        "{$for: i, in: '{{ x }}', do: {$for: j, in: '{{ x }}', do: {$for: k, in: '{{ x }}', "
        "do: 1}}}",
        [0] * 400,
    ),
    ("a fork", "{$use: fork, with: {p: '{{ x }}'}}", CHAIN),
    ("a fork by two", "{$use: ping, with: {p: '{{ x }}'}}", CHAIN),
    ("an endless call", "{$use: again, with: {p: '{{ x }}'}}", CHAIN),
    ("an endless call that doubles text", "{$use: grow, with: {p: '{{ x }}'}}", "x"),
    ("an endless call that doubles lists", "{$use: wrap, with: {p: '{{ x }}'}}", "x"),
]


@pytest.mark.parametrize(("yaml", "value"), [b[1:] for b in BOMBS], ids=[b[0] for b in BOMBS])
def test_a_run_that_grows_without_end_is_refused(yaml: str, value: Any) -> None:
    template = make(yaml, "x", around=FRAGMENTS).prepare()
    start = time.process_time()
    with pytest.raises(Refusal):
        template(value)
    assert time.process_time() - start < 2


def test_honest_work_is_not_refused() -> None:
    rows = [{"cells": [{"v": n} for n in range(30)], "name": str(n)} for n in range(400)]
    tree = """
      $for: row
      in: "{{ x }}"
      do: {$for: c, in: "{{ row.cells }}", do: {v: "{{ c.v }}", of: "{{ row.name }}", y: "{{ y }}"}}
    """
    got = make(tree, "x", "y")(rows, "short")
    assert len(json.dumps(got)) > 400_000
    big = [{"text": BIG, "of": [{"text": BIG}]}] * 200
    assert make("{$for: p, in: '{{ x }}', do: {$use: part}}", "x", around=FRAGMENTS)(big) == big
    quoted = make("{$for: p, in: '{{ x }}', do: 'data:{{ p.text }}'}", "x")(big)
    assert quoted == ["data:" + BIG] * 200


def test_a_conversation_of_the_largest_kind_stays_within_its_steps() -> None:
    messages = [{"text": "a", "of": [{"text": "b"}] * 10}] * 4096
    got = make("{$for: p, in: '{{ x }}', do: {$use: part}}", "x", around=FRAGMENTS)(messages)
    assert got == messages
