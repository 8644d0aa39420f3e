"""The page about the codes of diagnostics."""

from __future__ import annotations

import tempfile
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

from docs.pages.markdown import fence, item, paragraph, whole
from trunkline.codes import Page, pages
from trunkline.compile import compile_document
from trunkline.config.load import load
from trunkline.diagnostics import render, unsilenced

if TYPE_CHECKING:
    from collections.abc import Mapping

FAMILIES: Final = {
    "TL1": "YAML",
    "TL2": "shape",
    "TL3": "names",
    "TL4": "graph",
    "TL5": "templates and expressions",
    "TL6": "capabilities, cost and time",
    "TL7": "security",
}


def page() -> str:
    """The page, in Markdown."""
    return whole(
        "Codes",
        paragraph(
            "Every finding has a code. Errors stop a route file; warnings and hints do not, and a "
            "comment `# trunkline: ignore CODE` on the line, or alone on the line before, "
            "silences them. Below, each code with a mistake, what is printed, and the repair."
        ),
        "\n".join(item(f"`{page.code}` [{page.title}](#{page.code.lower()})") for page in _pages()),
        *(
            block
            for family, members in groupby(_pages(), lambda page: page.code[:3])
            for block in [f"## {family}xx: {FAMILIES[family]}", *map(_code, members)]
        ),
    )


def _pages() -> list[Page]:
    return list(pages().values())


def _code(page: Page) -> str:
    blocks = [f"### {page.code}", f"**{page.title}**", paragraph(page.means)]
    if page.by_hand:
        blocks.append(paragraph(f"Mistake: {page.bad['trunkline.yaml']}."))
        return "\n\n".join(blocks)
    shown = _printed(page.code, page.bad)
    return "\n\n".join(
        [
            *blocks,
            _files(page.bad, "bad"),
            fence("text", shown),
            "Instead:",
            _files(page.good, "fragment"),
        ]
    )


def _files(files: Mapping[str, str], mark: str) -> str:
    """Each file in a block; the name stands before it where there are several."""
    kind = f"yaml {mark}".strip() if len(files) == 1 else "yaml part"
    blocks = []
    for name, text in files.items():
        if len(files) > 1:
            blocks.append(f"`{name}`")
        blocks.append(fence(kind, text))
    return "\n\n".join(blocks)


def _printed(code: str, files: Mapping[str, str]) -> str:
    """What `validate` prints of this code about these files; short examples may be wrong in other
    ways too, such as providers that are declared nowhere."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "routes"
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text, "utf-8")
        read: dict[str, str] = {}
        document, found = load(folder, files=read)
        if document is not None:
            found = [*found, *compile_document(document)[1]]
        text = render([one for one in unsilenced(found, read) if one.code == code], read)
        return text.replace(f"{folder}/", "").replace(f"{scratch}/", "")
