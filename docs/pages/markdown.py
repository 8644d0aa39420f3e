"""Markdown that is readable as text."""

from __future__ import annotations

import json
import re
import textwrap
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH: Final = 100

GENERATED: Final = "<!-- Written by `python -m docs.generate`. Change the code, not this page. -->"


def whole(title: str, *blocks: str) -> str:
    """A page: its title and its blocks, with an empty line between them."""
    return "\n\n".join([GENERATED, f"# {title}", *(block for block in blocks if block)]) + "\n"


def paragraph(text: str) -> str:
    """Text in lines of bounded width."""
    return _fill(text, "", "")


def item(text: str, *more: str) -> str:
    """An item of a list, and paragraphs below it that belong to it."""
    return "\n".join([_fill(text, "- ", "  "), *(_fill(one, "  ", "  ") for one in more)])


def items(lines: Iterable[str]) -> str:
    """A list."""
    return "\n".join(item(line) for line in lines)


def _fill(text: str, first: str, other: str) -> str:
    kept = re.sub(r"`[^`]+`|\[[^\]]+\]\([^)]+\)", lambda m: m[0].replace(" ", "\0"), text)
    lines = textwrap.wrap(
        kept,
        WIDTH,
        initial_indent=first,
        subsequent_indent=other,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines).replace("\0", " ")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose columns line up."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    ruler = ["-" * width for width in widths]
    return "\n".join(
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in [lines[0], ruler, *lines[1:]]
    )


def fence(kind: str, text: str) -> str:
    """A block of code."""
    return f"```{kind}\n{text.rstrip()}\n```"


def one_of(words: Sequence[str]) -> str:
    """`a`, `b` or `c`."""
    return " or ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def yaml(value: Any) -> str:
    """A value as a person would write it, in one line of YAML where that is short."""
    out = StringIO()
    writer = YAML()
    writer.default_flow_style = True
    writer.width = 1_000
    writer.dump(value, out)
    text = out.getvalue().removesuffix("\n").removesuffix("\n...")
    return json.dumps(value) if "\n" in text else text


def anchor(title: str) -> str:
    """What GitHub calls a heading in links."""
    return re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-")
