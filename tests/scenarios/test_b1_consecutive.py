"""B1: five failures in a row eject a target, and not one fewer."""

from __future__ import annotations

import random

from trunkline.policy.breaker import BreakerRules
from trunkline.policy.health import Health, Site
from trunkline.policy.outcome import SUCCESS, Outcome, classify

SITE = Site("p/m@chat", "https://p", "p#0", "p/m", BreakerRules())
BROKEN = classify("server_error", 500, "head", None)
LIMITED = classify("rate_limited", 429, "head", 0.0)


def ejected_after(outcomes: list[Outcome]) -> list[int]:
    """The sends, counted from 1, that were followed by an ejection."""
    health, found = Health(random.Random(1)), []
    for number, outcome in enumerate(outcomes, 1):
        events = health.end(health.begin(SITE, 0.0), outcome, 0.0)
        found += [number for event in events if event.kind == "ejected"]
    return found


def test_b1_only_the_fifth_in_a_row_ejects() -> None:
    assert ejected_after([*[BROKEN] * 4, SUCCESS, *[BROKEN] * 4, BROKEN]) == [10]
    assert ejected_after([*[BROKEN] * 4, SUCCESS, *[BROKEN] * 4]) == []


def test_b1_a_rate_limit_neither_counts_nor_resets() -> None:
    assert ejected_after([*[BROKEN] * 4, *[LIMITED] * 10]) == []
    assert ejected_after([*[BROKEN] * 2, LIMITED, *[BROKEN] * 2, LIMITED, BROKEN]) == [7]
