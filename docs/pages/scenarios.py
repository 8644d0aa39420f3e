"""The page about the scenarios: what was asked of each, and what was measured.

The figures are those of `tests/scenarios/figures.json`, which a run of the tests writes.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ruamel.yaml import YAML

from docs.pages.markdown import fence, item, paragraph, table, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT: Final = Path(__file__).parent.parent.parent
TESTS: Final = ROOT / "tests" / "scenarios"

FAMILIES: Final = {
    "R": "Failover and retries",
    "B": "Health and balancing",
    "S": "Streams",
    "L": "Limits, budgets, shared state",
    "X": "Hostile input",
}

FORMS: Final = ("day", "nightly")

HEAD: Final = ("id", "scenario, and its figures", "asked", "by day", "nightly")

ABOUT: Final = (
    "Each scenario is a test or several, named by its id. In **bold** is what is beyond the figure "
    "asked; what could not be met, and why, stands [at the end](#not-met). A scenario whose proof "
    "is exact has no figure: its tests pass or they do not."
)

NOTES: Final = (
    "**by day**: with every run of the tests. Load lasts seconds, times are divided by ten, and "
    "clocks are asserted at four times the figure, because the machine is shared.",
    "**nightly**: at full length, with the figure itself. A row without it has the one form.",
    "The machine has two cores, shared with other work while this was measured; upstreams, Redis "
    "and callers run on it too. Of several measurements the worst is shown.",
)


def rows() -> dict[str, dict[str, Any]]:
    """What each scenario says, by id: `rows.yaml`."""
    found: dict[str, dict[str, Any]] = YAML(typ="safe").load(TESTS / "rows.yaml")
    return found


def measured() -> dict[str, dict[str, Any]]:
    """What runs of the tests measured, by id and form: `figures.json`."""
    found: dict[str, dict[str, Any]] = json.loads((TESTS / "figures.json").read_text("utf-8"))
    return found


def files(row: str) -> list[str]:
    """The files that hold a scenario's tests, from the root of the repository."""
    return [*_own_files().get(row, ()), *rows()[row].get("also", ())]


@cache
def _own_files() -> dict[str, list[str]]:
    """The files among the scenarios, by the ids in their names and their tests' names."""
    found: dict[str, list[str]] = {}
    for file in sorted(TESTS.glob("test_*.py")):
        names = [file.name, *re.findall(r"def (test_\w+)", file.read_text("utf-8"))]
        ids = (re.match(r"test_([rbslx]\d+)_", name) for name in names)
        for row in dict.fromkeys(one[1].upper() for one in ids if one is not None):
            found.setdefault(row, []).append(f"tests/scenarios/{file.name}")
    return found


def beyond(figure: Mapping[str, Any]) -> bool:
    """Whether a figure is worse than what was asked."""
    most, least = figure["most"], figure["least"]
    value = figure["measured"]
    return (most is not None and value > most) or (least is not None and value < least)


def unmet(found: Mapping[str, Any]) -> list[str]:
    """What a scenario did not meet in the fullest form in which it was run, in words."""
    full = next((found[form] for form in reversed(FORMS) if form in found), None)
    if full is None:
        return []
    count = full["passed"] + full["failed"]
    failed = [f"{full['failed']} of {count} tests failed"] if full["failed"] else []
    return failed + [
        f"{what}: {_value(one['measured'], one['unit'])} instead of {_bound(one)}"
        for what, one in full["figures"].items()
        if beyond(one)
    ]


def page() -> str:
    """The page, in Markdown."""
    said, found = rows(), measured()
    return whole(
        "Scenarios",
        paragraph(ABOUT),
        "\n".join(map(item, NOTES)),
        paragraph(_summary(found)),
        paragraph("To run and measure them again, by day and at full length:"),
        fence(
            "sh",
            "export TRUNKLINE_FIGURES=tests/scenarios/figures.json\n"
            'python -m pytest -n 2 -m "not nightly" tests/scenarios\n'
            "python -m pytest -m nightly tests/scenarios\n"
            "python -m docs.generate",
        ),
        *(
            block
            for family, title in FAMILIES.items()
            for block in (f"## {title}", _family(family, said, found))
        ),
        "## Not met",
        "\n".join(_not_met(said, found)),
        "## Tests",
        "\n".join(item(f"{row}: {', '.join(map(_link, files(row)))}") for row in said),
    )


def _summary(found: Mapping[str, Any]) -> str:
    """How many tests there were in each form, how long they took, and when that was."""
    parts = []
    for form, words in zip(FORMS, ("By day", "Nightly"), strict=True):
        ran = [one[form] for one in found.values() if form in one]
        if not ran:
            continue
        count = sum(one["passed"] + one["failed"] for one in ran)
        minutes = sum(one["seconds"] for one in ran) / 60
        dates = sorted({one["date"] for one in ran})
        when = " to ".join(dict.fromkeys([*dates[:1], *dates[-1:]]))
        parts.append(f"{words}: {count} tests, {minutes:.1f} minutes of test time, {when}.")
    return " ".join(parts)


def _family(family: str, said: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    mine = [row for row in said if row[0] == family]
    return table(
        HEAD, (line for row in mine for line in _lines(row, said[row], found.get(row, {})))
    )


def _lines(row: str, said: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[list[str]]:
    """A line for what the scenario says, and one for each figure."""
    elsewhere = "held elsewhere" if not found and files(row) else ""
    outcomes = [_outcome(found.get(form)) for form in FORMS]
    yield [row, said["says"], said["asked"], outcomes[0] or elsewhere, outcomes[1]]
    names = dict.fromkeys(what for form in FORMS for what in found.get(form, {}).get("figures", ()))
    for what in names:
        of = [found.get(form, {}).get("figures", {}).get(what) for form in FORMS]
        asked = next(_bound(one) for one in reversed(of) if one is not None)
        yield ["", f"— {what}", asked, *(_shown(one) for one in of)]


def _outcome(ran: Mapping[str, Any] | None) -> str:
    if ran is None:
        return ""
    count = ran["passed"] + ran["failed"]
    if ran["failed"]:
        return f"**{ran['failed']} of {count} failed**"
    return "1 test passed" if count == 1 else f"{count} tests passed"


def _shown(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return ""
    text = _value(figure["measured"], figure["unit"])
    return f"**{text}**" if beyond(figure) else text


def _bound(figure: Mapping[str, Any]) -> str:
    for key, sign in (("most", "≤"), ("least", "≥")):
        if figure[key] is not None:
            return f"{sign} {_value(figure[key], figure['unit'])}" if figure[key] else "0"
    return ""


def _value(number: float, unit: str) -> str:
    """`12 ms`, `3.1 MiB`, `27 %`, `15`."""
    if unit == "s":
        return f"{_short(number)} s" if abs(number) >= 1 else f"{_short(number * 1000)} ms"
    if unit == "%":
        return f"{number * 100:.1f}".removesuffix(".0") + " %"
    if unit == "B":
        size, name = (2**20, "MiB") if abs(number) >= 2**20 else (2**10, "KiB")
        return f"{_short(number / size)} {name}"
    return f"{_short(number)} {unit}".rstrip()


def _short(number: float) -> str:
    """Three figures of it, all of a whole number."""
    if number == int(number):
        return f"{int(number):,}"
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def _not_met(said: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    """What has no test or is beyond what was asked, each with its reason."""
    for row, one in said.items():
        if "missing" in one:
            yield item(f"{row} has no test: {one['missing']}")
        what = unmet(found.get(row, {}))
        if what or "short" in one:
            words = f"{row}: {'; '.join(what)}" if what else row
            yield item(f"{words}. {one.get('short', '')}")


def _link(file: str) -> str:
    return f"[{file.removeprefix('tests/')}](../../{file})"
