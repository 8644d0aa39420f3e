"""B3: when an ejection expires, one of a hundred arrivals probes; the others go elsewhere."""

from __future__ import annotations

import random

from trunkline.policy.breaker import BreakerRules
from trunkline.policy.health import Health, Permit, Site
from trunkline.policy.outcome import NEUTRAL, SUCCESS, classify

RULES = BreakerRules(spread=0.0)
BAD = Site("a/m@chat", "https://a", "a#0", "a/m", RULES)
GOOD = Site("b/m@chat", "https://b", "b#0", "b/m", RULES)
BROKEN = classify("server_error", 500, "head", None)


def ejected() -> Health:
    health = Health(random.Random(1))
    for _ in range(5):
        health.end(health.begin(BAD, 0.0), BROKEN, 0.0)
    return health


def arrivals(health: Health, now: float, count: int = 100) -> list[Permit]:
    """Each goes to the first of the two that may be asked, and stays under way."""
    return [
        health.begin(next(site for site in (BAD, GOOD) if not health.excluded(site, now)), now)
        for _ in range(count)
    ]


def test_b3_exactly_one_of_a_hundred_probes() -> None:
    health = ejected()
    assert {permit.site.leaf for permit in arrivals(health, 9.99)} == {"b/m"}
    permits = arrivals(health, 10.0)
    assert [permit.site.leaf for permit in permits] == ["a/m"] + ["b/m"] * 99


def test_b3_a_probe_that_fails_closes_the_door_for_longer() -> None:
    health = ejected()
    probe, *others = arrivals(health, 10.0)
    (event,) = health.end(probe, BROKEN, 10.5)
    assert (event.kind, event.until) == ("ejected", 30.5)
    for permit in others:
        assert health.end(permit, SUCCESS, 11.0) == []
    assert {permit.site.leaf for permit in arrivals(health, 30.4)} == {"b/m"}
    assert [permit.site.leaf for permit in arrivals(health, 30.5)].count("a/m") == 1


def test_b4_the_permit_of_a_cancelled_probe_is_free_at_once() -> None:
    """B4: a probe that its client gave up says nothing, and does not leave the door half-open."""
    health = ejected()
    for round_ in range(50):
        now = 10.0 + round_
        probe, other = arrivals(health, now, 2)
        assert (probe.site, other.site) == (BAD, GOOD)
        assert health.end(probe, NEUTRAL, now) == []
        assert health.excluded(BAD, now) is None
    (event,) = health.end(health.begin(BAD, 61.0), SUCCESS, 61.0)
    assert (event.kind, event.key) == ("restored", BAD.breaker)
