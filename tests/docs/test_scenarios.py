"""The page of scenarios has all that were asked for, and hides nothing that was not met."""

from __future__ import annotations

import pytest

from docs.pages.scenarios import ROOT, TESTS, beyond, files, measured, rows, unmet
from tests.scenarios.figures import row_of

ASKED = [
    *(f"R{number}" for number in range(1, 20)),
    *(f"B{number}" for number in range(1, 15)),
    *(f"S{number}" for number in (*range(1, 10), *range(11, 15), 16)),
    *(f"L{number}" for number in (*range(1, 16), 17)),
]


def test_every_scenario_that_was_asked_for_has_a_row() -> None:
    assert set(ASKED) <= set(rows())


@pytest.mark.parametrize("row", rows())
def test_a_row_has_tests_or_says_why_not(row: str) -> None:
    held = files(row)
    assert [file for file in held if not (ROOT / file).is_file()] == []
    assert bool(held) != ("missing" in rows()[row])


def test_every_scenario_with_tests_has_a_row() -> None:
    found = {row_of(file.name) for file in TESTS.glob("test_*.py")} - {""}
    assert found | set(measured()) <= set(rows())


@pytest.mark.parametrize("row", rows())
def test_what_was_not_met_has_a_reason(row: str) -> None:
    said = rows()[row]
    short = unmet(measured().get(row, {}))
    assert not short or said.get("short"), short


@pytest.mark.parametrize("row", rows())
def test_a_row_whose_tests_stand_here_was_run(row: str) -> None:
    here = [file for file in files(row) if file.startswith("tests/scenarios/")]
    assert not here or measured().get(row), "measure it: see docs/reference/scenarios.md"


def test_what_was_not_met_is_told_in_the_form_that_counts() -> None:
    slow = {"measured": 0.08, "unit": "s", "most": 0.05, "least": None}
    ran = {"passed": 1, "failed": 0, "figures": {"added p99": slow}}
    well = {**ran, "figures": {"added p99": {**slow, "measured": 0.05}}}
    assert beyond(slow)
    assert unmet({"day": ran}) == ["added p99: 80 ms instead of ≤ 50 ms"]
    assert unmet({"day": ran, "nightly": well}) == []
    assert unmet({"day": well, "nightly": {**ran, "failed": 1}})[0] == "1 of 2 tests failed"


def test_a_test_belongs_to_the_row_of_its_name_or_its_file() -> None:
    named = "tests/scenarios/test_b3_one_probe.py::test_b4_the_permit[a]"
    assert row_of(named) == "B4"
    assert row_of("tests/scenarios/test_x4_names.py::test_there_are_enough") == "X4"
    assert row_of("tests/scenarios/test_harness.py::test_it") == ""
