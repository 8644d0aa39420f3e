"""The meaning of templates, spelled out slowly: an interpreter of directives and expressions.

It says the same as the compiler in the plainest way there is, without hoisting, literals built
at once, or anything known beforehand; tests hold the one against the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trunkline.template import ABSENT, Refusal, ir, runtime

if TYPE_CHECKING:
    from trunkline.template.links import Links

SPLICE = object()
MATH = {
    "+": runtime.add,
    "-": runtime.subtract,
    "*": runtime.multiply,
    "/": runtime.divide,
    "//": runtime.divide_down,
}


def empty(value: Any) -> bool:
    return value is ABSENT or value is None or value in ("", [], {})


class Meaning:
    """One run of a unit."""

    def __init__(self, links: Links, unit: ir.Unit, arguments: dict[str, Any]) -> None:
        self.links = links
        self.unit = unit
        self.names = {unit.params[name]: value for name, value in arguments.items()}

    def result(self) -> Any:
        assert self.unit.body is not None
        return self.node(self.unit.body)

    # Expressions

    def lookup(self, value: Any, key: Any) -> Any:
        if isinstance(value, dict) and isinstance(key, str):
            return value.get(key, ABSENT)
        if isinstance(value, list) and type(key) is int:
            return value[key] if -len(value) <= key < len(value) else ABSENT
        return ABSENT

    def expr(self, expr: ir.Expr) -> Any:
        match expr:
            case ir.Const(value):
                return value
            case ir.Nothing():
                return ABSENT
            case ir.Path(binding, keys):
                value = binding.value if binding.kind in ("table", "const") else self.names[binding]
                for key in keys:
                    value = self.lookup(value, key)
                return value
            case ir.Get(base, key):
                return self.lookup(self.expr(base), key)
            case ir.Item(base, key):
                return self.lookup(self.expr(base), self.expr(key))
            case ir.ListOf(items):
                return [value for value in map(self.expr, items) if value is not ABSENT]
            case ir.DictOf(pairs):
                values = {key: self.expr(value) for key, value in pairs}
                return {key: value for key, value in values.items() if value is not ABSENT}
            case ir.Choose(test, then, other):
                if self.expr(test):
                    return self.expr(then)
                return ABSENT if other is None else self.expr(other)
            case ir.Logic(word, items):
                for item in items[:-1]:
                    value = self.expr(item)
                    if bool(value) == (word == "or"):
                        return value
                return self.expr(items[-1])
            case ir.Not(item):
                return not self.expr(item)
            case ir.Negate(item):
                return runtime.negate(self.expr(item))
            case ir.Compare(sign, left, right):
                return self.compare(sign, self.expr(left), self.expr(right))
            case ir.Arithmetic(sign, left, right):
                return MATH[sign](self.expr(left), self.expr(right))
            case ir.Text(parts):
                return runtime.text(*map(self.expr, parts))
            case ir.Is(name, item):
                return self.test(name, self.expr(item))
            case ir.Apply(known, arguments):
                values = [self.expr(argument) for argument in arguments]
                if not known.sees_absent and any(value is ABSENT for value in values):
                    return ABSENT
                return known.function(*values)
        raise AssertionError(expr)

    def compare(self, sign: str, left: Any, right: Any) -> bool:
        match sign:
            case "==":
                return runtime.same(left, right)
            case "!=":
                return not runtime.same(left, right)
            case "in":
                return runtime.within(left, right)
            case "not in":
                return not runtime.within(left, right)
        if not runtime.alike(left, right):
            return False
        return bool(
            {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[sign]
        )

    def test(self, name: str, value: Any) -> bool:
        kinds = {"string": str, "mapping": dict, "list": list, "boolean": bool}
        if name in kinds:
            return isinstance(value, kinds[name])
        if name == "number":
            return runtime.is_number(value)
        if name == "none":
            return value is None
        return empty(value) if name == "empty" else value is not ABSENT

    # Directives

    def node(self, node: ir.Node) -> Any:
        match node:
            case ir.Leaf(expr):
                return self.expr(expr)
            case ir.Raw(value):
                return value
            case ir.Mapping(entries):
                return self.mapping(entries)
            case ir.Sequence(items):
                return self.items(items)
            case ir.Spread(inner):
                return (SPLICE, self.node(inner))
            case ir.If(test, then, other):
                chosen = then if self.node(test) else other
                return ABSENT if chosen is None else self.node(chosen)
            case ir.Switch(subject, by_key, cases, default):
                value = self.node(subject)
                for names, branch in cases:
                    if by_key:
                        taken = isinstance(value, dict) and any(name in value for name in names)
                    else:
                        taken = isinstance(value, str) and value in names
                    if taken:
                        return self.node(branch)
                return ABSENT if default is None else self.node(default)
            case ir.For():
                return self.loop(node)
            case ir.Let(names, body):
                for binding, value in names:
                    self.names[binding] = self.node(value)
                return self.node(body)
            case ir.Use(name, given, inherited):
                unit = self.links.fragment(name)
                arguments = {
                    param: self.node(given[param])
                    if param in given
                    else self.names[inherited[param]]
                    for param in unit.params
                }
                return Meaning(self.links, unit, arguments).result()
            case ir.Refuse(message):
                parts = message.parts if isinstance(message, ir.Text) else [message]
                raise Refusal(runtime.sentence(*map(self.expr, parts)))
            case ir.Rest(binding, but):
                read = {*self.links.fields(self.unit, binding)[0], *but}
                return runtime.rest(self.names[binding], frozenset(read))
        raise AssertionError(node)

    def mapping(self, entries: list[ir.Entry | ir.Spread]) -> Any:
        found: dict[str, Any] = {}
        for entry in entries:
            value = self.node(entry.node)
            if isinstance(entry, ir.Spread):
                found.update(value if isinstance(value, dict) else {})
            elif entry.when_empty == "drop" and empty(value):
                return ABSENT
            elif value is not ABSENT and not (entry.when_empty == "leave" and empty(value)):
                found[entry.key] = value
        return found

    def items(self, nodes: list[ir.Node]) -> list[Any]:
        found: list[Any] = []
        for node in nodes:
            self.onto(found, self.node(node))
        return found

    def onto(self, found: list[Any], value: Any) -> None:
        if isinstance(value, tuple) and value[0] is SPLICE:
            inner = value[1]
            if isinstance(inner, tuple):
                self.onto(found, inner)
            elif isinstance(inner, list):
                found.extend(inner)
        elif value is not ABSENT:
            found.append(value)

    def loop(self, node: ir.For) -> Any:
        source = self.node(node.source)
        if not isinstance(source, list):
            return ABSENT
        found: list[Any] = []
        for index, value in enumerate(source):
            self.names[node.name] = value
            if node.index is not None:
                self.names[node.index] = index
            if node.when is None or self.node(node.when):
                self.onto(found, self.node(node.do))
        return found
