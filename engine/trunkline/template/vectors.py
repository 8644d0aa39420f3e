"""Vectors as wires write them: lists of numbers, or 32-bit little-endian floats in base64."""

from __future__ import annotations

import base64
import binascii
import sys
from array import array
from typing import Any

from trunkline.template.runtime import ABSENT

__all__ = ["base64_vector", "vector_base64"]


def base64_vector(value: Any) -> Any:
    """The numbers that base64 of 32-bit little-endian floats holds."""
    if not isinstance(value, str):
        return ABSENT
    floats = array("f")
    try:
        floats.frombytes(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        return ABSENT
    if sys.byteorder == "big":
        floats.byteswap()
    return floats.tolist()


def vector_base64(value: Any) -> Any:
    """Numbers as base64 of 32-bit little-endian floats."""
    try:
        floats = array("f", value if isinstance(value, list) else ())
    except (TypeError, OverflowError):
        return ABSENT
    if not floats:
        return ABSENT
    if sys.byteorder == "big":
        floats.byteswap()
    return base64.b64encode(floats.tobytes()).decode()
