"""The corpus of bad route files leaves no code out, and no place where a mistake can stand."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from tests.config.corpus import CORPUS, expected
from trunkline.codes import pages

if TYPE_CHECKING:
    from pathlib import Path

NO_FILES = {
    "TL103": "a file of more than 2 MiB; tests/config/test_load.py makes one",
    "TL200": "a mistake that has no code of its own; one that could be written would get a code",
    "TL310": "about the environment, not the file; see tests/runtime/test_opening.py",
}
"""The codes without bad files, each with its reason."""

ABOUT_FILES = {"TL116", "TL216", "TL217", "TL220"}
"""Codes about files and folders, whose mistakes have no block and no flow style."""


def bad_files() -> dict[str, list[Path]]:
    """The bad files that expect a code, by code."""
    found: dict[str, list[Path]] = defaultdict(list)
    for group in (CORPUS / "bad").iterdir():
        for path in group.iterdir() if group.is_dir() else [group]:
            for code in {line.split()[0] for line in expected(path)}:
                found[code].append(path)
    return found


def test_every_code_with_a_page_has_two_bad_files_but_for_a_reason() -> None:
    files = bad_files()
    assert {code for code in pages() if len(files[code]) < 2} == NO_FILES.keys()
    assert files.keys() <= pages().keys() | NO_FILES.keys()


def test_every_code_stands_in_a_block_in_flow_and_in_an_included_file() -> None:
    for code, paths in bad_files().items():
        if code not in ABOUT_FILES:
            places = {path.name.removesuffix(".yaml").rpartition("-")[2] for path in paths}
            assert places >= {"block", "flow", "included"}, code


def test_the_folders_are_called_after_the_codes() -> None:
    files = bad_files()
    for group in (CORPUS / "bad").iterdir():
        if group.is_dir():
            assert any(path.parent == group for path in files[group.name]), group.name
