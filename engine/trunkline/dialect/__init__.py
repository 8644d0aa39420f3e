"""Wire languages as data: a dialect file, compiled, reads and writes one provider's wire."""

from __future__ import annotations

from trunkline.dialect.block import Step
from trunkline.dialect.blocks import StreamWriter
from trunkline.dialect.check import check_request
from trunkline.dialect.classify import Failure
from trunkline.dialect.dialect import Dialect, Rendered, failure_of
from trunkline.dialect.fold import Fold
from trunkline.dialect.load import load_dialect
from trunkline.dialect.paths import PathPattern
from trunkline.dialect.reader import StreamReader
from trunkline.dialect.serving import Door

__all__ = [
    "Dialect",
    "Door",
    "Failure",
    "Fold",
    "PathPattern",
    "Rendered",
    "Step",
    "StreamReader",
    "StreamWriter",
    "check_request",
    "failure_of",
    "load_dialect",
]
