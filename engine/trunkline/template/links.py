"""Units and what binds them: fragments to their callers, names to fields, findings to both.

A fragment is read when something first uses it. Its parameters are its free names; one that it
only hands on to another fragment is its own as well, so they settle together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trunkline.diagnostics import Diagnostic, did_you_mean
from trunkline.template import ir
from trunkline.template.gate import Gate
from trunkline.template.places import Report
from trunkline.template.tree import Builder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trunkline.config.source import Document, Path
    from trunkline.template.filters import Filter

__all__ = ["LOWER", "Links"]

LOWER: Final = frozenset({"*"})
"""In place of the fields of a closed parameter: any that has no capital letter."""


class Links:
    """The units of one library, each read once. `fragments` are the trees by name."""

    def __init__(
        self,
        document: Document,
        filters: Mapping[str, Filter],
        shared: dict[str, ir.Binding],
        fragments: Mapping[str, Any],
        fragments_at: Path,
    ) -> None:
        self.document = document
        self.filters = filters
        self.shared = shared
        self.fragments = fragments
        self.fragments_at = fragments_at
        self.units: dict[str, ir.Unit] = {}
        self._reports: dict[ir.Unit, Report] = {}
        self._reached: dict[ir.Unit, list[ir.Unit]] = {}

    # Reading

    def builder(self, unit: ir.Unit, report: Report, mode: str = "read") -> Builder:
        """What builds a unit's tree."""
        gate = Gate(self.filters, report)
        return Builder(self.document, unit, gate, report, self.fragments, mode)

    def fragment(self, name: str) -> ir.Unit:
        """A fragment's unit, read now if nothing used it before."""
        unit = self.units.get(name)
        if unit is None:
            path = (*self.fragments_at, name)
            file = self.document.span(path).file
            python = ir.python_name(f"fragment_{len(self.units)}", name)
            unit = self.units[name] = ir.Unit(name, python, file, True, self.shared)
            tree = self.fragments[name]
            unit.build = lambda report: self.builder(unit, report).build(tree, path)
            self.report(unit)
        return unit

    def report(self, unit: ir.Unit) -> Report:
        """A unit's findings; its tree is made with them, once."""
        report = self._reports.get(unit)
        if report is None:
            report = self._reports[unit] = Report()
            assert unit.build is not None
            unit.body = unit.build(report)
        return report

    # Linking

    def reached(self, unit: ir.Unit) -> list[ir.Unit]:
        """The unit and every fragment it reaches, their parameters settled."""
        known = self._reached.get(unit)
        if known is not None:
            return known
        self.report(unit)
        found = [unit]
        for one in found:
            for use in one.uses:
                if (callee := self.fragment(use.name)) not in found:
                    found.append(callee)
        self._settle(found)
        self._reached[unit] = found
        for one in found:
            for use in one.uses:
                self._check_use(self.report(one), use)
        for one in found:
            self._check_rests(one)
        return found

    def _settle(self, units: list[ir.Unit]) -> None:
        before = -1
        while before != (before := sum(len(unit.params) for unit in units)):
            for unit in units:
                for use in unit.uses:
                    self._inherit(use)

    def _inherit(self, use: ir.Use) -> None:
        for param in self.units[use.name].params:
            if param not in use.given and param not in use.inherited:
                found = use.scope.find(param)
                if found is not None:
                    use.inherited[param] = found

    def _check_use(self, report: Report, use: ir.Use) -> None:
        callee = self.units[use.name]
        for param in callee.params:
            if param not in use.given and param not in use.inherited:
                message = f"the fragment `{use.name}` needs `{param}`, which is no name here"
                near = did_you_mean(param, use.scope.known())
                hint = f"if it means `{near}`, " if near else ""
                hint += f"add `with: {{{param}: …}}`"
                report.add("TL508", message, use.span, hint)
        for name in use.given:
            if name not in callee.params:
                message = f"the fragment `{use.name}` takes no `{name}`"
                near = did_you_mean(name, callee.params)
                hint = f"did you mean `{near}`?" if near else f"it takes {listed(callee.params)}"
                report.add("TL508", message, use.spans[name], hint)

    # Facts

    def fields(self, unit: ir.Unit, binding: ir.Binding) -> tuple[dict[str, ir.At], bool]:
        """The fields read of a binding, here and in fragments that it is handed to, each with
        where; and whether it is used whole somewhere."""
        return self._fields(unit, binding, set())

    def _fields(
        self, unit: ir.Unit, binding: ir.Binding, seen: set[ir.Binding]
    ) -> tuple[dict[str, ir.At], bool]:
        if binding in seen:
            return {}, False
        seen.add(binding)
        found, whole = dict(binding.fields), binding.wholes > 0
        for alias in binding.aliases:
            below, below_whole = self._fields(unit, alias, seen)
            found = {**below, **found}
            whole = whole or below_whole or alias.rest is not None
        for use in unit.uses:
            callee = self.units[use.name]
            for name, param in callee.params.items():
                given = ir.handed(use.given[name]) if name in use.given else None
                if binding is (given or use.inherited.get(name)):
                    below, below_whole = self._fields(callee, param, seen)
                    found = {**below, **found}
                    whole = whole or below_whole or param.rest is not None
        return found, whole

    def paths(self, unit: ir.Unit, binding: ir.Binding) -> set[tuple[str, ...]]:
        """Every path that is read of a binding, here and in fragments that it is handed to."""
        found: set[tuple[str, ...]] = set()
        handed, seen = [(unit, binding)], {binding}
        for one, at in handed:
            found.update(at.uses)
            handed.extend((one, alias) for alias in at.aliases if alias not in seen)
            seen.update(at.aliases)
            for use in one.uses:
                callee = self.units[use.name]
                for name, param in callee.params.items():
                    given = ir.handed(use.given[name]) if name in use.given else None
                    if at is (given or use.inherited.get(name)) and param not in seen:
                        seen.add(param)
                        handed.append((callee, param))
        return found

    # Findings that need both ends

    def lint(self, unit: ir.Unit, mode: str) -> list[Diagnostic]:
        """Every finding in a unit and what it reaches, as `mode` judges them."""
        found: list[Diagnostic] = []
        for one in self.reached(unit):
            found += self.report(one).found
            if mode not in ("read", "serve"):
                found += _silent_losses(one)
        return found

    def lint_closed(self, unit: ir.Unit, closed: Mapping[str, Iterable[str]]) -> list[Diagnostic]:
        """Fields that parameters do not have, though all that they have is known."""
        found = []
        for root in closed.keys() & unit.params.keys():
            allowed = sorted(closed[root])
            for field, at in self.fields(unit, unit.params[root])[0].items():
                if closed[root] is LOWER:
                    if field != field.lower():
                        hint = f"write `{root}['{field.lower()}']`: names are lower case there"
                        message = f"`{root}` never has `{field}`"
                        found.append(Diagnostic("TL505", "error", message, at(), hint))
                elif field not in allowed:
                    near = did_you_mean(field, allowed)
                    hint = f"did you mean `{near}`?" if near else f"it has {listed(allowed)}"
                    message = f"`{root}` has no `{field}`"
                    found.append(Diagnostic("TL505", "error", message, at(), hint))
        return found

    def _check_rests(self, unit: ir.Unit) -> None:
        for binding in dict.fromkeys(unit.rests):
            if binding.rest is not None and self.fields(unit, binding)[1]:
                message = f"`{binding.name}` is used whole as well, so nothing is the rest of it"
                self.report(unit).add("TL516", message, binding.rest, "read its fields one by one")


def _silent_losses(unit: ir.Unit) -> list[Diagnostic]:
    """In what writes, values that would be left out because nobody thought of them."""
    found = []
    for name, at in unit.misses:
        message = f"what the table `{name}` does not list would be left out silently"
        hint = f"add `or 'value'`, `or absent`, or `| required('{name} does not list it')`"
        found.append(Diagnostic("TL511", "error", message, at(), hint))
    for span in unit.open_switches:
        message = "what no case names would be left out silently"
        hint = 'add `default:`; "{{ absent }}" if that is meant'
        found.append(Diagnostic("TL510", "error", message, span, hint))
    return found


def listed(names: Iterable[str]) -> str:
    """Names in a sentence."""
    return ", ".join(f"`{name}`" for name in names) or "nothing"
