"""What the scenarios measured: noted by the fixture `figure`, kept in `figures.json`.

A note travels with the test's report, so that it comes from the workers of pytest-xdist too.
"""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pytest

__all__ = ["FOLDER", "Figure", "by_row", "merge", "minutes", "row_of"]

FOLDER: Final = "tests/scenarios/"


class Figure(Protocol):
    """Notes a figure of the test that asks for it; asserts nothing."""

    def __call__(
        self,
        what: str,
        measured: float,
        unit: str = "",
        *,
        most: float | None = None,
        least: float | None = None,
    ) -> None:
        """`unit`: `s`, `B` (bytes), `%` (of a share, 1 is all) or a word; without one a count.

        `most` or `least` is what was asked for, in the same unit; without both the figure only
        goes with others. Of several notes with one name the worst is kept.
        """
        ...


def row_of(nodeid: str) -> str:
    """The id that a test's name has, or its file's; empty where neither has one."""
    file, _, test = nodeid.partition("::")
    for name in (test, file.rpartition("/")[2]):
        found = re.match(r"test_([rbslx]\d+)_", name)
        if found is not None:
            return found[1].upper()
    return ""


def minutes(reports: Iterable[pytest.TestReport]) -> tuple[int, float]:
    """How many scenarios there were, and for how long they ran, one after the other."""
    mine = [one for one in reports if one.nodeid.startswith(FOLDER)]
    return len({one.nodeid for one in mine}), sum(one.duration for one in mine) / 60


def by_row(reports: Iterable[pytest.TestReport]) -> dict[str, dict[str, Any]]:
    """Of each row, of each form (`day`, `nightly`): the tests that passed and failed, the seconds
    they took, and the figures."""
    rows: dict[str, dict[str, Any]] = {}
    today = datetime.now(UTC).date().isoformat()
    for one in reports:
        row = row_of(one.nodeid) if one.nodeid.startswith(FOLDER) else ""
        if not row or one.when != "call" or one.outcome == "skipped":
            continue
        form = "nightly" if "nightly" in one.keywords else "day"
        found = rows.setdefault(row, {}).setdefault(
            form, {"date": today, "passed": 0, "failed": 0, "seconds": 0.0, "figures": {}}
        )
        found[one.outcome] += 1
        found["seconds"] = round(found["seconds"] + one.duration, 2)
        for name, note in one.user_properties:
            if name == "figure":
                _keep_worst(found["figures"], dict(note))  # type: ignore[call-overload]
    return rows


def _keep_worst(figures: dict[str, Any], note: dict[str, Any]) -> None:
    what = note.pop("what")
    worse = min if note["least"] is not None else max
    before = figures.get(what, note)
    figures[what] = {**note, "measured": worse(before["measured"], note["measured"])}


def merge(path: Path, reports: Iterable[pytest.TestReport]) -> None:
    """Write what a run measured over what the file said of the same rows in the same form."""
    rows: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    for row, forms in by_row(reports).items():
        rows.setdefault(row, {}).update(forms)
    text = json.dumps(rows, indent=1, sort_keys=True, ensure_ascii=False)
    scratch = path.with_suffix(f".{os.getpid()}")
    scratch.write_text(text + "\n", "utf-8")
    scratch.replace(path)
