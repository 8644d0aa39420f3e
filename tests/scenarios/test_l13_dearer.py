"""L13: moving on to a dearer model takes what that may cost from the budget, all of it or nothing;
where the budget does not reach, the model is passed over."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.graph.making import failing, said
from tests.scenarios.scripted import scripted

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

# `hear` asks for at most 1,000 tokens of output: about $0.001 at `a`, and $0.10 at `b`.
PRICES = """
prices:
  a/*: {input: 1, output: 1}
  b/*: {input: 100, output: 100}
  c/*: {input: 1, output: 1}"""
ROUTES = """
  - {match: m, to: [a/m, b/m], retry: {same_target: 0}}
  - {match: three, to: [a/m, b/m, c/m], retry: {same_target: 0}}"""
STATES = ["memory", "file"]


def more(kind: str, folder: Path, amount: float) -> str:
    state = f"\nstate: {{file: '{folder}/state.db'}}" if kind == "file" else ""
    return f"{PRICES}\nbudgets:\n  - {{name: all, amount: {amount} USD, window: hour}}{state}"


@pytest.mark.parametrize("kind", STATES)
async def test_l13_who_is_too_dear_is_passed_over(kind: str, tmp_path: Path) -> None:
    async with scripted(ROUTES, {"a": failing(500)}, more(kind, tmp_path, 0.05)) as stage:
        heard = await stage.ask("[id:1]")
        assert (heard.error, stage.sends) == ("server_error", ["a"])
        (row,) = stage.rows
        assert [(skip.target, skip.reason.partition(",")[0]) for skip in row.skipped] == [
            ("b/m", "the budget does not reach for it")
        ]
        heard = await stage.ask("[id:2]", model="three")
        assert (heard.text, stage.sends) == ("c", ["a", "a", "c"])


@pytest.mark.parametrize("kind", STATES)
async def test_l13_of_many_at_once_no_more_move_on_than_the_budget_reaches_for(
    kind: str, tmp_path: Path
) -> None:
    # 408 says nothing about the target's health.
    answers = {"a": failing(408), "b": replace(said("b"), delay=5.0)}
    # $0.25 is enough for two at their worst, at a time.
    async with scripted(ROUTES, answers, more(kind, tmp_path, 0.25)) as stage:
        heard = await asyncio.gather(*(stage.ask(f"at once {number}") for number in range(20)))
        assert Counter(one.error for one in heard) == {"": 2, "timeout": 18}
        assert Counter(stage.sends) == {"a": 20, "b": 2}
        # Each cost $0.0005 in the end; the rest of what was taken is there again.
        later = await asyncio.gather(*(stage.ask(f"later {number}") for number in range(20)))
        assert Counter(one.error for one in later)[""] == 2
        spent = sum((row.cost or {}).get("micro_dollars", 0) for row in stage.rows)
        assert spent == 4 * 5 * 100 <= 250_000
