"""What the recordings prove, as one table: `python -m tests.dialect.report [api or dialect ...]`.

For each file of the recordings: how many answers were read, how many requests written back and
written as other wires, how many answers written as other wires; what was refused, and what
failed.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from tests.dialect import answering, asking, proof
from tests.dialect.corpus import APIS, Row, folder, rows, skip_of, wire_of
from tests.dialect.proof import Outcome
from trunkline.catalog import dialect, dialects
from trunkline.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["STEPS", "outcomes"]

Step = Callable[[Row, Sequence[str]], Iterator[Outcome]]


@cache
def wires() -> list[str]:
    """The wires that load: a dialect at fault is named, and its exchanges fail."""
    return [name for name in dialects() if _loads(name)]


def _loads(name: str) -> bool:
    try:
        return dialect(name).operation == "chat"
    except ConfigError as error:
        print(f"{name} does not load: {error}")
        return False


def _read(row: Row, _among: Sequence[str]) -> Iterator[Outcome]:
    yield proof.read_answer(row) if row["status"] == 200 else proof.read_failure(row)


def _back(row: Row, _among: Sequence[str]) -> Iterator[Outcome]:
    yield asking.write_back(row)


def _across(row: Row, among: Sequence[str]) -> Iterator[Outcome]:
    for other in among:
        if other != wire_of(row):
            outcome = asking.write_across(row, other)
            yield outcome._replace(detail=f"{other}: {outcome.detail}")


def _answers(row: Row, among: Sequence[str]) -> Iterator[Outcome]:
    if row["status"] == 200:
        for other in among:
            outcome = answering.write_answer(row, other)
            yield outcome._replace(detail=f"{other}: {outcome.detail}")


def _judged(row: Row, among: Sequence[str]) -> Iterator[Outcome]:
    if row["status"] == 200 and int(hashlib.sha256(row["id"].encode()).hexdigest(), 16) % 8 == 0:
        for other in among:
            outcome = answering.judge_answer(row, other)
            yield outcome._replace(detail=f"{other}: {outcome.detail}")


STEPS: dict[str, tuple[str, Step]] = {
    "read": ("answer", _read),
    "written back": ("request", _back),
    "requests across": ("request", _across),
    "answers across": ("answer", _answers),
    "judged by clients": ("answer", _judged),
}
"""The steps of the proof: what of an exchange each is about, and how it is done. The vendors'
own clients are slow; they judge one answer in eight."""


def outcomes(
    step: str, api: str, recordings: Path | None = None, among: Sequence[str] = ()
) -> Iterator[Outcome]:
    """One step for every exchange of a file, across these wires, or all that load."""
    stage, take = STEPS[step]
    among = among or wires()
    for row in rows(recordings or folder(), api):
        skip = skip_of(row)
        if skip is not None and stage in skip.stages:
            yield Outcome(row["id"], "skipped", skip.reason)
            continue
        if wire_of(row) not in among:
            yield Outcome(row["id"], "failed", f"{wire_of(row)} does not load")
            continue
        try:
            yield from take(row, among)
        except Exception as error:  # an untyped error is a finding, not the end of the report
            yield Outcome(row["id"], "failed", f"{type(error).__name__}: {error}"[:500])


def main(wanted: list[str]) -> int:
    """Print the table, then the reasons, then what failed; 1 if anything did."""
    reasons: Counter[str] = Counter()
    failed: dict[str, list[Outcome]] = defaultdict(list)
    wires()
    print(f"{'':36}" + "".join(f"{step:>40}" for step in STEPS))
    totals: dict[str, Counter[str]] = defaultdict(Counter)
    for api in APIS:
        names = {name for _, name in APIS[api].dialects}
        if wanted and not any(word in api or word in names for word in wanted):
            continue
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for step in STEPS:
            for outcome in outcomes(step, api):
                counts[step][outcome.verdict] += 1
                if outcome.verdict in ("refused", "skipped"):
                    reasons[f"{step}, {outcome.verdict}: {outcome.detail}"] += 1
                elif outcome.verdict == "failed":
                    failed[f"{step}, {api}: {outcome.detail[:60]}"].append(outcome)
            totals[step].update(counts[step])
        print(_line(api, counts), flush=True)
    print(_line("all", totals))
    for reason, number in sorted(reasons.items()):
        print(f"{number:6} {reason}")
    for found in sorted(failed.items(), key=lambda item: -len(item[1])):
        print(_failure(*found))
    return 1 if failed else 0


def _line(name: str, counts: dict[str, Counter[str]]) -> str:
    cells = (", ".join(f"{n} {v}" for v, n in sorted(counts[step].items())) for step in STEPS)
    return f"{name:36}" + "".join(f"{cell:>40}" for cell in cells)


def _failure(what: str, found: list[Outcome]) -> str:
    rows_ = " ".join(outcome.row.rpartition("/")[2] for outcome in found[:6])
    return f"\nFAILED {len(found)} × {what.partition(': ')[0]} ({rows_})\n    {found[0].detail}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
