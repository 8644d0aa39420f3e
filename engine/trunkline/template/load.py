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
from trunkline.template.growth import Growth, growth_of
from trunkline.template.outlets import OUTLETS
from trunkline.template.variant import Variant

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
            runtime.bounded,
            runtime.divide,
            runtime.divide_down,
            runtime.far,
            runtime.is_number,
            runtime.item,
            runtime.less,
            runtime.multiply,
            runtime.negate,
            runtime.overspent,
            runtime.paid,
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
        self._variants: dict[Growth, Variant] = {}
        self._loaded: set[tuple[ir.Unit, Variant]] = set()
        self._globals = {
            **_HELPERS,
            **{f"filter_{name}": known.function for name, known in links.filters.items()},
            **{f"{one.kind}_{name}": one.value for name, one in links.shared.items()},
        }

    def function(self, unit: ir.Unit) -> Callable[..., Any]:
        """A unit's function; the fragments that it calls are compiled with it."""
        variant = self.variant(unit)
        for one in self._links.reached(unit):
            if (one, variant) not in self._loaded:
                self._load(one, variant)
                self._loaded.add((one, variant))
        return self._globals[unit.python]  # type: ignore[no-any-return]

    def source(self, unit: ir.Unit) -> str:
        """A template's Python, with the fragments that it reaches."""
        variant = self.variant(unit)
        lines = [line for one in self._links.reached(unit) for line in self._lines(one, variant)]
        return "".join(f"{'    ' * indent}{text}\n" for indent, text, _ in lines)

    def variant(self, unit: ir.Unit) -> Variant:
        """What a template counts; templates that count the same share their fragments."""
        self._links.reached(unit)
        growth = growth_of(unit, self._links.units)
        if growth not in self._variants:
            suffix = f"_{len(self._variants)}" if growth.charged or growth.far else ""
            self._variants[growth] = Variant(growth, self._links.units, suffix)
        return self._variants[growth]

    def _read(self, unit: ir.Unit, binding: ir.Binding) -> frozenset[str]:
        return frozenset(self._links.fields(unit, binding)[0])

    def _lines(self, unit: ir.Unit, variant: Variant) -> list[tuple[int, str, int]]:
        return write_function(unit, self._links.units, self._read, variant)

    def _load(self, unit: ir.Unit, variant: Variant) -> None:
        lines = self._lines(unit, variant)
        tree = ast.parse("".join(f"{' ' * indent}{text}\n" for indent, text, _ in lines))
        _move(tree, [line for _, _, line in lines])
        _show_in_tracebacks(self._links.document.files.get(unit.file), unit.file)
        exec(compile(tree, unit.file, "exec"), self._globals)


def _move(tree: ast.AST, lines: list[int]) -> None:
    """Set every node's line from that of our text to that of the YAML; columns mean nothing."""
    waiting: list[Any] = [tree]
    while waiting:
        node = waiting.pop()
        parts = vars(node)
        if "lineno" in parts:
            node.lineno = node.end_lineno = lines[node.lineno - 1]
            node.col_offset = node.end_col_offset = -1
        for part in parts.values():
            if isinstance(part, ast.AST):
                waiting.append(part)
            elif isinstance(part, list):
                waiting += [one for one in part if isinstance(one, ast.AST)]


def _show_in_tracebacks(text: str | None, file: str) -> None:
    """Let tracebacks show the YAML line of files that are not on disk under that name."""
    if text is not None:
        linecache.cache[file] = (lambda: text,)
