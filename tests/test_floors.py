"""A module imports only from floors below its own. Rooms of one floor may lean on one another,
but never in a circle."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

FLOORS = [
    {"errors", "chat", "embeddings", "diagnostics", "patience", "ports", "price", "store"},
    {"codes", "config", "wire"},
    {"template"},
    {"dialect", "catalog", "auth"},
    {"policy"},
    {"graph"},
    {"compile", "lint"},
    {"transport", "state", "simulator", "runtime"},
    {"cli", "server", "testing", "explain", "simulate", "diff", "draw", "importers"},
    {"__init__", "__main__"},
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
PACKAGE = Path(__file__).parent.parent / "engine" / "trunkline"
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(module: Path) -> Iterator[tuple[int, str]]:
    """Line and room of every import of trunkline in a module, wherever it stands."""
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: relative import"
            parts = (node.module or "").split(".")
            if parts == ["trunkline"]:
                yield from (
                    (node.lineno, alias.name) for alias in node.names if alias.name in FLOOR
                )
            elif parts[0] == "trunkline":
                yield node.lineno, parts[1]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("trunkline."):
                    yield node.lineno, alias.name.split(".")[1]


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.relative_to(PACKAGE).as_posix())
def test_a_module_imports_nothing_from_a_floor_above(module: Path) -> None:
    room = room_of(module)
    assert room in FLOOR, f"{room} stands on no floor"
    for line, other in imported(module):
        assert FLOOR[other] <= FLOOR[room], (
            f"{module}:{line}: {room} (floor {FLOOR[room]}) imports {other} (floor {FLOOR[other]})"
        )


def test_rooms_lean_on_one_another_in_no_circle() -> None:
    leans: dict[str, set[str]] = {room: set() for room in FLOOR}
    for module in MODULES:
        leans[room_of(module)] |= {other for _, other in imported(module)}
    order = TopologicalSorter({room: on - {room} for room, on in leans.items() if room[0] != "_"})
    assert set(order.static_order())
