"""Units to Python functions in one namespace, with lines that point into the YAML.

The namespace has no builtins but the few types that the code tests for. A traceback names the
YAML file and line, and shows the line, because code is compiled under the document's name.
"""

from __future__ import annotations

import ast
import linecache
from typing import TYPE_CHECKING, Any, Final

from trunkline.template import runtime
from trunkline.template.emit import write_function
from trunkline.template.outlets import OUTLETS

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.template import ir
    from trunkline.template.links import Links

__all__ = ["Loader"]

_BUILTINS: Final[dict[str, Any]] = {
    "RecursionError": RecursionError,
    "bool": bool,
    "dict": dict,
    "enumerate": enumerate,
    "frozenset": frozenset,
    "isinstance": isinstance,
    "len": len,
    "list": list,
    "str": str,
}
_HELPERS: Final[dict[str, Any]] = {
    "__builtins__": _BUILTINS,
    "A": runtime.ABSENT,
    "E": runtime.EMPTY,
    "STEPS": runtime.STEPS,
    "TOO_DEEP": runtime.TOO_DEEP,
    **{
        function.__name__: function
        for function in (
            runtime.Refusal,
            runtime.add,
            runtime.at_most,
            runtime.divide,
            runtime.divide_down,
            runtime.is_number,
            runtime.item,
            runtime.less,
            runtime.multiply,
            runtime.negate,
            runtime.overspent,
            runtime.refuse,
            runtime.rest,
            runtime.same,
            runtime.sentence,
            runtime.some_fields,
            runtime.some_items,
            runtime.subtract,
            runtime.text,
            runtime.within,
        )
    },
    **{
        f"filter_{one.name}": one.function
        for outlet in OUTLETS.values()
        for one in outlet
        if one is not None
    },
}


class Loader:
    """Compiles the units of one library as they are asked for."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._budgeted: dict[ir.Unit, bool] = {}
        self._loaded: set[ir.Unit] = set()
        self._globals = {
            **_HELPERS,
            **{f"filter_{name}": known.function for name, known in links.filters.items()},
            **{f"{one.kind}_{name}": one.value for name, one in links.shared.items()},
        }

    def function(self, unit: ir.Unit) -> Callable[..., Any]:
        """A unit's function; the fragments that it calls are compiled with it."""
        for one in self._links.reached(unit):
            if one not in self._loaded:
                self._load(one)
                self._loaded.add(one)
        return self._globals[unit.python]  # type: ignore[no-any-return]

    def source(self, unit: ir.Unit) -> str:
        """A unit's Python."""
        self._links.reached(unit)
        return "".join(f"{'    ' * indent}{text}\n" for indent, text, _ in self._lines(unit))

    def budgeted(self, unit: ir.Unit) -> bool:
        """Whether a unit counts its steps.

        What a template can do is bounded by its own size and its input's, except where loops
        stand in loops or in fragments, or fragments call fragments: those count.
        """
        known = self._budgeted.get(unit)
        if known is None:
            self._budgeted[unit] = True
            called = any(self.budgeted(self._links.units[use.name]) for use in unit.uses)
            own = unit.loops or bool(unit.uses) if unit.fragment else unit.nested
            known = self._budgeted[unit] = own or called
        return known

    def _read(self, unit: ir.Unit, binding: ir.Binding) -> frozenset[str]:
        return frozenset(self._links.fields(unit, binding)[0])

    def _lines(self, unit: ir.Unit) -> list[tuple[int, str, int]]:
        return write_function(unit, self._links.units, self.budgeted, self._read)

    def _load(self, unit: ir.Unit) -> None:
        lines = self._lines(unit)
        tree = ast.parse("".join(f"{' ' * indent}{text}\n" for indent, text, _ in lines))
        for node in ast.walk(tree):
            if isinstance(node, (ast.expr, ast.stmt, ast.excepthandler, ast.arg, ast.keyword)):
                node.lineno = node.end_lineno = lines[node.lineno - 1][2]
                node.col_offset = node.end_col_offset = -1
        _show_in_tracebacks(self._links.document.files.get(unit.file), unit.file)
        exec(compile(tree, unit.file, "exec"), self._globals)


def _show_in_tracebacks(text: str | None, file: str) -> None:
    """Let tracebacks show the YAML line: the file as it was read, whatever is on disk by now."""
    if text is not None:
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
