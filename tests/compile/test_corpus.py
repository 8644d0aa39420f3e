"""Route files that mean something, and mistakes in what they mean, with their places."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.config.corpus import CORPUS, expected, shown
from trunkline.codes import Page, pages
from trunkline.compile import compile_document
from trunkline.config.load import load
from trunkline.diagnostics import unsilenced
from trunkline.template.directives import WORDS

if TYPE_CHECKING:
    from trunkline.diagnostics import Diagnostic

ENGINE = Path(__file__).parents[2] / "engine" / "trunkline"
FAMILIES = ("TL3", "TL4", "TL5", "TL6", "TL7")
BAD = sorted(
    path
    for group in (CORPUS / "bad").iterdir()
    if group.name.startswith(FAMILIES)
    for path in group.iterdir()
)
LATER = sorted((CORPUS / "good").glob("later*.yaml"))
GOOD = sorted(set((CORPUS / "good").iterdir()) - set(LATER))
OURS = [page for page in pages().values() if page.code.startswith(FAMILIES)]


def findings(path: Path) -> list[Diagnostic]:
    texts: dict[str, str] = {}
    document, found = load(path, files=texts)
    if document is not None:
        found = found + compile_document(document)[1]
    return unsilenced(found, texts)


@pytest.mark.parametrize("path", GOOD, ids=lambda p: p.name)
def test_a_good_file_gives_nothing(path: Path) -> None:
    assert findings(path) == []


@pytest.mark.parametrize("path", LATER, ids=lambda p: p.name)
def test_a_file_for_a_later_version_lacks_nothing_else(path: Path) -> None:
    """A file that is performed by now belongs among the others."""
    codes = {found.code for found in findings(path)}
    assert "TL490" in codes
    assert codes <= {"TL490", "TL305"}  # Providers of a later catalogue are not known yet.


def test_the_good_files_use_every_directive() -> None:
    text = "\n".join(path.read_text("utf-8") for path in GOOD if path.is_file())
    for word in (*WORDS, "$spread", "$default"):
        assert f"{word}:" in text, word


@pytest.mark.parametrize("path", BAD, ids=lambda p: p.relative_to(CORPUS / "bad").as_posix())
def test_a_bad_file_gives_exactly_what_it_says(path: Path) -> None:
    assert [shown(path, one) for one in findings(path)] == expected(path)


def test_every_fault_stands_in_a_block_in_flow_and_in_an_included_file() -> None:
    places: dict[tuple[str, str], set[str]] = {}
    for path in BAD:
        fault, _, place = path.name.removesuffix(".yaml").rpartition("-")
        places.setdefault((path.parent.name, fault), set()).add(place)
    assert places
    assert set(map(frozenset, places.values())) == {frozenset({"block", "flow", "included"})}


@pytest.mark.parametrize("page", [p for p in OURS if not p.by_hand], ids=lambda p: p.code)
def test_the_bad_example_of_a_page_gives_its_code_alone(page: Page, tmp_path: Path) -> None:
    for name, text in page.bad.items():
        (tmp_path / name).write_text(text, "utf-8")
    assert {found.code for found in findings(tmp_path)} == {page.code}


@pytest.mark.parametrize("page", OURS, ids=lambda p: p.code)
def test_the_good_example_of_a_page_gives_nothing(page: Page, tmp_path: Path) -> None:
    for name, text in page.good.items():
        (tmp_path / name).write_text(text, "utf-8")
    assert findings(tmp_path) == []


def test_every_code_has_a_page() -> None:
    used = {
        code
        for module in ENGINE.rglob("*.py")
        for code in re.findall(r'"(TL[34567]\d\d)"', module.read_text("utf-8"))
    }
    assert used == {page.code for page in OURS}
