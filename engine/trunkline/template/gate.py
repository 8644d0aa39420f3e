"""The gate: Jinja's expression tree to ours, or findings about what the language does not have.

Only what is listed here passes. There are no calls but of filters, no attributes but lookups
on mappings, no repetition of text, no `**`, `%` or slices, and nothing is computed ahead of
the run. So there is no sandbox, and nothing to escape from.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from jinja2 import nodes

from trunkline.diagnostics import did_you_mean
from trunkline.template import ir
from trunkline.template.expressions import SHORTER, ExpressionError, parse

if TYPE_CHECKING:
    import inspect
    from collections.abc import Callable, Collection, Mapping

    from trunkline.diagnostics import Span
    from trunkline.template.filters import Filter
    from trunkline.template.places import Report, Spot

__all__ = ["TESTS", "Gate"]

TESTS: Final = {
    "defined": "defined",
    "present": "defined",
    "none": "none",
    "empty": "empty",
    "string": "string",
    "number": "number",
    "boolean": "boolean",
    "mapping": "mapping",
    "list": "list",
}
"""What may follow `is`. `defined` and `present` are the same: there, even if null."""

ABSENT_WORD: Final = "absent"
"""The word of expressions for no value."""
DEEPEST: Final = 40
"""Levels that one expression may nest."""

_COMPARE: Final = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "lteq": "<=",
    "gt": ">",
    "gteq": ">=",
    "in": "in",
    "notin": "not in",
}
_MATH: Final[dict[type[nodes.Node], str]] = {
    nodes.Add: "+",
    nodes.Sub: "-",
    nodes.Mul: "*",
    nodes.Div: "/",
    nodes.FloorDiv: "//",
}
_ELSEWHERE: Final = {
    "tojson": "to_json",
    "fromjson": "parse_json",
    "d": "default",
    "count": "length",
    "b64encode": "to_base64",
    "b64decode": "base64_text",
    "urlencode": "url_segment",
    "join": "join_text",
    "truncate": "at_most",
}
_OTHER_TESTS: Final = {
    "undefined": "not defined",
    "null": "none",
    "sequence": "list",
    "iterable": "list",
    "integer": "number",
    "float": "number",
}
_DASHED: Final = re.compile(r"([A-Za-z_]\w*)\.((?:[A-Za-z_]\w*-)+)$", re.ASCII)
_OTHER_NAMES: Final = {"null": "none", "nil": "none", "undefined": "absent"}

Jinja: TypeAlias = Any
"""A node of Jinja's tree, whose fields carry no types worth having."""


class Gate:
    """Checks the expressions of one unit.

    `guarded` is how the code that asks says that an absent value is provided for: to the left
    of `or`, before `default`, in a condition.
    """

    def __init__(self, filters: Mapping[str, Filter], report: Report) -> None:
        self.filters = filters
        self.report = report
        self._place: Spot
        self._scope: ir.Scope
        self._depth = 0
        self._source = ""

    def expression(self, place: Spot, scope: ir.Scope, guarded: bool = False) -> ir.Expr:
        """The expression at a place; findings are reported and give null."""
        source = place.source
        self._place, self._scope, self._depth, self._source = place, scope, 0, source
        try:
            tree = parse(source)
        except ExpressionError as error:
            span = place.at(min(error.offset, max(len(source) - 1, 0)), 1)
            self.report.add(error.code, error.message, span, error.hint)
            return ir.Const(None)
        if isinstance(tree, tuple):
            offset = len(source) - len(source.lstrip())
            return self._path(tree[0], list(tree[1:]), offset, guarded)
        return self._visit(tree, guarded)

    def _refuse(self, code: str, message: str, node: Jinja, hint: str = "") -> ir.Expr:
        self.report.add(code, message, self._at(node), hint)
        return ir.Const(None)

    def _at(self, node: Jinja, length: int = 1, skip: int = 0) -> Span:
        return self._place.at(node.lineno + skip, length)

    def _look(self, *parts: Jinja) -> None:
        """Find what else is wrong in the parts of something refused."""
        for part in parts:
            self._visit(part, True)

    def _visit(self, node: Jinja, guarded: bool = False) -> ir.Expr:
        kind = type(node)
        if kind in _MATH:
            return self._math(node)
        visit = _VISITS.get(kind)
        if visit is None:
            what, hint = _REFUSED.get(kind, ("this", ""))
            return self._refuse("TL504", f"{what} is not part of expressions", node, hint)
        if self._depth >= DEEPEST:
            return self._too_deep()
        self._depth += 1
        found: ir.Expr = visit(self, node, guarded)
        self._depth -= 1
        return found

    def _too_deep(self) -> ir.Expr:
        """The whole expression is at fault, so it is marked whole, and once."""
        text = self._source.strip()
        span = self._place.at(self._source.index(text), len(text))
        self.report.add("TL514", "the expression is nested too deeply", span, SHORTER)
        return ir.Const(None)

    def _sign(self, node: Jinja, guarded: bool) -> ir.Expr:
        """An operator that expressions do not have."""
        sign, hint = _NO_SIGNS[type(node)]
        self._look(node.left, node.right)
        found = self._source.rfind(sign, node.lineno, node.right.lineno)
        span = self._place.at(max(found, node.lineno), len(sign))
        self.report.add("TL504", f"`{sign}` is not part of expressions", span, hint)
        return ir.Const(None)

    def _const(self, node: Jinja, guarded: bool) -> ir.Expr:
        return ir.Const(node.value)

    def _name(self, node: Jinja, guarded: bool) -> ir.Expr:
        return self._path(node.name, [], node.lineno, guarded)

    def _lookup(self, node: Jinja, guarded: bool) -> ir.Expr:
        """`a.b['c'].d`: as far down as keys are known, one path."""
        keys: list[str] = []
        base = node
        while (key := _known_key(base)) is not None:
            keys.append(key)
            base = base.node
        keys.reverse()
        if isinstance(base, nodes.Name) and keys:
            return self._path(base.name, keys, base.lineno, guarded)
        if isinstance(base, nodes.Getitem):
            found = self._item(base, guarded)
        else:
            found = self._visit(base, guarded)
        for key in keys:
            found = ir.Get(found, key)
        return found

    def _item(self, node: Jinja, guarded: bool) -> ir.Expr:
        if isinstance(node.arg, nodes.Slice):
            hint = "there are `[0]` and `[-1]`"
            return self._refuse("TL504", "a slice is not part of expressions", node, hint)
        if isinstance(node.arg, nodes.Tuple):
            return self._refuse("TL504", "one key at a time: `a[b][c]`", node)
        base = node.node
        if isinstance(base, nodes.Name) and base.name != ABSENT_WORD:
            found = self._scope.find(base.name)
            if found is not None and found.kind in ("table", "const"):
                if found.kind == "table" and not guarded:
                    at = partial(self._place.at, base.lineno, len(base.name))
                    self._scope.unit.misses.append((base.name, at))
                return ir.Item(ir.Path(found, ()), self._visit(node.arg))
        return ir.Item(self._visit(base), self._visit(node.arg))

    def _path(self, name: str, keys: list[str], offset: int, guarded: bool) -> ir.Expr:
        if name == ABSENT_WORD:
            return ir.Nothing()
        binding = self._scope.find(name)
        if binding is None:
            return self._unknown_name(name, offset)
        if binding.kind in ("table", "const") and keys:
            return self._constant(binding, keys, offset)
        at = partial(self._place.at, offset, len(".".join([name, *keys])))
        note_path(binding, keys, at)
        return ir.Path(binding, tuple(keys))

    def _dashed(self, offset: int, name: str) -> str | None:
        """`headers['x-team']` for `headers.x-team`, which reads as a subtraction."""
        match = _DASHED.search(self._source[:offset])
        return None if match is None else f"{match[1]}['{match[2]}{name}']"

    def _unknown_name(self, name: str, offset: int) -> ir.Expr:
        known = self._scope.known()
        near = _OTHER_NAMES.get(name) or did_you_mean(name, known)
        hint = f"did you mean `{near}`?" if near else "names here: " + ", ".join(sorted(known))
        if (dashed := self._dashed(offset, name)) is not None:
            hint = f"a name with `-` stands in brackets: `{dashed}`"
        span = self._place.at(offset, len(name))
        self.report.add("TL501", f"unknown name `{name}`", span, hint)
        return ir.Const(None)

    def _constant(self, binding: ir.Binding, keys: list[str], offset: int) -> ir.Expr:
        """A lookup in a table by a key that is written down: it must be there."""
        value = binding.value
        for index, key in enumerate(keys):
            if not isinstance(value, dict) or key not in value:
                listed = list(value) if isinstance(value, dict) else []
                near = did_you_mean(key, listed)
                hint = f"did you mean `{near}`?" if near else "listed: " + ", ".join(listed)
                message = f"the table `{binding.name}` has no `{key}`"
                upper = ".".join([binding.name, *keys[:index], ""])
                if self._source.startswith(upper + key, offset):
                    span = self._place.at(offset + len(upper), len(key))
                else:
                    span = self._place.at(offset, len(binding.name))
                self.report.add("TL509", message, span, hint)
                return ir.Const(None)
            value = value[key]
        if isinstance(value, (dict, list)):
            return ir.Path(binding, tuple(keys))
        return ir.Const(value)

    def _list(self, node: Jinja, guarded: bool) -> ir.Expr:
        return ir.ListOf([self._visit(item) for item in node.items])

    def _dict(self, node: Jinja, guarded: bool) -> ir.Expr:
        pairs: list[tuple[str, ir.Expr]] = []
        for pair in node.items:
            if not isinstance(pair.key, nodes.Const) or not isinstance(pair.key.value, str):
                return self._refuse("TL504", "a key in `{}` must be quoted text", pair)
            pairs.append((pair.key.value, self._visit(pair.value)))
        return ir.DictOf(pairs)

    def _choose(self, node: Jinja, guarded: bool) -> ir.Expr:
        other = None if node.expr2 is None else self._visit(node.expr2, guarded)
        return ir.Choose(self._visit(node.test, True), self._visit(node.expr1, guarded), other)

    def _and(self, node: Jinja, guarded: bool) -> ir.Expr:
        return ir.Logic("and", [self._visit(item, guarded) for item in _flat(node)])

    def _or(self, node: Jinja, guarded: bool) -> ir.Expr:
        *first, last = _flat(node)
        items = [self._visit(item, True) for item in first]
        return ir.Logic("or", [*items, self._visit(last, guarded)])

    def _not(self, node: Jinja, guarded: bool) -> ir.Expr:
        return ir.Not(self._visit(node.node, True))

    def _compare(self, node: Jinja, guarded: bool) -> ir.Expr:
        left = self._visit(node.expr, True)
        found: list[ir.Expr] = []
        for operand in node.ops:
            right = self._visit(operand.expr, True)
            found.append(ir.Compare(_COMPARE[operand.op], left, right))
            left = right
        return found[0] if len(found) == 1 else ir.Logic("and", found)

    def _math(self, node: Jinja) -> ir.Expr:
        sign = _MATH[type(node)]
        for side in (node.left, node.right):
            if isinstance(side, nodes.Const) and isinstance(side.value, str) and sign != "+":
                what = "text cannot be repeated" if sign == "*" else f"`{sign}` wants numbers"
                return self._refuse("TL504", what, side)
        if self._depth >= DEEPEST:
            return self._too_deep()
        self._depth += 1
        found = ir.Arithmetic(sign, self._visit(node.left), self._visit(node.right))
        self._depth -= 1
        return found

    def _negate(self, node: Jinja, guarded: bool) -> ir.Expr:
        return ir.Negate(self._visit(node.node))

    def _concat(self, node: Jinja, guarded: bool) -> ir.Expr:
        return ir.Text([self._visit(item) for item in node.nodes])

    def _test(self, node: Jinja, guarded: bool) -> ir.Expr:
        name = TESTS.get(node.name)
        if name is None:
            near = _OTHER_TESTS.get(node.name) or did_you_mean(node.name, TESTS)
            hint = f"write `is {near}`" if near else "there are: " + ", ".join(TESTS)
            self._look(node.node)
            return self._refuse("TL502", f"unknown test `is {node.name}`", node, hint)
        if node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
            hint = "put the test in brackets: `(a is defined) if b`"
            return self._refuse("TL500", f"`is {node.name}` stands alone", node, hint)
        return ir.Is(name, self._visit(node.node, True))

    def _filter(self, node: Jinja, guarded: bool) -> ir.Expr:
        known = self.filters.get(node.name)
        if known is None:
            near = _ELSEWHERE.get(node.name) or did_you_mean(node.name, self.filters)
            hint = f"did you mean `{near}`?" if near else ""
            span = self._at(node, len(node.name))
            self.report.add("TL502", f"unknown filter `{node.name}`", span, hint)
            self._look(node.node, *node.args)
            return ir.Const(None)
        if node.dyn_args or node.dyn_kwargs:
            return self._refuse("TL504", "`*` and `**` arguments are not allowed", node)
        arguments: list[ir.Expr] = [self._visit(node.node, guarded or known.sees_absent)]
        arguments += [self._visit(argument) for argument in node.args]
        named = {pair.key: self._visit(pair.value) for pair in node.kwargs}
        try:
            bound = known.signature.bind(*arguments, **named)
        except TypeError as error:
            hint = f"`{known.usage()}`"
            span = self._at(node, len(node.name))
            self.report.add("TL503", f"filter `{node.name}`: {error}", span, hint)
            return ir.Const(None)
        return ir.Apply(known, _positional(bound))

    def _call(self, node: Jinja, guarded: bool) -> ir.Expr:
        called = node.node
        if isinstance(called, nodes.Getattr):
            near = _filter_like(called.attr, self.filters)
            hint = f"write `| {near}`" if near else "filters are written `value | name`"
            self._look(called.node, *node.args)
            span = self._at(called, len(called.attr) + 1)
            message = f"`.{called.attr}()`: there are no methods"
            self.report.add("TL504", message, span, hint)
            return ir.Const(None)
        name = called.name if isinstance(called, nodes.Name) else "this"
        near = "length" if name == "len" else _filter_like(name, self.filters)
        hint = f"write `value | {near}`" if near else "there are only filters"
        span = self._at(called, len(name) if isinstance(called, nodes.Name) else 1)
        self._look(*node.args)
        self.report.add("TL504", f"`{name}` cannot be called", span, hint)
        return ir.Const(None)


def _filter_like(method: str, filters: Collection[str]) -> str:
    """The filter that does what a method of that name would: `startswith` is `starts_with`."""
    plain = method.replace("_", "")
    return next((name for name in filters if name.replace("_", "") == plain), "")


def note_path(binding: ir.Binding, keys: list[str], at: Callable[[], Span]) -> None:
    """Record what is read of a binding, for `$rest`, `reads` and shared lookups."""
    path = tuple(keys)
    if path:
        binding.fields.setdefault(path[0], at)
    else:
        binding.wholes += 1
    for length in range(1, len(path) + 1):
        prefix = path[:length]
        binding.uses[prefix] = binding.uses.get(prefix, 0) + 1
    binding.values[path] = binding.values.get(path, 0) + 1


def _known_key(node: Jinja) -> str | None:
    if isinstance(node, nodes.Getattr):
        return str(node.attr)
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return node.arg.value if isinstance(node.arg.value, str) else None
    return None


def _flat(node: Jinja) -> list[Jinja]:
    """`a and b and c`, which Jinja nests to the left, as a list."""
    kind = type(node)
    items: list[Jinja] = []
    while type(node) is kind:
        items.append(node.right)
        node = node.left
    items.append(node)
    items.reverse()
    return items


def _positional(bound: inspect.BoundArguments) -> list[ir.Expr]:
    """The arguments in order; one left out before one that is given has its default."""
    if bound.kwargs:
        bound.apply_defaults()
    return [
        value if isinstance(value, _EXPRESSIONS) else ir.Const(value) for value in bound.args
    ] + [
        value if isinstance(value, _EXPRESSIONS) else ir.Const(value)
        for value in bound.kwargs.values()
    ]


_EXPRESSIONS: Final = (
    ir.Const,
    ir.Nothing,
    ir.Path,
    ir.Get,
    ir.Item,
    ir.ListOf,
    ir.DictOf,
    ir.Choose,
    ir.Logic,
    ir.Not,
    ir.Compare,
    ir.Arithmetic,
    ir.Negate,
    ir.Text,
    ir.Apply,
    ir.Is,
)

_NO_SIGNS: Final[dict[type[nodes.Node], tuple[str, str]]] = {
    nodes.Pow: ("**", "multiply with `*`"),
    nodes.Mod: ("%", "there is no remainder; text is joined with `~`"),
}

_REFUSED: Final[dict[type[nodes.Node], tuple[str, str]]] = {
    nodes.Slice: ("a slice", "there are `[0]` and `[-1]`"),
    nodes.Pos: ("a leading `+`", "leave it out"),
}

_VISITS: Final[dict[type[nodes.Node], Callable[[Gate, Jinja, bool], ir.Expr]]] = {
    nodes.Const: Gate._const,
    nodes.Name: Gate._name,
    nodes.Getattr: Gate._lookup,
    nodes.Getitem: Gate._lookup,
    nodes.List: Gate._list,
    nodes.Tuple: Gate._list,
    nodes.Dict: Gate._dict,
    nodes.CondExpr: Gate._choose,
    nodes.And: Gate._and,
    nodes.Or: Gate._or,
    nodes.Not: Gate._not,
    nodes.Compare: Gate._compare,
    nodes.Neg: Gate._negate,
    nodes.Concat: Gate._concat,
    nodes.Test: Gate._test,
    nodes.Filter: Gate._filter,
    nodes.Call: Gate._call,
    nodes.Pow: Gate._sign,
    nodes.Mod: Gate._sign,
}
