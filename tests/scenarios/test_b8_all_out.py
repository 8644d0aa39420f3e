"""B8: when everybody is out, it is known at once until when, and whether it is only a matter of
pace."""

from __future__ import annotations

import random

from trunkline.policy.breaker import BreakerRules
from trunkline.policy.health import Health, Site
from trunkline.policy.outcome import classify

RULES = BreakerRules(spread=0.0)
A, B, C = [Site(f"{n}/m@chat", f"https://{n}", f"{n}#0", f"{n}/m", RULES) for n in "abc"]
BROKEN = classify("server_error", 500, "head", None)


def test_b8_the_soonest_end_of_all_exclusions_is_known() -> None:
    health = Health(random.Random(1))
    for _ in range(5):
        health.end(health.begin(A, 3.0), BROKEN, 3.0)
    health.end(health.begin(B, 3.0), classify("rate_limited", 429, "head", 4.0), 3.0)
    health.end(health.begin(C, 3.0), classify("auth", 401, "head", None), 3.0)
    out = [health.excluded(site, 4.0) for site in (A, B, C)]
    assert [(e.reason, e.until, e.rate_limit) for e in out if e is not None] == [
        ("ejected", 13.0, False),
        ("cooled", 7.0, True),
        ("credential_out", 303.0, False),
    ]
    assert health.excluded(B, 7.0) is None


def test_b8_the_soonest_is_asked_once_although_it_is_out() -> None:
    """What `try_soonest` sends does not count as a probe, and does not end the ejection."""
    health = Health(random.Random(1))
    for _ in range(5):
        health.end(health.begin(A, 0.0), BROKEN, 0.0)
    assert health.end(health.begin(A, 1.0), BROKEN, 1.0) == []
    assert health.excluded(A, 9.9) is not None
    assert health.excluded(A, 10.0) is None
