"""How fast what a template writes can grow with its input, seen before any run.

Authors are trusted, data is not: `{$for: m, in: request.messages, do: "{{ request }}"}` is a
square of its input, and names that double names are a power of it. Most templates write each
part of their input once or a few times, and run without any accounting. Where that cannot be
seen, the run counts:

- Data *belongs* to the loop level at which it was taken apart. A loop over data of its own level
  gives disjoint parts, which belong to the level inside. A value written at the level to which
  it belongs is written once per mention; one from further out is *far*, and charged against
  the steps by its size (`runtime.far`).
- A template that mentions some part of its input too often, or a fragment that calls itself
  and mentions beside that what it hands on, has all that it builds charged (`runtime.paid`) and
  its result measured (`runtime.bounded`).
- What a loop or a fragment writes of its own is charged by its length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from trunkline.template import ir

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Growth", "growth_of", "literals"]

MENTIONS: Final = 8
"""How often a template may write the same part of its input."""
SMALL: Final = 64
"""Characters that may be copied freely."""
LITERALS: Final = 262_144
"""Characters that a template may add of its own outside of loops."""

_REST: Final = "$rest"
_FAR: Final = -1

Share = Literal["own", "far", "small"]
"""What a fragment is handed: data of the caller's level, of one further out, or no data."""
Refs = dict[tuple[ir.Binding, tuple[str, ...]], int]
"""How often each path is written."""


class _WildError(Exception):
    """It cannot be seen that the template is linear."""


def _plus(one: Refs, other: Refs, times: int = 1) -> Refs:
    total = dict(one)
    for path, count in other.items():
        total[path] = min(total.get(path, 0) + count * times, 1 << 30)
    return total


def _most(one: Refs, other: Refs) -> Refs:
    return {path: max(one.get(path, 0), other.get(path, 0)) for path in one.keys() | other.keys()}


class _Flow:
    """What a node writes: mentions of data, and characters of its own.

    `plain` is the most that can be mentioned where no fragment is called again, `again` where
    one is (None if that cannot be); `down` are the paths that are handed to it.
    """

    __slots__ = ("again", "down", "literals", "plain")

    def __init__(self, plain: Refs | None = None, literals: int = 0) -> None:
        self.plain: Refs = {} if plain is None else plain
        self.again: Refs | None = None
        self.down: set[tuple[ir.Binding, tuple[str, ...]]] = set()
        self.literals = literals

    def most(self) -> Refs:
        """The most that can be mentioned."""
        return self.plain if self.again is None else _most(self.plain, self.again)

    def add(self, other: _Flow, times: int = 1) -> None:
        """Both, the other several times."""
        again = None if self.again is None else _plus(self.again, other.most(), times)
        if other.again is not None:
            with_other = _plus(self.plain, other.again, times)
            again = with_other if again is None else _most(again, with_other)
        self.plain, self.again = _plus(self.plain, other.plain, times), again
        self.down |= other.down
        self.literals = min(self.literals + other.literals * times, 1 << 30)

    def either(self, other: _Flow) -> None:
        """One or the other."""
        self.plain = _most(self.plain, other.plain)
        if other.again is not None:
            self.again = other.again if self.again is None else _most(self.again, other.again)
        self.down |= other.down
        self.literals = max(self.literals, other.literals)

    def mentions(self, binding: ir.Binding) -> int:
        """How often the most mentioned part of a name's value is written."""
        paths = {keys: n for (owner, keys), n in self.most().items() if owner is binding}
        prefixes = ([keys[:length] for length in range(len(keys) + 1)] for keys in paths)
        return max((sum(paths.get(p, 0) for p in of_one) for of_one in prefixes), default=0)

    def replace(self, binding: ir.Binding, by: _Flow, times: int) -> _Flow:
        """The same where a name ends, with what the name stands for in its place."""
        flow = _Flow(_but(self.plain, binding), self.literals)
        flow.again = None if self.again is None else _but(self.again, binding)
        flow.down = {path for path in self.down if path[0] is not binding}
        if flow.down != self.down:
            flow.down |= by.most().keys()
        flow.add(by, times)
        return flow

    def repeats(self) -> bool:
        """Whether a fragment that is called again has what it is handed mentioned beside it."""
        found = self.again or {}
        return any(
            sum(n for (owner, keys), n in found.items() if owner is b and _overlap(keys, down)) > 1
            for b, down in self.down
        )


def _but(refs: Refs, binding: ir.Binding) -> Refs:
    return {path: count for path, count in refs.items() if path[0] is not binding}


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


_Summary = tuple[dict[str, int], int]
"""How often a fragment mentions each parameter, and its own characters."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What a template's run must count. `far` are the expressions that write far data, by `id`;
    `charged`: everything that is built."""

    far: frozenset[int]
    charged: bool


def growth_of(unit: ir.Unit, units: Mapping[str, ir.Unit]) -> Growth:
    """What a run of this template, with the fragments that it reaches, must count."""
    analysis = _Analysis(units)
    try:
        mentions, literals = analysis.unit(unit, dict.fromkeys(unit.params, "own"))
    except (_WildError, RecursionError):
        return Growth(frozenset(), True)
    few = max(mentions.values(), default=0) <= MENTIONS and literals <= LITERALS
    return Growth(frozenset(analysis.far), not few)


class _Analysis:
    """One template with the fragments that it reaches. `marks` counts far mentions as found."""

    def __init__(self, units: Mapping[str, ir.Unit]) -> None:
        self.units = units
        self.done: dict[tuple[str, tuple[Share, ...]], _Summary] = {}
        self.far: set[int] = set()
        self.marks = 0
        self.running: set[tuple[str, tuple[Share, ...]]] = set()
        self._reach: dict[str, set[str]] = {}

    def unit(self, unit: ir.Unit, shares: Mapping[str, Share]) -> _Summary:
        """A unit's mentions of each parameter, when handed these."""
        key = (unit.name, tuple(shares.values()))
        if unit.fragment:
            if key in self.done:
                return self.done[key]
            if key in self.running:
                return dict.fromkeys(unit.params, 1), 0
            self.running.add(key)
        flow = _Frame(self, unit, shares).node(unit.body, 0)
        mentions = {name: flow.mentions(param) for name, param in unit.params.items()}
        if flow.again is not None and (
            max(mentions.values(), default=0) > MENTIONS or flow.repeats()
        ):
            raise _WildError
        if unit.fragment:
            self.running.discard(key)
            self.done[key] = mentions, flow.literals
        return mentions, flow.literals

    def is_running(self, name: str) -> bool:
        """Whether a fragment is being analysed, so that handing it the same would not end."""
        return any(running == name for running, _ in self.running)

    def reach(self, name: str) -> set[str]:
        """A fragment, and all that it may call."""
        if name not in self._reach:
            found = self._reach[name] = {name}
            waiting = [name]
            while waiting:
                for use in self.units[waiting.pop()].uses:
                    if use.name not in found:
                        found.add(use.name)
                        waiting.append(use.name)
        return self._reach[name]


class _Frame:
    """One unit, analysed for what it is handed. `levels`: to which each name's data belongs;
    None for names whose values are small."""

    def __init__(self, whole: _Analysis, unit: ir.Unit, shares: Mapping[str, Share]) -> None:
        self.whole = whole
        self.unit = unit
        self.levels: dict[ir.Binding, int | None] = {}
        for name, binding in unit.params.items():
            share = shares[name]
            self.levels[binding] = None if share == "small" else (0 if share == "own" else _FAR)

    def node(self, node: ir.Node | None, level: int) -> _Flow:
        """What a node writes at a loop level."""
        if isinstance(node, ir.Leaf):
            return self._expr(node.expr, level)
        if isinstance(node, ir.Raw):
            return _Flow(literals=len(repr(node.value)))
        if isinstance(node, ir.Mapping):
            flow = _Flow()
            for entry in node.entries:
                flow.add(self.node(entry.node, level))
                flow.literals += len(entry.key) + 4 if isinstance(entry, ir.Entry) else 0
            return flow
        if isinstance(node, ir.Sequence):
            flow = _Flow()
            for item in node.items:
                flow.add(self.node(item, level))
            return flow
        if isinstance(node, ir.Spread):
            return self.node(node.node, level)
        if isinstance(node, ir.If):
            return self._one_of([node.then, node.other], level)
        if isinstance(node, ir.Switch):
            return self._one_of([*(branch for _, branch in node.cases), node.default], level)
        if isinstance(node, ir.For):
            return self._for(node, level)
        if isinstance(node, ir.Let):
            return self._let(node, level)
        if isinstance(node, ir.Use):
            return self._use(node, level)
        if isinstance(node, ir.Rest):
            return self._mention(node, node.binding, (_REST,), level)
        return _Flow()

    def _one_of(self, nodes: list[ir.Node | None], level: int) -> _Flow:
        flow = _Flow()
        for node in nodes:
            flow.either(self.node(node, level))
        return flow

    def _mention(
        self, writer: Any, binding: ir.Binding, keys: tuple[str, ...], level: int
    ) -> _Flow:
        if binding.kind in ("table", "const"):
            return _Flow(literals=len(repr(binding.value)))
        belongs = self.levels[binding]
        if belongs is None:
            return _Flow()
        if belongs < level:
            self.whole.far.add(id(writer))
            self.whole.marks += 1
            return _Flow()
        return _Flow({(binding, keys): 1})

    def _expr(self, expr: ir.Expr, level: int) -> _Flow:
        flow = _Flow()
        for part in _written(expr):
            if isinstance(part, ir.Const):
                flow.literals += len(str(part.value))
            else:
                flow.add(self._mention(part, part.binding, part.keys, level))
        return flow

    def _for(self, node: ir.For, level: int) -> _Flow:
        marks = self.whole.marks
        source = self.node(node.source, level)
        far = self.whole.marks > marks
        self.levels[node.name] = _FAR if far else level + 1
        if node.index is not None:
            self.levels[node.index] = None
        body = self.node(node.do, level + 1)
        body.literals = 0
        return body.replace(node.name, source, max(body.mentions(node.name), 1))

    def _let(self, node: ir.Let, level: int) -> _Flow:
        given: list[tuple[ir.Binding, _Flow]] = []
        for binding, value in node.names:
            marks = self.whole.marks
            flow = self.node(value, level)
            small = not flow.most() and flow.literals <= SMALL
            far = self.whole.marks > marks
            self.levels[binding] = _FAR if far else (None if small else level)
            given.append((binding, flow))
        flow = self.node(node.body, level)
        for binding, value_flow in reversed(given):
            flow = flow.replace(binding, value_flow, flow.mentions(binding))
        return flow

    def _use(self, node: ir.Use, level: int) -> _Flow:
        callee = self.whole.units[node.name]
        again = self.unit.fragment and self.unit.name in self.whole.reach(node.name)
        running = self.whole.is_running(node.name)
        shares: dict[str, Share] = {}
        handed: dict[str, _Flow] = {}
        for name in callee.params:
            argument = node.given.get(name)
            if argument is None:
                argument = ir.Leaf(ir.Path(node.inherited[name], ()), node.line)
            shares[name], handed[name] = self._argument(argument, level, running)
        mentions, literals = self.whole.unit(callee, shares)
        flow = _Flow(literals=literals)
        for name, times in mentions.items():
            if shares[name] == "own":
                flow.add(handed[name], times)
                if again:
                    flow.down |= handed[name].plain.keys()
        if again:
            flow.again, flow.plain = flow.most(), {}
        return flow

    def _argument(self, node: ir.Node, level: int, running: bool) -> tuple[Share, _Flow]:
        """What is handed to a fragment; if it is running, only what is smaller counts as own."""
        marks = self.whole.marks
        flow = self.node(node, level)
        if self.whole.marks > marks:
            return "far", _Flow()
        if not flow.plain and flow.literals <= SMALL:
            return "small", _Flow()
        if running and any(not keys and b.kind != "loop" for b, keys in flow.plain):
            return "far", _Flow()
        return "own", flow


def _written(expr: ir.Expr) -> list[Any]:
    """The paths and constants whose values may come out of an expression."""
    if isinstance(expr, (ir.Const, ir.Path)):
        return [expr]
    if isinstance(expr, (ir.Get, ir.Item)):
        return _written(expr.base)
    if isinstance(expr, ir.ListOf):
        return _all(expr.items)
    if isinstance(expr, ir.DictOf):
        return [ir.Const(key) for key, _ in expr.pairs] + _all([one for _, one in expr.pairs])
    if isinstance(expr, ir.Choose):
        return _all([expr.then] if expr.other is None else [expr.then, expr.other])
    if isinstance(expr, ir.Logic):
        return _all(expr.items)
    if isinstance(expr, ir.Arithmetic):
        return _all([expr.left, expr.right]) if expr.sign == "+" else []
    if isinstance(expr, ir.Text):
        return _all(expr.parts)
    if isinstance(expr, ir.Apply):
        return _all(expr.arguments)
    return []


def _all(exprs: list[ir.Expr]) -> list[Any]:
    return [part for expr in exprs for part in _written(expr)]


def literals(node: ir.Node | None) -> int:
    """About how many characters of its own a tree may write, loops and fragments once."""
    if isinstance(node, ir.Leaf):
        return sum(len(str(p.value)) for p in _written(node.expr) if isinstance(p, ir.Const))
    if isinstance(node, ir.Raw):
        return len(repr(node.value))
    if isinstance(node, ir.Mapping):
        keys = sum(len(entry.key) + 4 for entry in node.entries if isinstance(entry, ir.Entry))
        return keys + sum(literals(entry.node) for entry in node.entries)
    if isinstance(node, ir.Sequence):
        return sum(map(literals, node.items))
    if isinstance(node, ir.If):
        return max(literals(node.then), literals(node.other))
    if isinstance(node, ir.Switch):
        return max(map(literals, [*(branch for _, branch in node.cases), node.default]))
    if isinstance(node, ir.Let):
        return sum(literals(value) for _, value in node.names) + literals(node.body)
    if isinstance(node, ir.Spread):
        return literals(node.node)
    return 0
