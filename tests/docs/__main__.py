"""Writes what commands print now into the pages that show it: `python -m tests.docs [PAGE]...`.

Look at the difference before you commit it. What is shown with `...` and still true stays as it is.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.docs.blocks import PAGES, blocks
from tests.docs.performing import Performance

if TYPE_CHECKING:
    from tests.docs.blocks import Block


class Correction(Performance):
    """Notes what is shown and not printed, instead of failing."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[tuple[Block, str, str]] = []

    def differs(self, block: Block, command: str, shown: str, printed: str) -> None:
        """Note what is to be replaced, and by what."""
        lines = printed.replace(self.port, "8080").strip("\n").splitlines()
        now = "".join(f"{line.rstrip()}\n" for line in lines)
        above = f"$ {command}\n" if block.kind == "console" else ""
        below = shown[len(shown.rstrip("\n")) + 1 :]
        self.wrong.append((block, above + shown, above + now + below))


def correct(page: Path) -> None:
    """Perform the page and write it again."""
    correction = Correction()
    with correction, tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for block in blocks(page):
            correction.perform(block)
        os.chdir("/")
    text = page.read_text("utf-8")
    for block, shown, now in reversed(correction.wrong):
        start = len("".join(text.splitlines(keepends=True)[: block.line]))
        text = text[:start] + text[start:].replace(shown, now, 1)
    page.write_text(text, "utf-8")


if __name__ == "__main__":
    for one in [Path(name).resolve() for name in sys.argv[1:]] or PAGES:
        if "reference" not in one.parts:
            correct(one)
