"""B7: when most of a tier is ejected for a low rate of success and there is nothing below it,
those ejections are overlooked; what is really gone stays out."""

from __future__ import annotations

import random

from trunkline.policy.breaker import BreakerRules
from trunkline.policy.health import Health, Site
from trunkline.policy.outcome import SUCCESS, classify

RULES = BreakerRules(spread=0.0)
SITES = [
    Site(f"{name}/m@chat", f"https://{name}", f"{name}#0", f"{name}/m", RULES) for name in "abcde"
]
BROKEN = classify("server_error", 500, "head", None)
LIMITED = classify("rate_limited", 429, "head", 60.0)


def test_b7_in_a_panic_those_that_work_half_of_the_time_are_asked_again() -> None:
    health = Health(random.Random(1))
    flaky, also_flaky, dead, limited, well = SITES
    for site in (flaky, also_flaky):
        for n in range(30):
            outcome = SUCCESS if n % 3 == 0 else BROKEN
            health.end(health.begin(site, 0.0), outcome, 0.0)
    for _ in range(5):
        health.end(health.begin(dead, 0.0), BROKEN, 0.0)
    health.end(health.begin(limited, 0.0), LIMITED, 0.0)

    def left(panic: bool) -> list[Site]:
        return [site for site in SITES if health.excluded(site, 1.0, panic=panic) is None]

    assert left(panic=False) == [well]
    assert left(panic=True) == [flaky, also_flaky, well]
    reasons = [health.excluded(site, 1.0, panic=True) for site in (dead, limited)]
    assert [(r.reason, r.until) for r in reasons if r] == [("ejected", 10.0), ("cooled", 60.0)]
