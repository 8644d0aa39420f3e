"""The graph of a plan as a picture: Mermaid, Graphviz DOT, or plain JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from trunkline.graph import Balance, Cache, Fallback, Hedge, Mirror, Switch, Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.compile import Plan, Route
    from trunkline.graph import Node

__all__ = ["FORMATS", "Drawing", "Edge", "Shape", "draw"]


@dataclass(frozen=True, slots=True)
class Shape:
    """One thing in the picture: a route or a node. `id` is its place in the route file."""

    id: str
    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow; `label` says when or how often it is taken."""

    start: str
    end: str
    label: str = ""


@dataclass(slots=True)
class Drawing:
    """Shapes and arrows, in the order of the route file. A named node is there once."""

    shapes: list[Shape] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)


def draw(plan: Plan, form: str = "mermaid", *, route: str | None = None) -> str:
    """The graph of all routes, or of the one called `route`, in one of `FORMATS`.

    Raises `KeyError` for a route or a form that is not there.
    """
    routes = [one for one in plan.routes if route is None or one.name == route]
    if route is not None and not routes:
        raise KeyError(route)
    return FORMATS[form](_drawing(routes))


def _drawing(routes: list[Route]) -> Drawing:
    drawing, seen = Drawing(), set[str]()
    for route in routes:
        drawing.shapes.append(Shape(route.id, "route", _title(route)))
        drawing.edges.append(Edge(route.id, route.to.id))
        _add(drawing, route.to, seen)
    return drawing


def _title(route: Route) -> str:
    title = ", ".join(route.patterns)
    if route.when_text:
        title += f" when {route.when_text}"
    return title if route.name in (route.id, title) else f"{route.name}: {title}"


def _add(drawing: Drawing, node: Node, seen: set[str]) -> None:
    if node.id in seen:
        return
    seen.add(node.id)
    kind = type(node).__name__.lower()
    drawing.shapes.append(Shape(node.id, kind, _label(node)))
    below = (*node.children, node.to) if isinstance(node, Mirror) else node.children
    for child, label in zip(below, _arrows(node), strict=True):
        drawing.edges.append(Edge(node.id, child.id, label))
        _add(drawing, child, seen)


def _label(node: Node) -> str:
    if isinstance(node, Target):
        return node.leaf
    named = getattr(node, "name", "") or _declared(node.id)
    what = type(node).__name__.lower()
    if isinstance(node, Balance):
        what = f"balance ({node.by})"
    elif isinstance(node, Hedge):
        what = f"hedge ({'auto' if node.after is None else f'after {node.after:g} s'})"
    elif isinstance(node, Cache):
        what = f"cache ({node.ttl:g} s)"
    return f"{named}: {what}" if named else what


def _declared(node_id: str) -> str:
    """The name of a node that is an entry of `targets`."""
    name = node_id.removeprefix("targets.")
    return name if name != node_id and "[" not in name and not _within(name) else ""


def _within(name: str) -> bool:
    return any(f".{kind}." in name for kind in _BRACKETS.keys() - {"route", "target"})


def _arrows(node: Node) -> list[str]:
    """What stands at the arrows to a node's children, in their order."""
    if isinstance(node, Fallback):
        return [str(number + 1) for number in range(len(node.members))]
    if isinstance(node, Switch):
        return [arm.text or "otherwise" for arm in node.arms]
    if isinstance(node, Balance):
        if node.by != "weighted":
            return [""] * len(node.members)
        total = sum(node.weights)
        return [f"{100 * weight / total:.4g}%" for weight in node.weights]
    if isinstance(node, Mirror):
        return ["", f"copies {100 * node.sample:.4g}%"]
    return [""] * len(node.children)


def _mermaid(drawing: Drawing) -> str:
    """A flowchart: https://mermaid.js.org/syntax/flowchart.html"""
    short = {shape.id: f"n{number}" for number, shape in enumerate(drawing.shapes)}
    lines = ["flowchart LR"]
    for shape in drawing.shapes:
        begin, end = _BRACKETS[shape.kind]
        lines.append(f'  {short[shape.id]}{begin}"{_mermaid_text(shape.label)}"{end}')
    for edge in drawing.edges:
        label = f'|"{_mermaid_text(edge.label)}"|' if edge.label else ""
        lines.append(f"  {short[edge.start]} -->{label} {short[edge.end]}")
    return "\n".join(lines) + "\n"


_BRACKETS: Final = {
    "route": ("([", "])"),
    "fallback": ("[[", "]]"),
    "balance": ("{{", "}}"),
    "switch": ("{", "}"),
    "hedge": ("[/", "/]"),
    "cache": ("[(", ")]"),
    "mirror": (">", "]"),
    "target": ("[", "]"),
}


def _mermaid_text(text: str) -> str:
    """Text in quotes, where Mermaid reads entities by `#`: every sign that it could take for
    its own, or for HTML, becomes one."""
    return "".join(f"#{ord(char)};" if char in _MERMAID_SIGNS else char for char in _line(text))


_MERMAID_SIGNS: Final = frozenset('"#<>&;`\\|')


def _dot(drawing: Drawing) -> str:
    """Graphviz: https://graphviz.org/doc/info/lang.html"""
    lines = ["digraph trunkline {", "  rankdir=LR;", '  node [fontname="sans-serif"];']
    for shape in drawing.shapes:
        form = _DOT_SHAPES[shape.kind]
        lines.append(f"  {_quoted(shape.id)} [label={_quoted(shape.label)}, shape={form}];")
    for edge in drawing.edges:
        label = f" [label={_quoted(edge.label)}]" if edge.label else ""
        lines.append(f"  {_quoted(edge.start)} -> {_quoted(edge.end)}{label};")
    return "\n".join([*lines, "}"]) + "\n"


_DOT_SHAPES: Final = {
    "route": "oval",
    "fallback": "component",
    "balance": "hexagon",
    "switch": "diamond",
    "hedge": "parallelogram",
    "cache": "cylinder",
    "mirror": "cds",
    "target": "box",
}


def _quoted(text: str) -> str:
    return '"' + _line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _line(text: str) -> str:
    return " ".join(text.split())


def _json(drawing: Drawing) -> str:
    whole: dict[str, Any] = {
        "nodes": [{"id": s.id, "kind": s.kind, "label": s.label} for s in drawing.shapes],
        "edges": [
            {"from": e.start, "to": e.end, **({"label": e.label} if e.label else {})}
            for e in drawing.edges
        ],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


FORMATS: Final[dict[str, Callable[[Drawing], str]]] = {
    "mermaid": _mermaid,
    "dot": _dot,
    "json": _json,
}
"""The forms that a graph can be drawn in."""
