"""B14: one request, looped, that makes every target fail ejects none of them."""

from __future__ import annotations

import random

from trunkline.policy.breaker import BreakerRules
from trunkline.policy.health import Health, Site
from trunkline.policy.outcome import SUCCESS, Outcome, classify

SITES = [
    Site(f"{name}/m@chat", f"https://{name}", f"{name}#0", f"{name}/m", BreakerRules())
    for name in "abc"
]
BROKEN = classify("server_error", 500, "head", None)


def send(health: Health, site: Site, outcome: Outcome, now: float, digest: str) -> bool:
    assert health.excluded(site, now) is None
    return bool(health.end(health.begin(site, now), outcome, now, digest))


def test_b14_one_digest_alone_ejects_nobody() -> None:
    health = Health(random.Random(1))
    for n in range(2000):
        for site in SITES:
            assert not send(health, site, BROKEN, n / 10, "death")
    assert health.calm


def test_b14_nor_does_it_among_a_few_that_go_well() -> None:
    health = Health(random.Random(1))
    for n in range(2000):
        for site in SITES:
            assert not send(health, site, BROKEN, n / 10, "death")
            if n % 50 == 0:
                assert not send(health, site, SUCCESS, n / 10, str(n))


def test_b14_three_different_requests_do() -> None:
    health, ejected_at = Health(random.Random(1)), 0
    for number, digest in enumerate(["x", "x", "x", "y", "y", "y", "z"], 1):
        if send(health, SITES[0], BROKEN, 0.0, digest):
            ejected_at = number
    assert ejected_at == 7
