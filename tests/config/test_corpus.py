"""Good files give nothing; each bad file gives exactly what it says, with line and column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.config.corpus import CORPUS, GOOD, bad, expected, findings, shown

if TYPE_CHECKING:
    from pathlib import Path

BAD = bad()


@pytest.mark.parametrize("path", GOOD, ids=lambda p: p.name)
def test_a_good_file_gives_nothing(path: Path) -> None:
    assert findings(path) == []


@pytest.mark.parametrize("path", BAD, ids=lambda p: p.relative_to(CORPUS / "bad").as_posix())
def test_a_bad_file_gives_exactly_what_it_says(path: Path) -> None:
    assert [shown(path, one) for one in findings(path)] == expected(path)


def test_every_fault_stands_in_a_block_in_flow_and_in_an_included_file() -> None:
    about_files = {"TL116", "TL216", "TL217", "TL220"}
    places: dict[tuple[str, str], set[str]] = {}
    for path in BAD:
        fault, _, place = path.name.removesuffix(".yaml").rpartition("-")
        if place in ("block", "flow") and path.parent.name not in about_files:
            places.setdefault((path.parent.name, fault), set()).add(place)
    assert places
    for (code, fault), found in places.items():
        assert found == {"block", "flow"}, (code, fault)
        assert (CORPUS / "bad" / code / f"{fault}-included").is_dir(), (code, fault)


def test_findings_point_into_their_files() -> None:
    for path in BAD:
        for one in findings(path):
            assert one.span.line >= 1
            assert one.span.column >= 1
            assert (one.span.end_line, one.span.end_column) >= (one.span.line, one.span.column)
            assert one.message
            assert one.message == one.message.strip()
