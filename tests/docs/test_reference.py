"""The reference in docs/reference says what the code says now."""

from __future__ import annotations

import re

import pytest

from docs.generate import PAGES, REFERENCE
from docs.pages.errors import MEANING as KINDS_EXPLAINED
from docs.pages.filters import MEANING as TESTS_EXPLAINED
from trunkline.cli.command import VERBS, parser_of
from trunkline.errors import KINDS
from trunkline.template.gate import TESTS


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_current(name: str) -> None:
    assert (REFERENCE / name).read_text("utf-8") == PAGES[name](), (
        "write it again: python -m docs.generate"
    )


def test_there_are_no_other_pages() -> None:
    assert {file.name for file in REFERENCE.iterdir()} == set(PAGES)


def test_every_kind_of_error_and_every_test_is_explained() -> None:
    assert tuple(KINDS_EXPLAINED) == KINDS
    assert tuple(TESTS_EXPLAINED) == tuple(TESTS)


@pytest.mark.parametrize("verb", VERBS)
def test_the_page_of_a_verb_has_what_its_help_has(verb: str) -> None:
    page = (REFERENCE / "cli.md").read_text("utf-8")
    section = page.partition(f"\n## trunkline {verb}\n")[2].partition("\n## ")[0]
    shown = parser_of(verb).format_help()
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", shown)) - {"--help"}
    missing = {option for option in options if option not in section}
    assert section, verb
    assert missing == set()
