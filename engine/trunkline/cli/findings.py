"""Diagnostics of a route file that a verb cannot go on without."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.cli.terminal import coloured
from trunkline.diagnostics import render, unsilenced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trunkline.diagnostics import Diagnostic

__all__ = ["show"]


def show(diagnostics: Sequence[Diagnostic]) -> None:
    """Print findings to stderr, with the lines of source that they are about."""
    names = dict.fromkeys(one.span.file for one in diagnostics)
    files = {name: text for name in names if (text := _text(name)) is not None}
    found = unsilenced(diagnostics, files)
    sys.stderr.write(render(found, files, colour=coloured(sys.stderr)))


def _text(name: str) -> str | None:
    """A file as `trunkline.config.load` shows it; None for one that cannot be read again."""
    try:
        text = Path(name).read_bytes().decode("utf-8", "replace")
    except (OSError, ValueError):
        return None
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
