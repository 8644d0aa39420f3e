"""Checked expressions as Python expressions.

Names become locals, paths lookups on mappings, filters direct calls. A path that stands more
than once in a function is looked up once, at the first place from which every later use can be
reached; that needs a statement, which is written before the one that is being made.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trunkline.template import ir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trunkline.template.growth import Growth

__all__ = ["Source", "Speaker"]

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_]")
_MATH: Final = {
    "+": "add",
    "-": "subtract",
    "*": "multiply",
    "/": "divide",
    "//": "divide_down",
}
_KINDS: Final = {"string": "str", "boolean": "bool", "mapping": "dict", "list": "list"}


@dataclass(slots=True)
class Source:
    """Python for a value. `absent`: it may give ABSENT. `atom`: a name, free to repeat.
    `full`: it is surely not empty."""

    text: str
    absent: bool = True
    atom: bool = False
    full: bool = False


class Speaker:
    """Writes one function's statements, and expressions that may need statements before them.

    `whole` are the bindings whose values are wanted as they are, other than in expressions.
    `growth` says what is charged against the steps.
    `line` is the YAML line that what is written next belongs to.
    """

    def __init__(self, whole: set[ir.Binding], growth: Growth) -> None:
        self.whole = whole
        self.growth = growth
        self.lines: list[tuple[int, str, int]] = []
        self.line = 1
        self.indent = 0
        self._names: dict[ir.Binding, str] = {}
        self._numbers: dict[str, int] = {}
        self._values: dict[tuple[ir.Binding, tuple[str, ...]], str] = {}
        self._maps: dict[tuple[ir.Binding, tuple[str, ...]], str] = {}

    # Statements

    def say(self, text: str) -> None:
        """One statement."""
        self.lines.append((self.indent, text, self.line))

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """An indented block; what is looked up in it is not known after it."""
        self.say(head)
        values, maps, at = dict(self._values), dict(self._maps), len(self.lines)
        self.indent += 1
        yield
        if len(self.lines) == at:
            self.say("pass")
        self.indent -= 1
        self._values, self._maps = values, maps

    def new(self, like: str) -> str:
        """A fresh name that reads like `like`."""
        stem = _UNSAFE.sub("", like)[:24]
        if not stem or stem[0].isdigit():
            stem = "v" + stem
        number = self._numbers[stem] = self._numbers.get(stem, 0) + 1
        return f"{stem}_{number}"

    def name(self, binding: ir.Binding) -> str:
        """The local or global that holds what a name means."""
        found = self._names.get(binding)
        if found is None:
            if binding.kind in ("table", "const"):
                found = f"{binding.kind}_{binding.name}"
            else:
                found = self.new(binding.name)
            self._names[binding] = found
        return found

    def known(self, binding: ir.Binding, name: str) -> None:
        """Say which local a binding lives in."""
        self._names[binding] = name

    # Paths

    def path(self, binding: ir.Binding, keys: tuple[str, ...], loose: bool) -> Source:
        """A path's value. `loose`: null may stand for absent."""
        name = self.name(binding)
        if binding.kind in ("table", "const"):
            return Source(name + "".join(f"[{key!r}]" for key in keys), False, True)
        if not keys:
            return Source(name, binding.maybe_absent, True)
        if (held := self._values.get((binding, keys))) is not None:
            return Source(held, True, True)
        if binding.values.get(keys, 0) > 1:
            return Source(self._hold(binding, keys), True, True)
        return self._get(binding, keys, loose)

    def _hold(self, binding: ir.Binding, keys: tuple[str, ...]) -> str:
        value = self._get(binding, keys, False)
        held = self.new(keys[-1])
        self.say(f"{held} = {value.text}")
        self._values[binding, keys] = held
        return held

    def _get(self, binding: ir.Binding, keys: tuple[str, ...], loose: bool) -> Source:
        base = self.mapping_at(binding, keys[:-1])
        key = repr(keys[-1])
        missing = "None" if loose else "A"
        get = f"get({key})" if loose else f"get({key}, A)"
        if base is not None:
            return Source(f"{base}.{get}", not loose)
        value = self.path(binding, keys[:-1], True)
        held, test = self.bound(value)
        return Source(f"({held}.{get} if isinstance({test}, dict) else {missing})", not loose)

    def mapping_at(self, binding: ir.Binding, keys: tuple[str, ...]) -> str | None:
        """A local that is surely a mapping, for what stands at a path; None if not worth one."""
        if (held := self._maps.get((binding, keys))) is not None:
            return held
        alone = binding.values.get(keys, 0)
        if keys:
            below = binding.uses.get(keys, 0) - alone
        else:
            below = sum(count for path, count in binding.uses.items() if len(path) == 1)
        if below < 2:
            return None
        held = self._maps[binding, keys] = self._mapping(binding, keys, alone > 0)
        return held

    def _mapping(self, binding: ir.Binding, keys: tuple[str, ...], alone: bool) -> str:
        """Statements that put a mapping into a local. `alone`: its value is wanted as well."""
        if not keys and not alone and binding not in self.whole:
            held = self.name(binding)
        elif alone or not keys:
            value = self.path(binding, keys, True)
            name = value.text if value.atom else self._hold(binding, keys)
            held = self.new(keys[-1] if keys else binding.name)
            self.say(f"{held} = {name} if isinstance({name}, dict) else E")
            return held
        else:
            value = self._get(binding, keys, True)
            held = self.new(keys[-1])
            self.say(f"{held} = {value.text}")
        self.say(f"if not isinstance({held}, dict): {held} = E")
        return held

    def field(self, expr: ir.Expr) -> tuple[str, str] | None:
        """For a path that is a field of a mapping at hand: whether it is there, and its value."""
        if not isinstance(expr, ir.Path) or not expr.keys or id(expr) in self.growth.far:
            return None
        if (held := self._values.get((expr.binding, expr.keys))) is not None:
            return f"{held} is not A", held
        base = self.mapping_at(expr.binding, expr.keys[:-1])
        if base is None:
            return None
        key = repr(expr.keys[-1])
        return f"{key} in {base}", f"{base}[{key}]"

    def bound(self, value: Source) -> tuple[str, str]:
        """A value's name, and the expression that names it where it is first met."""
        if value.atom:
            return value.text, value.text
        held = self.new("t")
        return held, f"{held} := {value.text}"

    # Expressions

    def expr(self, expr: ir.Expr, loose: bool = False) -> Source:
        """Python for an expression. `loose`: absent may come out as null."""
        if isinstance(expr, ir.Path):
            found = self.path(expr.binding, expr.keys, loose)
            if id(expr) in self.growth.far:
                return Source(f"far(s, {found.text})", found.absent)
            return found
        if isinstance(expr, ir.Const):
            shown = repr(expr.value)
            number = isinstance(expr.value, (int, float))
            return Source(f"({shown})" if number else shown, False)
        if isinstance(expr, ir.Nothing):
            return Source("None", False, True) if loose else Source("A", True, True)
        return _SPOKEN[type(expr)](self, expr, loose)

    def truth(self, expr: ir.Expr) -> str:
        """Python for a condition."""
        return self.expr(expr, True).text

    def _get_of(self, expr: ir.Get, loose: bool) -> Source:
        held, test = self.bound(self.expr(expr.base, True))
        key = repr(expr.key)
        if loose:
            return Source(f"({held}.get({key}) if isinstance({test}, dict) else None)", False)
        return Source(f"({held}.get({key}, A) if isinstance({test}, dict) else A)")

    def _item(self, expr: ir.Item, loose: bool) -> Source:
        base = self.expr(expr.base, True)
        if isinstance(expr.base, ir.Path) and expr.base.binding.kind == "table":
            held, test = self.bound(self.expr(expr.key, True))
            get, missing = (f"get({held})", "None") if loose else (f"get({held}, A)", "A")
            return Source(
                f"({base.text}.{get} if isinstance({test}, str) else {missing})", not loose
            )
        return Source(f"item({base.text}, {self.expr(expr.key, True).text})")

    def _list(self, expr: ir.ListOf, loose: bool) -> Source:
        items = [self.expr(item) for item in expr.items]
        text = ", ".join(item.text for item in items)
        if any(item.absent for item in items):
            return Source(f"some_items([{text}])", False)
        return Source(f"[{text}]", False)

    def _dict(self, expr: ir.DictOf, loose: bool) -> Source:
        pairs = [(key, self.expr(value)) for key, value in expr.pairs]
        text = ", ".join(f"{key!r}: {value.text}" for key, value in pairs)
        if any(value.absent for _, value in pairs):
            return Source(f"some_fields({{{text}}})", False)
        return Source(f"{{{text}}}", False)

    def _choose(self, expr: ir.Choose, loose: bool) -> Source:
        test = self.truth(expr.test)
        then = self.expr(expr.then, loose)
        if expr.other is None:
            other = Source("None", False) if loose else Source("A")
        else:
            other = self.expr(expr.other, loose)
        return Source(f"({then.text} if {test} else {other.text})", then.absent or other.absent)

    def _logic(self, expr: ir.Logic, loose: bool) -> Source:
        if expr.word == "and":
            items = [self.expr(item, loose) for item in expr.items]
            absent = any(item.absent for item in items)
        else:
            items = [self.expr(item, True) for item in expr.items[:-1]]
            items.append(self.expr(expr.items[-1], loose))
            absent = items[-1].absent
        return Source("(" + f" {expr.word} ".join(item.text for item in items) + ")", absent)

    def _not(self, expr: ir.Not, loose: bool) -> Source:
        return Source(f"(not {self.truth(expr.item)})", False)

    def _compare(self, expr: ir.Compare, loose: bool) -> Source:
        left, right, sign = expr.left, expr.right, expr.sign
        if sign in ("==", "!="):
            return Source(self._equal(left, right, sign == "!="), False)
        if sign in ("in", "not in"):
            return Source(self._within(left, right, sign), False)
        if sign in (">", ">="):
            left, right = right, left
        helper = "less" if sign in ("<", ">") else "at_most"
        return Source(
            f"{helper}({self.expr(left, True).text}, {self.expr(right, True).text})", False
        )

    def _equal(self, left: ir.Expr, right: ir.Expr, negated: bool) -> str:
        if isinstance(left, ir.Const):
            left, right = right, left
        if isinstance(right, ir.Const):
            value = right.value
            if isinstance(value, str):
                return f"({self.expr(left, True).text} {'!=' if negated else '=='} {value!r})"
            if (value is None or isinstance(value, bool)) and not _is_literal(left):
                return f"({self.expr(left).text} {'is not' if negated else 'is'} {value!r})"
        call = f"same({self.expr(left).text}, {self.expr(right).text})"
        return f"(not {call})" if negated else call

    def _within(self, left: ir.Expr, right: ir.Expr, sign: str) -> str:
        if isinstance(right, ir.ListOf):
            listed = [item.value for item in right.items if isinstance(item, ir.Const)]
            if len(listed) == len(right.items) and all(isinstance(one, str) for one in listed):
                return f"({self.expr(left, True).text} {sign} {tuple(listed)!r})"
        call = f"within({self.expr(left).text}, {self.expr(right, True).text})"
        return f"(not {call})" if sign == "not in" else call

    def _arithmetic(self, expr: ir.Arithmetic, loose: bool) -> Source:
        left, right = self.expr(expr.left, True), self.expr(expr.right, True)
        return Source(self._paid(f"{_MATH[expr.sign]}({left.text}, {right.text})"))

    def _paid(self, built: str) -> str:
        return f"paid(s, {built})" if self.growth.charged else built

    def _negate(self, expr: ir.Negate, loose: bool) -> Source:
        if isinstance(expr.item, ir.Const) and type(expr.item.value) in (int, float):
            return Source(f"({-expr.item.value!r})", False)
        return Source(f"negate({self.expr(expr.item, True).text})")

    def _text(self, expr: ir.Text, loose: bool) -> Source:
        parts = ", ".join(self.expr(part, True).text for part in expr.parts)
        return Source(self._paid(f"text({parts})"))

    def sentence(self, expr: ir.Expr) -> str:
        """Python for the text of a refusal."""
        parts = expr.parts if isinstance(expr, ir.Text) else [expr]
        return f"sentence({', '.join(self.expr(part, True).text for part in parts)})"

    def _apply(self, expr: ir.Apply, loose: bool) -> Source:
        if expr.filter.inline:
            return self._inline(expr, loose)
        arguments = [self.expr(argument) for argument in expr.arguments]
        call = f"filter_{expr.filter.name}"
        if expr.filter.sees_absent or not any(argument.absent for argument in arguments):
            given = ", ".join(argument.text for argument in arguments)
            return Source(self._paid(f"{call}({given})"))
        names: list[str] = []
        tests: list[str] = []
        for argument in arguments:
            if argument.absent:
                held, test = self.bound(argument)
                names.append(held)
                tests.append(f"({test}) is not A" if held != test else f"{held} is not A")
            else:
                names.append(argument.text)
        built = self._paid(f"{call}({', '.join(names)})")
        return Source(f"({built} if {' and '.join(tests)} else A)")

    def _inline(self, expr: ir.Apply, loose: bool) -> Source:
        """`default` and `required`: the value unless it is absent or null."""
        value, other = expr.arguments
        first = self.expr(value, True)
        held, test = self.bound(first)
        condition = f"({test}) is not None" if held != test else f"{held} is not None"
        if first.absent:
            condition += f" and {held} is not A"
        if expr.filter.name == "required":
            return Source(f"({held} if {condition} else refuse({self.sentence(other)}))", False)
        last = self.expr(other, loose)
        return Source(f"({held} if {condition} else {last.text})", last.absent)

    def _is(self, expr: ir.Is, loose: bool) -> Source:
        if expr.name in _KINDS:
            text = f"isinstance({self.expr(expr.item, True).text}, {_KINDS[expr.name]})"
        elif expr.name == "number":
            text = f"is_number({self.expr(expr.item, True).text})"
        elif expr.name in ("none", "defined") and _is_literal(expr.item):
            text = repr(expr.name == "defined" or expr.item == ir.Const(None))
        elif expr.name == "none":
            text = f"({self.expr(expr.item).text} is None)"
        elif expr.name == "defined":
            text = f"({self.expr(expr.item).text} is not A)"
        else:
            held, test = self.bound(self.expr(expr.item, True))
            text = f"(not (({test}) or {held} == 0))"
        return Source(text, False)


def _is_literal(expr: ir.Expr) -> bool:
    """Whether Python would warn of `is` beside it."""
    return isinstance(expr, ir.Const) or (
        isinstance(expr, ir.Negate) and isinstance(expr.item, ir.Const)
    )


_SPOKEN: Final[dict[type, Callable[..., Source]]] = {
    ir.Get: Speaker._get_of,
    ir.Item: Speaker._item,
    ir.ListOf: Speaker._list,
    ir.DictOf: Speaker._dict,
    ir.Choose: Speaker._choose,
    ir.Logic: Speaker._logic,
    ir.Not: Speaker._not,
    ir.Compare: Speaker._compare,
    ir.Arithmetic: Speaker._arithmetic,
    ir.Negate: Speaker._negate,
    ir.Text: Speaker._text,
    ir.Apply: Speaker._apply,
    ir.Is: Speaker._is,
}
