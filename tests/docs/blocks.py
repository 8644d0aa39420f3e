"""Markdown pages, taken apart: fenced blocks, headings and links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]

PAGES: Final = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
"""Every page that people read."""

_FENCE: Final = re.compile(r"^( *)(`{3,})(.*)$")
_COMMENT: Final = re.compile(r"<!-- \$ (.*) -->")


@dataclass(frozen=True)
class Block:
    """A fenced block. `words` are those of its info string after the first, which is `kind`;
    `file` is what `file=NAME` among them says; `command` is that of a comment like
    `<!-- $ trunkline graph -->` right above."""

    page: Path
    line: int
    kind: str
    words: tuple[str, ...]
    text: str
    command: str = ""

    @property
    def file(self) -> str:
        named = [word for word in self.words if word.startswith("file=")]
        return named[0].removeprefix("file=") if named else ""

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return list(_blocks(page, page.read_text("utf-8").splitlines()))


def _blocks(page: Path, lines: list[str]) -> Iterator[Block]:
    start: int | None = None
    indent = mark = info = ""
    for number, line in enumerate(lines):
        match = _FENCE.match(line)
        if start is None and match:
            (indent, mark, info), start = match.groups(), number
        elif start is not None and match and match[2] == mark and not match[3]:
            inside = [one.removeprefix(indent) for one in lines[start + 1 : number]]
            said = _COMMENT.fullmatch(lines[start - 1].strip())
            kind, *words = info.split() or [""]
            text = "".join(f"{one}\n" for one in inside)
            command = said[1] if said else ""
            yield Block(page, start + 1, kind, tuple(words), text, command)
            start = None
    assert start is None, f"{page}:{start}: a block that is never closed"


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    text = page.read_text("utf-8")
    return re.sub(r"^( *)(`{3,}).*?^\1\2$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """What links may point at within a page, as GitHub makes it from headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


def links(page: Path) -> list[str]:
    """The targets of a page's links."""
    text = re.sub(r"``.*?``|`[^`]*`(?!\])", "", prose(page))
    return re.findall(r"\]\(([^)\s]+)\)", text)
