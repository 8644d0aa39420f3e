"""Every code of templates has its page, and the examples on it are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trunkline.codes import Page, pages
from trunkline.compile import compile_document
from trunkline.config.load import load
from trunkline.diagnostics import Diagnostic, unsilenced

TEMPLATE = Path(__file__).parents[2] / "engine" / "trunkline" / "template"
OURS = [page for page in pages().values() if page.code.startswith("TL5")]


def findings(folder: Path, files: dict[str, str]) -> list[Diagnostic]:
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    texts: dict[str, str] = {}
    document, found = load(folder, files=texts)
    if document is not None:
        found = found + compile_document(document)[1]
    return unsilenced(found, texts)


@pytest.mark.parametrize("page", OURS, ids=lambda page: page.code)
def test_the_bad_example_gives_its_code_and_no_other(page: Page, tmp_path: Path) -> None:
    assert {found.code for found in findings(tmp_path, dict(page.bad))} == {page.code}


@pytest.mark.parametrize("page", OURS, ids=lambda page: page.code)
def test_the_good_example_gives_nothing(page: Page, tmp_path: Path) -> None:
    assert findings(tmp_path, dict(page.good)) == []


def test_every_code_has_a_page() -> None:
    used = {
        code
        for module in TEMPLATE.glob("*.py")
        for code in re.findall(r'"(TL5\d\d)"', module.read_text("utf-8"))
    }
    assert used == {page.code for page in OURS}
