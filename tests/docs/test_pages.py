"""What README and docs show is what happens: YAML is checked, commands and Python are run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.docs.blocks import PAGES, ROOT, Block, anchors, blocks, links
from tests.docs.performing import Performance
from trunkline.compile import compile_document
from trunkline.compile.text import TEXT_NAME, load_text
from trunkline.config.source import parse
from trunkline.config.spec import read
from trunkline.diagnostics import Diagnostic, render, unsilenced
from trunkline.template import Library

if TYPE_CHECKING:
    from pathlib import Path

WRITTEN = [page for page in PAGES if "reference" not in page.parts]
"""The pages that people write; those of the reference show no commands."""


def names(page: Path) -> str:
    return str(page.relative_to(ROOT))


def findings(text: str) -> list[Diagnostic]:
    """What `validate` says of a route file."""
    document, found = load_text(text)
    if document is not None:
        found = [*found, *compile_document(document)[1]]
    return unsilenced(found, {TEXT_NAME: text})


def shape(text: str) -> list[Diagnostic]:
    """What is wrong with the shape of a route file, or of some of its sections."""
    document, found = parse(versioned(text), "fragment")
    return found if document is None else [*found, *read(document)[1]]


def versioned(text: str) -> str:
    return text if re.search(r"^version:", text, re.MULTILINE) else f"version: 1\n{text}"


def wrong(block: Block) -> str:
    """Why a block of YAML is not what its info string says it is; empty if it is."""
    if "bad" in block.words:
        return "" if findings(block.text) else "nothing is wrong with it"
    if "part" in block.words:
        return ""
    if "template" in block.words:
        return untrue(block)
    found = shape(block.text) if "fragment" in block.words else findings(block.text)
    return render(found, {"fragment": versioned(block.text)})


def untrue(block: Block) -> str:
    """What a template (`given`, `template`, `gives`) gives instead of what it says it gives."""
    document, found = parse(block.text, "template")
    assert document is not None, found
    given = document.value["given"]
    template = Library(document).compile(("template",), tuple(given), "read", report=found)
    result = template(*given.values())
    same = not found and result == document.value["gives"]
    return "" if same else f"{found} {result}"


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_yaml_is_right_where_it_should_be(page: Path) -> None:
    said = {one.place: wrong(one) for one in blocks(page) if one.kind == "yaml"}
    assert {place: text for place, text in said.items() if text} == {}


@pytest.mark.parametrize("page", WRITTEN, ids=names)
def test_what_is_shown_is_what_happens(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRUNKLINE_ROUTES", raising=False)
    with Performance() as performance:
        for block in blocks(page):
            performance.perform(block)


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_links_lead_somewhere(page: Path) -> None:
    broken = [link for link in links(page) if not leads(page, link)]
    assert broken == []


def leads(page: Path, link: str) -> bool:
    """Whether a link within the repository has an end; others are not followed."""
    if "://" in link:
        return True
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    return target.exists() and (not anchor or anchor in anchors(target))
