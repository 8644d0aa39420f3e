"""Compiled templates give what an interpreter of the same directives gives, for any of either."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from tests.template.making import document
from tests.template.oracle import Meaning
from trunkline.template import Library, Refusal, runtime

LIMITS = (
    runtime.TOO_DEEP,
    "a template takes more steps than its input allows",
    "a template writes far more than it was given",
)
FIELDS = ["a", "b", "l", "t", "type"]
SCALARS = [None, True, False, 0, 1, 2.5, -3, "", "a", "b", "text", "t", '{"a": 1}', [], {}]
BINARY = ["or", "or", "and", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "+", "~"]
TESTS = ["defined", "none", "empty", "string", "number", "boolean", "mapping", "list"]
FILTERS = [
    "default('d')",
    "default(x.a)",
    "as_list",
    "to_json",
    "total",
    "keys",
    "items",
    "length",
    "upper",
    "parse_json",
    "parse_json(0)",
    "at_most(1)",
    "first_where('a')",
    "first_where('t', x.t)",
    "join_text(x.t)",
    "starts_with('a')",
]
CONSTANTS = ["1", "0", "'a'", "''", "none", "absent", "true", "false", "[]", "{}", "2.5", "-1"]


class Chance:
    """Random data, expressions and trees of bounded size."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def pick(self, choices: Any) -> Any:
        return self.random.choice(choices)

    def data(self, depth: int = 4) -> Any:
        kind = self.random.random()
        if depth == 0 or kind < 0.3:
            return self.pick(SCALARS)
        if kind < 0.5:
            return [self.data(depth - 1) for _ in range(self.random.randint(0, 3))]
        return {key: self.data(depth - 1) for key in FIELDS if self.random.random() < 0.6}

    def path(self) -> str:
        keys = [self.pick(FIELDS) for _ in range(self.pick([0, 1, 1, 1, 2, 2, 3]))]
        return ".".join([self.pick("xxxyzpq"), *keys])

    def expression(self, depth: int = 3) -> str:
        kind = self.random.random()
        if depth == 0 or kind < 0.4:
            return self.path() if self.random.random() < 0.75 else str(self.pick(CONSTANTS))
        one, two, three = (self.expression(depth - 1) for _ in range(3))
        return str(
            self.pick(
                [
                    f"({one} {self.pick(BINARY)} {two})",
                    f"({one} {self.pick(BINARY)} {two})",
                    f"({self.path()} {self.pick('+-*/')} {self.path()})",
                    f"({one} if {two} else {three})",
                    f"({one} if {two})",
                    f"(not {one})",
                    f"({one}).{self.pick(FIELDS)}",
                    f"({one})[{self.pick(['0', '-1', repr('a'), 'x.t', 'y.a'])}]",
                    f"tab[{one}]",
                    f"[{one}, {two}]",
                    f"{{'a': {one}, 'b': {two}}}",
                    f"({one} is {self.pick(['', 'not '])}{self.pick(TESTS)})",
                    f"({one} | {self.pick(FILTERS)})",
                    f"({one} | {self.pick(FILTERS)})",
                ]
            )
        )

    def hole(self) -> str:
        return f"{{{{ {self.expression(2)} }}}}"

    def leaf(self) -> Any:
        text = [self.hole(), self.hole(), f"{{{{ {self.path()} }}}}", "text", 3, None, True]
        return self.pick([*text, f"{self.hole()}-{self.hole()}", {"$raw": self.data(2)}])

    def key(self) -> str:
        return self.pick(FIELDS) + self.pick(["", "", "", "~", "!"])

    def mapping(self, depth: int) -> dict[str, Any]:
        pairs = [(self.key(), self.tree(depth)) for _ in range(self.random.randint(0, 4))]
        return dict({key.rstrip("~!"): (key, tree) for key, tree in pairs}.values())

    def tree(self, depth: int = 3, in_list: bool = False) -> Any:
        if depth == 0 or self.random.random() < 0.25:
            return self.leaf()
        down = depth - 1
        kind = self.random.randint(0, 13)
        if kind <= 3:
            return self.mapping(down)
        if kind == 4:
            merged = self.tree(down)
            merged = self.hole() if isinstance(merged, list) else merged
            return {**self.mapping(down), "$spread": merged, "last": 1}
        if kind == 5:
            return [self.tree(down, True) for _ in range(self.random.randint(0, 3))]
        if kind == 6:
            both = {"then": self.tree(down, in_list), "else": self.tree(down, in_list)}
            kept = self.pick([["then"], ["else"], ["then", "else"], ["then", "else"]])
            return {"$if": self.hole(), **{key: both[key] for key in kept}}
        return self.directive(kind, down, in_list)

    def directive(self, kind: int, down: int, in_list: bool) -> Any:
        branch = self.tree(down, in_list)
        if kind == 7:
            cases = {"a|b": branch, "text": self.tree(down, in_list)}
            default = {"default": self.tree(down, in_list)} if self.random.random() < 0.6 else {}
            return {"$switch": self.hole(), "case": cases, **default}
        if kind == 8:
            return {"$switch": self.hole(), "has": {"a|b": branch, "l": self.tree(down, in_list)}}
        if kind in (9, 10):
            item = self.tree(down, True)
            when = {"when": self.hole(), "at": "q"} if self.random.random() < 0.4 else {}
            return {"$for": self.pick("xyp"), "in": self.hole(), "do": item, **when}
        if kind == 11:
            return {"$let": {"p": self.tree(down), "x": self.tree(down)}, "in": branch}
        if kind == 12:
            given = {"with": {"x": self.tree(down)}} if self.random.random() < 0.6 else {}
            return {"$use": self.pick("fg"), **given}
        return {"$spread": self.tree(down, True)} if in_list else branch


def outcome(run: Any) -> Any:
    try:
        return run()
    except Refusal as refusal:
        return ("refused", refusal.message)


def hold(seed: int) -> None:
    """One random template against the interpreter, on some random data."""
    chance = Chance(seed)
    fragments = {
        "f": {"$if": "{{ x.l }}", "else": chance.tree(2)},
        "g": {"$if": "{{ x.a }}", "then": chance.tree(2)},
    }
    tables = {"tab": {"a": "b", "t": "", "text": {"a": 1}}}
    text = json.dumps({"tables": tables, "fragments": fragments, "t": chance.tree(4)})
    library = Library(document(text))
    params = ("x", "y", "z", "p", "q")
    template = library.compile(("t",), params)
    errors = {one.code for one in template.check() if one.severity == "error"}
    if errors:
        assert errors == {"TL509"}, "a key that its table does not have is all that may be wrong"
        return
    function = template.prepare()
    data = [chance.data() for _ in range(4)]
    for value in data:
        arguments = (value, data[0], data[-1], {"a": value}, [value])
        got = outcome(lambda: function(*arguments))  # noqa: B023
        if isinstance(got, tuple) and got[1] in LIMITS:
            continue
        meaning = Meaning(library.links, template.unit, dict(zip(params, arguments, strict=True)))
        try:
            expected = outcome(meaning.result)
        except RecursionError:
            continue
        assert shown(got) == shown(expected), (seed, text, value, template.source)


def shown(value: Any) -> str:
    return json.dumps(value, default=repr)


@pytest.mark.parametrize("batch", range(10))
def test_a_compiled_template_means_what_it_says(batch: int) -> None:
    for seed in range(batch * 100, batch * 100 + 100):
        hold(seed)


@pytest.mark.nightly
def test_many_more_compiled_templates_mean_what_they_say() -> None:
    for seed in range(100_000, 150_000):
        hold(seed)
