"""What the table of scenarios is made of comes from the tests' reports."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

import pytest

from tests.scenarios.figures import by_row, merge, minutes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scenarios.figures import Figure


def report(
    name: str,
    *notes: dict[str, Any],
    outcome: Literal["passed", "failed", "skipped"] = "passed",
    nightly: bool = False,
) -> pytest.TestReport:
    nodeid = f"tests/scenarios/{name}"
    marks = {"nightly": 1} if nightly else {}
    told: list[tuple[str, object]] = [("figure", note) for note in notes]
    where = (nodeid, 1, nodeid)
    return pytest.TestReport(nodeid, where, marks, outcome, None, "call", (), 3.0, 0, 0, told)


def note(measured: float, most: float | None = None, least: float | None = None) -> dict[str, Any]:
    return {"what": "wait", "measured": measured, "unit": "s", "most": most, "least": least}


def test_the_worst_of_several_measurements_is_kept() -> None:
    highest = [report(f"test_r1_a.py::test_r1_{n}", note(n, most=5)) for n in (1, 3, 2)]
    lowest = [report(f"test_b1_a.py::test_b1_{n}", note(n, least=5)) for n in (2, 1, 3)]
    rows = by_row([*highest, *lowest])
    assert rows["R1"]["day"]["figures"]["wait"]["measured"] == 3
    assert rows["B1"]["day"]["figures"]["wait"]["measured"] == 1


def test_forms_are_apart_and_failures_are_counted() -> None:
    rows = by_row(
        [
            report("test_l1_a.py::test_l1_a", outcome="failed"),
            report("test_l1_a.py::test_l1_b"),
            report("test_l1_a.py::test_l1_c", outcome="skipped"),
            report("test_l1_a.py::test_l1_d", nightly=True),
        ]
    )
    assert (rows["L1"]["day"]["passed"], rows["L1"]["day"]["failed"]) == (1, 1)
    assert (rows["L1"]["nightly"]["passed"], rows["L1"]["nightly"]["failed"]) == (1, 0)


def test_a_run_replaces_only_what_it_measured(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    merge(path, [report("test_r1_a.py::test_r1_a", note(1)), report("test_r2_a.py::test_r2_a")])
    merge(path, [report("test_r1_a.py::test_r1_a", note(2), nightly=True)])
    merge(path, [report("test_r1_a.py::test_r1_a", note(0.5))])
    rows = json.loads(path.read_text("utf-8"))
    assert set(rows) == {"R1", "R2"}
    measured = {form: ran["figures"]["wait"]["measured"] for form, ran in rows["R1"].items()}
    assert measured == {"day": 0.5, "nightly": 2}


def test_minutes_are_those_of_the_scenarios() -> None:
    twice = report("test_r1_a.py::test_r1_a")
    other = report("test_r1_a.py::test_r1_a")
    other.nodeid = "tests/wire/test_sse.py::test_r1_a"
    assert minutes([twice, twice, other]) == (1, 0.1)


def test_a_figure_goes_with_its_test(figure: Figure, request: pytest.FixtureRequest) -> None:
    figure("share", 1.05 - 1, "%", most=0.05)
    ((name, told),) = request.node.user_properties
    assert (name, told["measured"], told["most"]) == ("figure", 0.05, 0.05)
