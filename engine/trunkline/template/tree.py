"""A YAML tree to directives: text with holes, mappings, lists, and which mappings are directives.

The words that are directives are in `directives.WORDS`; every other `$` key is data, itself.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from trunkline.diagnostics import did_you_mean
from trunkline.template import directives, ir
from trunkline.template.expressions import ExpressionError, Hole, split
from trunkline.template.outlets import OUTLETS
from trunkline.template.places import Place, Spot
from trunkline.template.runtime import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trunkline.config.source import Document, Path
    from trunkline.diagnostics import Span
    from trunkline.template.gate import Gate
    from trunkline.template.places import Report

__all__ = ["Builder", "Here"]

LARGEST: Final = 65_536
"""Characters of keys and text that one tree may have."""

_STATEMENT: Final = re.compile(r"\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_DATA_WORDS: Final = frozenset({"$ref", "$defs", "$id", "$schema", "$anchor", "$default"})


class Here(NamedTuple):
    """A place in a tree: its path in the document, the names seen from it, its line.

    `in_list`: what stands here becomes an item of a list, so `$spread` may splice.
    """

    path: Path
    scope: ir.Scope
    line: int
    in_list: bool


class Builder:
    """Builds the directives of one unit from its part of the document.

    `fragments` are the names that `$use` may have; `mode` is that of the template.
    """

    def __init__(
        self,
        document: Document,
        unit: ir.Unit,
        gate: Gate,
        report: Report,
        fragments: Mapping[str, Any],
        mode: str = "read",
    ) -> None:
        self.document = document
        self.unit = unit
        self.gate = gate
        self.report = report
        self.fragments = fragments
        self.outlet = OUTLETS.get(mode)
        self.depth = 0
        self.loops = 0
        self._size = 0
        self._line = document.span(()).line

    def build(self, value: Any, path: Path) -> ir.Node:
        """The tree at `path`, whose value is `value`."""
        node = self.node(value, path, ir.Scope(self.unit))
        if self._size > LARGEST:
            message = f"a template of more than {LARGEST} characters"
            self.error("TL514", message, self.document.span(path), "move parts of it to fragments")
        return node

    def error(self, code: str, message: str, span: Span, hint: str = "") -> ir.Node:
        """Report a finding; what stands in for the tree that has it."""
        self.report.add(code, message, span, hint)
        return ir.Leaf(ir.Nothing(), self._line)

    def line_of(self, path: Path) -> int:
        """The line in the unit's own file; parts merged in from elsewhere keep the last one."""
        span = self.document.span(path)
        if span.file == self.unit.file:
            self._line = span.line
        return self._line

    def grow(self, characters: int) -> None:
        """Count characters towards the largest size of a tree."""
        self._size += characters

    def node(self, value: Any, path: Path, scope: ir.Scope, in_list: bool = False) -> ir.Node:
        """The tree at `path`."""
        here = Here(path, scope, self.line_of(path), in_list)
        if self._size > LARGEST:
            return ir.Leaf(ir.Nothing(), here.line)
        if isinstance(value, str):
            return ir.Leaf(self.text(value, path, scope), here.line)
        if isinstance(value, dict):
            return self._mapping(value, here)
        if isinstance(value, list):
            items = [self.node(one, (*path, i), scope, True) for i, one in enumerate(value)]
            return ir.Sequence(items, here.line)
        return ir.Leaf(self._scalar(value), here.line)

    def _scalar(self, value: Any) -> ir.Expr:
        """A number, boolean or null, as text where only text can stand."""
        if self.outlet is None:
            return ir.Const(value)
        return ir.Nothing() if value is None else ir.Const(as_text(value))

    # Text

    def text(self, text: str, path: Path, scope: ir.Scope, guarded: bool = False) -> ir.Expr:
        """A text leaf. `guarded`: that it may be absent is provided for."""
        self.grow(len(text))
        if self._size > LARGEST:
            return ir.Nothing()
        if "{" not in text:
            return self._whole(ir.Const(text), text) if self.outlet else ir.Const(text)
        place = Place(self.document, path, text)
        try:
            pieces = split(text)
        except ExpressionError as error:
            self.report.add("TL500", error.message, place.at(error.offset, 2), error.hint)
            return ir.Nothing()
        if (found := _statement(text, pieces)) is not None:
            message = f"`{found[1][:2]} {found[1][-2:]}` is not part of templates"
            hint = "write `$if`, `$for` or `$let`; for the characters themselves `$raw`"
            self.report.add("TL504", message, place.at(found[0], len(found[1])), hint)
            return ir.Nothing()
        parts = [self._piece(piece, place, scope, guarded) for piece in pieces]
        if len(parts) == 1:
            return self._whole(parts[0], text)
        if all(isinstance(part, ir.Const) and part.value is not None for part in parts):
            return ir.Const("".join(as_text(p.value) for p in parts if isinstance(p, ir.Const)))
        return self._whole(ir.Text(parts), text)

    def _piece(self, piece: str | Hole, place: Place, scope: ir.Scope, guarded: bool) -> ir.Expr:
        """Text between holes, or a hole, encoded where the outlet wants holes encoded."""
        if isinstance(piece, str):
            return ir.Const(piece)
        offset, source = piece
        expr = self.gate.expression(Spot(place, offset, source), scope, guarded)
        if self.outlet is None or self.outlet.hole is None:
            return expr
        if isinstance(expr, ir.Apply) and expr.filter.name == "url_segment":
            expr = expr.arguments[0]
        return ir.Apply(self.outlet.hole, [expr, ir.Const(f"{{{{ {source.strip()} }}}}")])

    def _whole(self, expr: ir.Expr, written: str) -> ir.Expr:
        """A leaf through the check of the outlet that looks at whole texts."""
        if self.outlet is None or self.outlet.whole is None:
            return expr
        return ir.Apply(self.outlet.whole, [expr, ir.Const(written)])

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Where values are asked about, not written: no outlet."""
        outlet, self.outlet = self.outlet, None
        yield
        self.outlet = outlet

    # Mappings

    def _mapping(self, value: dict[str, Any], here: Here) -> ir.Node:
        for word in directives.WORDS:
            if word in value:
                return directives.build(self, word, value, here)
        if value.keys() == {"$spread"}:
            return directives.splice(self, value["$spread"], here)
        entries: list[ir.Entry | ir.Spread] = []
        taken: dict[str, str] = {}
        for key, item in value.items():
            path = (*here.path, key)
            if key == "$spread":
                entries += self._merged(item, path, here.scope)
                continue
            self.grow(len(key))
            self._check_key(key, path)
            name, when_empty = _suffix(key)
            if name in taken:
                message = f"`{taken[name]}` and `{key}` write the same key"
                self.error("TL506", message, self.document.key_span(path), "keep one of them")
            taken[name] = key
            line = self.line_of(path)
            entries.append(ir.Entry(name, when_empty, self.node(item, path, here.scope), line))
        return ir.Mapping(entries, here.line)

    def _merged(self, item: Any, path: Path, scope: ir.Scope) -> list[ir.Entry | ir.Spread]:
        """`$spread` beside other keys; a list there merges each of its items."""
        if not isinstance(item, list):
            return [ir.Spread(self.node(item, path, scope), self.line_of(path))]
        return [
            ir.Spread(self.node(one, (*path, i), scope), self.line_of((*path, i)))
            for i, one in enumerate(item)
        ]

    def _check_key(self, key: str, path: Path) -> None:
        if "{{" in key:
            span = self.document.key_span(path)
            self.error("TL512", "a key cannot be computed", span, "write it out")
        elif key.startswith("$") and key not in _DATA_WORDS:
            near = did_you_mean(key, [*directives.WORDS, "$spread"])
            if near is not None:
                message = f"`{key}` is data here, not a directive"
                hint = f"did you mean `{near}`?"
                self.report.add("TL515", message, self.document.key_span(path), hint, "warning")


def _suffix(key: str) -> tuple[str, Literal["keep", "leave", "drop"]]:
    if len(key) > 1 and key.endswith("~"):
        return key[:-1], "leave"
    if len(key) > 1 and key.endswith("!"):
        return key[:-1], "drop"
    return key, "keep"


def _statement(text: str, pieces: list[str | Hole]) -> tuple[int, str] | None:
    """A Jinja statement or comment outside of holes."""
    at = 0
    for piece in pieces:
        if isinstance(piece, str):
            start = text.index(piece, at)
            if (match := _STATEMENT.search(piece)) is not None:
                return start + match.start(), match[0]
            at = start + len(piece)
        else:
            at = piece[0] + len(piece[1]) + 2
    return None
