"""Every code has its page, and the examples on it are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trunkline.codes import Page, page, pages
from trunkline.config.load import load
from trunkline.config.spec import read
from trunkline.diagnostics import Diagnostic, unsilenced

ENGINE = Path(__file__).parents[2] / "engine" / "trunkline"
OURS = [p for p in pages().values() if p.code[:3] in ("TL1", "TL2")]


def findings(folder: Path, files: dict[str, str]) -> list[Diagnostic]:
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    texts: dict[str, str] = {}
    document, found = load(folder, files=texts)
    if document is not None:
        found = found + read(document)[1]
    return unsilenced(found, texts)


@pytest.mark.parametrize("one", [p for p in OURS if not p.by_hand], ids=lambda p: p.code)
def test_the_bad_example_gives_its_code_and_no_other(one: Page, tmp_path: Path) -> None:
    assert {found.code for found in findings(tmp_path, dict(one.bad))} == {one.code}


@pytest.mark.parametrize("one", OURS, ids=lambda p: p.code)
def test_the_good_example_gives_nothing(one: Page, tmp_path: Path) -> None:
    assert findings(tmp_path, dict(one.good)) == []


def test_every_code_of_documents_and_shape_has_a_page() -> None:
    used = {
        code
        for module in [*ENGINE.glob("config/**/*.py"), ENGINE / "diagnostics.py"]
        for code in re.findall(r'"(TL[12]\d\d)"', module.read_text("utf-8"))
    }
    assert used == {one.code for one in OURS}


def test_a_page_is_found_in_any_case_and_an_unknown_code_has_none() -> None:
    found = page("tl106")
    assert found is not None
    assert found.title == "a key stands twice"
    assert page("TL999") is None
