"""Weights as whole numbers in the same proportion: shares are exact, so 0.1 is a tenth."""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["whole_weights"]


def whole_weights(said: Sequence[float | None]) -> tuple[int, ...]:
    """The weights that were written, 1 where nothing was, without fractions."""
    exact = [Fraction(str(1 if weight is None else weight)) for weight in said]
    scale = lcm(*(weight.denominator for weight in exact))
    return tuple(int(weight * scale) for weight in exact)
