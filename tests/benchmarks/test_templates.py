"""What is measured against Python by hand gives the same; how fast it may be is owed as well."""

from __future__ import annotations

import pytest

from tests.benchmarks.templates import Case, cases, measure

OWED = {"full request": 2.5, "small request": 2.5, "text chunk": 1.5, "call chunk": 1.5}
"""How many times longer than by hand a template may take (performance.md)."""

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_the_template_gives_what_the_hand_gives(case: Case) -> None:
    _, template, by_hand, arguments = case
    got = template(*arguments)
    assert got == by_hand(*arguments)
    assert list(got) == list(by_hand(*arguments))


@pytest.mark.nightly
@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_the_template_takes_no_more_than_is_owed(case: Case) -> None:
    ours, theirs = measure(case)
    assert ours / theirs <= OWED[case[0]] * 1.3, "a generous margin: the machine is shared"
