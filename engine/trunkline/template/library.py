"""The templates of one document: compiled when first needed, checked whenever asked.

A `Library` holds what the templates of one dialect share: fragments, tables, constants and
filters. `compile` gives a `Template`; nothing is read before it is called, asked for its facts,
or checked, so that a dialect of which a process uses one section costs one section.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal

from trunkline.diagnostics import Diagnostic, sort
from trunkline.errors import ConfigError
from trunkline.template import ir
from trunkline.template.filters import FILTERS, Filter, as_filter
from trunkline.template.links import Links
from trunkline.template.load import Loader
from trunkline.template.places import Place, Report, Spot, check_text_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trunkline.config.source import Document, Path

__all__ = ["Library", "Mode", "Template", "compile_expression"]

Mode = Literal["write", "read", "serve", "path", "query", "headers", "base"]
"""What a template is for.

`read` and `serve` take values that they do not know as absent, for enumerations grow. In the
others what would be left out silently is an error. `path`, `query` and `headers` write text: in
the first two each hole is percent-encoded, in the last only printable ASCII passes.
"""

_BRACES: Final = re.compile(r"\{\{\s*|\s*\}\}")
_NOWHERE: Final = object()


class Template:
    """One compiled function. Call it with its parameters in order.

    It gives JSON, or `ABSENT`, and raises `Refusal`; `ConfigError` where what it was made from
    has errors that nobody asked about. What it is given is never changed; what it gives may
    share parts with it, so nobody may change that either.
    """

    __slots__ = ("_findings", "_function", "_library", "closed", "mode", "unit")

    def __init__(
        self, library: Library, unit: ir.Unit, mode: Mode, closed: Mapping[str, Iterable[str]]
    ) -> None:
        self._library = library
        self._findings: list[Diagnostic] | None = None
        self._function: Callable[..., Any] = self._prepared
        self.unit = unit
        self.mode = mode
        self.closed = closed

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __repr__(self) -> str:
        return f"<Template {self.unit.name}>"

    def _prepared(self, *arguments: Any) -> Any:
        return self.prepare()(*arguments)

    def prepare(self) -> Callable[..., Any]:
        """The Python function itself, compiled now if it was not yet: for hot paths.

        Raises `ConfigError` where there are errors.
        """
        if any(finding.severity == "error" for finding in self.check()):
            raise ConfigError(self.check())
        self._function = self._library.loader.function(self.unit)
        return self._function

    def check(self) -> list[Diagnostic]:
        """Every finding in this template and the fragments that it uses, by place."""
        if self._findings is None:
            links = self._library.links
            found = links.lint(self.unit, self.mode) + links.lint_closed(self.unit, self.closed)
            self._findings = sort(self._library.tables.found + found)
        return self._findings

    def reads(self, root: str) -> frozenset[str] | None:
        """The first-level fields of a parameter that are read, through fragments too.

        None where the parameter is used whole, or with `$rest`: then all of it is read.
        """
        self.check()
        binding = self.unit.params[root]
        fields, whole = self._library.links.fields(self.unit, binding)
        return None if whole or binding.rest else frozenset(fields)

    def unknown(self, closed: Mapping[str, Iterable[str]]) -> list[Diagnostic]:
        """Findings for fields of these parameters that they do not have."""
        self.check()
        return self._library.links.lint_closed(self.unit, closed)

    def paths(self, root: str) -> frozenset[tuple[str, ...]] | None:
        """Every path of a parameter that is read, through fragments too, with all that lead to
        it; None where the parameter is used whole, or with `$rest`."""
        if self.reads(root) is None:
            return None
        return frozenset(self._library.links.paths(self.unit, self.unit.params[root]))

    @property
    def source(self) -> str:
        """The Python that it became: for tests, and for whoever wonders."""
        self.check()
        return self._library.loader.source(self.unit)


class Library:
    """What all templates of one dialect share.

    `tables` are named constants, a mapping of text keys each: a path in the document, or a
    mapping. `fragments` is the path of named trees. Either path may lead nowhere. `filters` are
    added to the general ones, by name. `consts` are further names that every template sees.
    With `report`, each template's findings are added to it as the template is made.
    """

    def __init__(
        self,
        document: Document,
        *,
        tables: Path | Mapping[str, Any] = ("tables",),
        fragments: Path = ("fragments",),
        filters: Mapping[str, Callable[..., Any] | Filter] | None = None,
        consts: Mapping[str, Any] | None = None,
        report: list[Diagnostic] | None = None,
    ) -> None:
        self.document = document
        self.tables = Report()
        self._report = report
        self._templates: list[Template] = []
        added = {name: as_filter(name, one) for name, one in (filters or {}).items()}
        shared = {name: ir.Binding(name, "const", one) for name, one in (consts or {}).items()}
        shared.update(self._read_tables(tables))
        trees = document.get(fragments)
        known = trees if isinstance(trees, dict) else {}
        self.links = Links(document, {**FILTERS, **added}, shared, known, fragments)
        self.loader = Loader(self.links)

    def compile(
        self,
        path: Path,
        params: Iterable[str],
        mode: Mode = "read",
        *,
        closed: Mapping[str, Iterable[str]] | None = None,
        report: list[Diagnostic] | None = None,
    ) -> Template:
        """The tree at `path` as a function of `params`, in that order; absent if there is none.

        `closed` names parameters whose first-level fields are all known: another one is an
        error. With `report` (here or on the library), findings are added to it now; without,
        an error is raised as `ConfigError` by the first call.
        """
        return self._compile(self.document.get(path, _NOWHERE), path, params, mode, closed, report)

    def compile_text(
        self,
        text: str,
        path: Path,
        params: Iterable[str],
        mode: Mode = "read",
        *,
        closed: Mapping[str, Iterable[str]] | None = None,
        report: list[Diagnostic] | None = None,
    ) -> Template:
        """As `compile`, for text that does not stand in the document but is meant at `path`."""
        return self._compile(text, path, params, mode, closed, report)

    def compile_expression(
        self,
        path: Path,
        params: Iterable[str],
        *,
        closed: Mapping[str, Iterable[str]] | None = None,
        report: list[Diagnostic] | None = None,
    ) -> Template:
        """The scalar at `path` as a bare expression, where `{{ }}` would be a slip.

        YAML reads `when: true` as a boolean; it is taken as it was written.
        """
        value = self.document.get(path)
        text = value if isinstance(value, str) else self.document.raw(path) or ""
        unit = self._unit(path, params)

        def build(found: Report) -> ir.Node:
            place = Place(self.document, path, text)
            if "{{" in text:
                inside = _BRACES.sub("", text)
                message = "this is an expression already, without `{{ }}`"
                found.add("TL513", message, place.span, f"write `{inside}`")
                return ir.Leaf(ir.Nothing(), place.span.line)
            gate = self.links.builder(unit, found).gate
            expr = gate.expression(Spot(place, 0, text), ir.Scope(unit), guarded=True)
            return ir.Leaf(expr, place.span.line)

        return self._template(unit, build, "read", closed, report)

    def check_all(self) -> list[Diagnostic]:
        """Every finding in tables, all fragments, and all templates made so far, by place."""
        found = list(self.tables.found)
        for name in self.links.fragments:
            found += self.links.lint(self.links.fragment(name), "read")
        for template in self._templates:
            found += template.check()
        return sort(found)

    def _compile(
        self,
        value: Any,
        path: Path,
        params: Iterable[str],
        mode: Mode,
        closed: Mapping[str, Iterable[str]] | None,
        report: list[Diagnostic] | None,
    ) -> Template:
        unit = self._unit(path, params)

        def build(found: Report) -> ir.Node:
            if value is _NOWHERE:
                return ir.Leaf(ir.Nothing(), 1)
            return self.links.builder(unit, found, mode).build(value, path)

        return self._template(unit, build, mode, closed, report)

    def _unit(self, path: Path, params: Iterable[str]) -> ir.Unit:
        name = ".".join(map(str, path)) or "template"
        python = ir.python_name(f"template_{len(self._templates)}", name)
        unit = ir.Unit(name, python, self.document.span(path).file, False, self.links.shared)
        unit.params.update((param, ir.Binding(param, "param")) for param in params)
        return unit

    def _template(
        self,
        unit: ir.Unit,
        build: Callable[[Report], ir.Node],
        mode: Mode,
        closed: Mapping[str, Iterable[str]] | None,
        report: list[Diagnostic] | None,
    ) -> Template:
        unit.build = build
        template = Template(self, unit, mode, closed or {})
        self._templates.append(template)
        into = self._report if report is None else report
        if into is not None:
            into.extend([finding for finding in template.check() if finding not in into])
        return template

    def _read_tables(self, tables: Path | Mapping[str, Any]) -> dict[str, ir.Binding]:
        at = tables if isinstance(tables, tuple) else None
        values: Any = tables if at is None else self.document.get(at)
        found: dict[str, ir.Binding] = {}
        for name, table in values.items() if isinstance(values, dict) else ():
            if at is not None:
                self._check_table(table, (*at, name))
            found[name] = ir.Binding(name, "table", table if isinstance(table, dict) else {})
        return found

    def _check_table(self, table: Any, path: Path) -> None:
        if not isinstance(table, dict):
            message = f"the table `{path[-1]}` is not a mapping"
            self.tables.add("TL509", message, self.document.span(path), "write `key: value` lines")
            return
        for key in table:
            check_text_key(self.document, (*path, key), self.tables)


def compile_expression(
    document: Document,
    path: Path,
    params: Iterable[str],
    *,
    closed: Mapping[str, Iterable[str]] | None = None,
    filters: Mapping[str, Callable[..., Any] | Filter] | None = None,
    report: list[Diagnostic] | None = None,
) -> Template:
    """A bare expression of a document that has no templates else: `when:`, `key:`."""
    library = Library(document, filters=filters)
    return library.compile_expression(path, params, closed=closed, report=report)
