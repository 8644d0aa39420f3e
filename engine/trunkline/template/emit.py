"""Directives to the statements of one Python function.

Each node is written *into* something: returned, kept in a local, put under a key of a mapping
being built, added to a list being built. So `$if` and `$switch` become `if`, a mapping's absent
keys are never made, and nothing is built twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trunkline.template import ir
from trunkline.template.certain import never_absent, optional
from trunkline.template.growth import literals
from trunkline.template.into import Into, Keep, Onto, Putter, Return, Under
from trunkline.template.words import Source, Speaker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trunkline.template.variant import Variant

__all__ = ["write_function"]

_DEEPEST_LITERAL: Final = 6


class _Writer:
    """Writes one unit. `units` are the fragments that it may call."""

    def __init__(
        self,
        unit: ir.Unit,
        units: Mapping[str, ir.Unit],
        read: Callable[[ir.Unit, ir.Binding], frozenset[str]],
        variant: Variant,
    ) -> None:
        self.unit = unit
        self.variant = variant
        self.charged = variant.growth.charged
        self.units = units
        self.read = read
        handed = [binding for use in unit.uses for binding in use.inherited.values()]
        self.speak = Speaker({*handed, *unit.rests}, variant.growth)
        self._putter = Putter(self.speak, self.charged and not unit.fragment)
        self._loops = 0
        self._literal = 0

    def write(self) -> list[tuple[int, str, int]]:
        """The function as lines: how far indented, the text, the YAML line it belongs to."""
        speak, unit = self.speak, self.unit
        assert unit.body is not None
        name = self._function(unit)
        speak.line = unit.body.line
        names = [speak.name(binding) for binding in unit.params.values()]
        budget = self.variant.budgeted(unit)
        if unit.fragment:
            speak.say(f"def {name}({', '.join((['s'] if budget else []) + names)}):")
            speak.indent += 1
            if budget and (unit.uses or self.charged):
                self._spend(str(1 + (literals(unit.body) >> 3)))
            self.into(unit.body, Return())
        else:
            speak.say(f"def {name}({', '.join(names)}):")
            speak.indent += 1
            if budget:
                speak.say(f"s = [STEPS, ({''.join(f'{name}, ' for name in names)})]")
            with speak.block("try:"):
                self.into(unit.body, Return())
            with speak.block("except RecursionError:"):
                speak.say("raise Refusal(TOO_DEEP) from None")
        return speak.lines

    def _function(self, unit: ir.Unit) -> str:
        """A unit's name in Python; a fragment has one for each variant."""
        return unit.python + self.variant.suffix if unit.fragment else unit.python

    def _spend(self, steps: str) -> None:
        self.speak.say(f"s[0] -= {steps}")
        self.speak.say("if s[0] < 0: overspent(s)")

    # Nodes

    def into(self, node: ir.Node, into: Into) -> None:
        """Statements that write a node into its place."""
        self.speak.line = node.line
        writer = _WRITERS.get(type(node))
        if writer is not None:
            writer(self, node, into)
        else:
            leave = isinstance(into, Under) and into.leave
            self._putter.put(self.value(node, loose=leave), into)

    def value(self, node: ir.Node, loose: bool = False) -> Source:
        """A node as an expression, after the statements that it takes."""
        self.speak.line = node.line
        if isinstance(node, ir.Leaf):
            return self.speak.expr(node.expr, loose)
        if isinstance(node, ir.Raw):
            return Source(repr(node.value), False)
        if isinstance(node, ir.Use):
            return self._call(node)
        if isinstance(node, ir.Rest):
            read = sorted({*self.read(self.unit, node.binding), *node.but})
            fields = f"frozenset({tuple(read)!r})" if read else "frozenset()"
            text = f"rest({self.speak.name(node.binding)}, {fields})"
            far = id(node) in self.variant.growth.far
            return Source(f"far(s, {text})" if far else text)
        if isinstance(node, ir.Spread):
            return self.value(node.node, loose)
        if isinstance(node, (ir.Mapping, ir.Sequence)) and (found := self._plain(node)):
            return found
        held = self.speak.new("v")
        self.into(node, Keep(held))
        return Source(held, True, True)

    def _plain(self, node: ir.Mapping | ir.Sequence) -> Source | None:
        """A mapping or list of which nothing can be absent, as a literal."""
        if self._literal >= _DEEPEST_LITERAL or not never_absent(node):
            return None
        self._literal += 1
        if isinstance(node, ir.Sequence):
            text = f"[{', '.join(self.value(item).text for item in node.items)}]"
            full = bool(node.items)
        else:
            full = bool(node.entries)
            fields = [
                f"{entry.key!r}: {self.value(entry.node).text}"
                for entry in node.entries
                if isinstance(entry, ir.Entry)
            ]
            text = f"{{{', '.join(fields)}}}"
        self._literal -= 1
        return Source(text, False, full=full)

    def _call(self, node: ir.Use) -> Source:
        callee = self.units[node.name]
        arguments = ["s"] if self.variant.budgeted(callee) else []
        for param in callee.params:
            if param in node.given:
                arguments.append(self.value(node.given[param]).text)
            else:
                arguments.append(self.speak.name(node.inherited[param]))
        return Source(f"{self._function(callee)}({', '.join(arguments)})")

    def _mapping(self, node: ir.Mapping, into: Into) -> None:
        if (found := self._plain(node)) is not None:
            self._putter.put(found, into)
            return
        dropping = [
            entry
            for entry in node.entries
            if isinstance(entry, ir.Entry) and entry.when_empty == "drop"
        ]
        self._dropping(node, dropping, {}, into)

    def _dropping(
        self,
        node: ir.Mapping,
        waiting: list[ir.Entry],
        known: dict[str, Source],
        into: Into,
    ) -> None:
        """What must not be empty first; only if none of it is, the mapping."""
        if not waiting:
            self._fields(node, known, into)
            return
        entry, *others = waiting
        value = self.value(entry.node, loose=True)
        held = value.text
        if not value.atom:
            held = self.speak.new(entry.key)
            self.speak.say(f"{held} = {value.text}")
        with self.speak.block(f"if {held} or {held} == 0:"):
            self._dropping(node, others, {**known, entry.key: Source(held, False, True)}, into)
        self._otherwise(into)

    def _otherwise(self, into: Into) -> None:
        """After an `if` that wrote into the place: what holds if it was not taken."""
        if isinstance(into, Return):
            self._putter.nothing(into)
        elif isinstance(into, Keep):
            with self.speak.block("else:"):
                self._putter.nothing(into)

    def _fields(self, node: ir.Mapping, known: dict[str, Source], into: Into) -> None:
        """A mapping, key by key; those that surely come first stand in its literal."""
        if (found := self._at_once(node, known)) is not None:
            conditions, literal = found
            with self.speak.block(f"if {' and '.join(conditions)}:"):
                self._putter.put(Source(literal, False, full=True), into)
            if isinstance(into, Return):
                self._key_by_key(node, known, into)
            else:
                with self.speak.block("else:"):
                    self._key_by_key(node, known, into)
        else:
            self._key_by_key(node, known, into)

    def _at_once(self, node: ir.Mapping, known: dict[str, Source]) -> tuple[list[str], str] | None:
        """A mapping as one literal, for when everything in it is there: the conditions for that.

        Worth it where few fields are optional, for then they are mostly there.
        """
        conditions: list[str] = []
        fields: list[str] = []
        if optional(node, known) not in (1, 2):
            return None
        for entry in node.entries:
            assert isinstance(entry, ir.Entry)
            if entry.key in known:
                value = known[entry.key].text
            elif isinstance(entry.node, ir.Mapping) and not never_absent(entry.node):
                if (inner := self._at_once(entry.node, {})) is None:
                    return None
                conditions += inner[0]
                value = inner[1]
            elif never_absent(entry.node):
                value = self.value(entry.node).text
            else:
                assert isinstance(entry.node, ir.Leaf)
                if (found := self.speak.field(entry.node.expr)) is None:
                    return None
                conditions.append(found[0])
                value = found[1]
            fields.append(f"{entry.key!r}: {value}")
        return conditions, f"{{{', '.join(fields)}}}"

    def _key_by_key(self, node: ir.Mapping, known: dict[str, Source], into: Into) -> None:
        entries = list(node.entries)
        first: list[str] = []
        while entries and isinstance(entry := entries[0], ir.Entry):
            if entry.key in known:
                first.append(f"{entry.key!r}: {known[entry.key].text}")
            elif entry.when_empty == "keep" and never_absent(entry.node):
                first.append(f"{entry.key!r}: {self.value(entry.node).text}")
            else:
                break
            entries.pop(0)
        held = into.name if isinstance(into, Keep) else self.speak.new("m")
        self.speak.say(f"{held} = {{{', '.join(first)}}}")
        for entry in entries:
            self.speak.line = entry.line
            if isinstance(entry, ir.Spread):
                found, test = self._putter.when("dict", self.value(entry.node))
                self.speak.say(f"if {test}: {held}.update({found})")
            elif entry.key in known:
                self._putter.put(known[entry.key], Under(held, entry.key, False))
            else:
                self.into(entry.node, Under(held, entry.key, entry.when_empty == "leave"))
        if not isinstance(into, Keep):
            self._putter.put(Source(held, False, True, full=bool(first)), into)

    def _sequence(self, node: ir.Sequence, into: Into) -> None:
        if isinstance(into, Onto) and into.splice:
            for item in node.items:
                self.into(item, Onto(into.sequence, splice=False))
            return
        if (found := self._plain(node)) is not None:
            self._putter.put(found, into)
            return
        items = list(node.items)
        first: list[str] = []
        while items and never_absent(items[0]):
            first.append(self.value(items.pop(0)).text)
        held = self.speak.new("items")
        self.speak.say(f"{held} = [{', '.join(first)}]")
        for item in items:
            self.into(item, Onto(held, splice=False))
        self._putter.put(Source(held, False, True, full=bool(first)), into)

    def _spread(self, node: ir.Spread, into: Into) -> None:
        if isinstance(into, Onto):
            self.into(node.node, Onto(into.sequence, splice=True))
        else:
            self.into(node.node, into)

    def _if(self, node: ir.If, into: Into) -> None:
        test = self.value(node.test, loose=True).text
        if node.then is None:
            with self.speak.block(f"if not {test}:"):
                self._branch(node.other, into)
            self._otherwise(into)
            return
        with self.speak.block(f"if {test}:"):
            self._branch(node.then, into)
        if node.other is None:
            self._otherwise(into)
        elif isinstance(into, Return):
            self._branch(node.other, into)
        else:
            with self.speak.block("else:"):
                self._branch(node.other, into)

    def _branch(self, node: ir.Node | None, into: Into) -> None:
        if node is None:
            self._putter.nothing(into)
        else:
            self.into(node, into)

    def _switch(self, node: ir.Switch, into: Into) -> None:
        subject = self.value(node.subject, loose=True)
        held = subject.text
        if not subject.atom:
            held = self.speak.new("case")
            self.speak.say(f"{held} = {subject.text}")
        if node.by_key:
            found = self.speak.new("case")
            self.speak.say(f"{found} = {held} if isinstance({held}, dict) else E")
            held = found
        self._cases(node, held, into)
        if isinstance(into, Return):
            self._branch(node.default, into)

    def _cases(self, node: ir.Switch, held: str, into: Into) -> None:
        """An `if` chain. Where branches return, what is after it is the default."""
        returns = isinstance(into, Return)
        word = "if"
        for names, branch in node.cases:
            if node.by_key:
                test = " or ".join(f"{name!r} in {held}" for name in names)
            elif len(names) == 1:
                test = f"{held} == {names[0]!r}"
            else:
                test = f"{held} in {tuple(names)!r}"
            self.speak.line = branch.line
            with self.speak.block(f"{word} {test}:"):
                self.into(branch, into)
            word = "if" if returns else "elif"
        if not returns:
            if word == "if":
                self._branch(node.default, into)
            else:
                with self.speak.block("else:"):
                    self._branch(node.default, into)

    def _for(self, node: ir.For, into: Into) -> None:
        source = self.value(node.source, loose=True)
        held = source.text
        if not source.atom:
            held = self.speak.new("source")
            self.speak.say(f"{held} = {source.text}")
        with self.speak.block(f"if isinstance({held}, list):"):
            steps = 1 + (literals(node.do) >> 3)
            if self.variant.counts(self.unit, node, self._loops > 0):
                self._spend(f"len({held}) * {steps}" if steps > 1 else f"len({held})")
            if isinstance(into, Onto) and into.splice:
                self._loop(node, held, into.sequence)
            else:
                items = self.speak.new("items")
                self.speak.say(f"{items} = []")
                self._loop(node, held, items)
                self.speak.line = node.line
                self._putter.put(Source(items, False, True), into)
        self._otherwise(into)

    def _loop(self, node: ir.For, source: str, items: str) -> None:
        name = self.speak.name(node.name)
        if node.index is None:
            head = f"for {name} in {source}:"
        else:
            head = f"for {self.speak.name(node.index)}, {name} in enumerate({source}):"
        self._loops += 1
        with self.speak.block(head):
            if node.when is None:
                self.into(node.do, Onto(items, splice=False))
            else:
                test = self.value(node.when, loose=True).text
                with self.speak.block(f"if {test}:"):
                    self.into(node.do, Onto(items, splice=False))
        self._loops -= 1

    def _let(self, node: ir.Let, into: Into) -> None:
        for binding, given in node.names:
            self.speak.line = given.line
            if isinstance(given, ir.Leaf):
                value = self.speak.expr(given.expr)
                binding.maybe_absent = value.absent
                self.speak.say(f"{self.speak.name(binding)} = {value.text}")
            else:
                self.into(given, Keep(self.speak.name(binding)))
        self.into(node.body, into)

    def _refuse(self, node: ir.Refuse, into: Into) -> None:
        self.speak.say(f"raise Refusal({self.speak.sentence(node.message)})")


_WRITERS: Final[dict[type, Callable[[_Writer, Any, Into], None]]] = {
    ir.Mapping: _Writer._mapping,
    ir.Sequence: _Writer._sequence,
    ir.Spread: _Writer._spread,
    ir.If: _Writer._if,
    ir.Switch: _Writer._switch,
    ir.For: _Writer._for,
    ir.Let: _Writer._let,
    ir.Refuse: _Writer._refuse,
}


def write_function(
    unit: ir.Unit,
    units: Mapping[str, ir.Unit],
    read: Callable[[ir.Unit, ir.Binding], frozenset[str]],
    variant: Variant,
) -> list[tuple[int, str, int]]:
    """The lines of the Python function that does what `unit` says: how far each is indented,
    its text, and the YAML line that it belongs to.

    `units` are the fragments by name, `read` says which fields of a name are read.
    """
    return _Writer(unit, units, read, variant).write()
