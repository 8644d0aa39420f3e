"""What the runs of a template count, and so which of its functions count it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.template.growth import literals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.template import ir
    from trunkline.template.growth import Growth

__all__ = ["Variant"]


class Variant:
    """One way to compile the units of a template: what its runs count.

    Steps are counted where the template's own size and its input's do not bound them already:
    in loops in loops, loops that write much of their own, and fragments that loop or call.
    """

    def __init__(self, growth: Growth, units: Mapping[str, ir.Unit], suffix: str) -> None:
        self.growth = growth
        self.suffix = suffix
        self._units = units
        self._budgeted: dict[ir.Unit, bool] = {}

    def budgeted(self, unit: ir.Unit) -> bool:
        """Whether a unit has steps to count, of its own or of what it calls."""
        known = self._budgeted.get(unit)
        if known is None:
            self._budgeted[unit] = True
            loops = any(self.counts(unit, loop, nested) for loop, nested in unit.loops)
            own = self.growth.charged or bool(self.growth.far) or loops
            own = own or (unit.fragment and bool(unit.uses))
            called = any(self.budgeted(self._units[use.name]) for use in unit.uses)
            known = self._budgeted[unit] = own or called
        return known

    def counts(self, unit: ir.Unit, loop: ir.For, nested: bool) -> bool:
        """Whether the rounds of a loop are counted."""
        return self.growth.charged or unit.fragment or nested or literals(loop.do) >= 64
