"""What a limit in a route file takes from which counters, and what settling gives back."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from itertools import combinations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trunkline.policy.limiter import Limiter
from trunkline.policy.limits import LimitRule, Quota, counter_key, refund, share
from trunkline.store import Change, Claim

RULE = LimitRule(
    "all of it",
    (Quota("requests", 60, 60.0), Quota("tokens", 1000, 60.0), Quota("cost", 5000, 3600.0)),
    concurrency=3,
)

KEYS = [
    "aa1adbe7c6bcec164936a38de6014c90",
    "1db8b0d8fe3a5de22da9c7e9b377ad14",
    "375d81d96715bfcdfd3a4bc0dfb2e775",
    "5f13dad7e26b387e4bc6fb1a66bf7391",
]


def test_every_quota_and_the_concurrency_become_one_claim_each() -> None:
    requests, tokens, cost, lease = RULE.claims("ann", 250, 40, 90.0)
    assert requests[1:] == ("bucket", 1, 60, 1.0, 0.0, 0.0, 0.0, False)
    assert tokens[1:] == ("bucket", 250, 1000, 1000 / 60, 0.0, 0.0, 0.0, False)
    assert cost[1:] == ("bucket", 40, 5000, 5000 / 3600, 0.0, 0.0, 0.0, False)
    assert lease[1:] == ("lease", 1, 3, 0.0, 90.0, 0.0, 0.0, False)
    assert len({requests.key, tokens.key, cost.key, lease.key}) == 4


def test_settling_keeps_requests_corrects_tokens_and_cost_and_returns_the_lease() -> None:
    claims = RULE.claims("ann", 250, 40, 90.0)
    assert [change.used for change in RULE.changes(claims, 70, 9)] == [1, 70, 9, 0]
    assert [change.claim for change in RULE.changes(claims, 70, 9)] == claims
    without = LimitRule("w", (Quota("tokens", 10, 60.0),))
    assert len(without.changes(without.claims("ann", 1, 1, 1.0), 2, 3)) == 1


def test_a_refund_gives_back_everything() -> None:
    claims = RULE.claims("ann", 250, 40, 90.0)
    assert refund(claims) == [Change(claim, 0) for claim in claims]


@pytest.mark.parametrize(
    ("caller", "burst", "count", "held"),
    [
        (True, None, 60, 60),
        (False, None, 60, 6),
        (False, None, 69, 6),
        (False, None, 5, 1),
        (True, 7, 60, 7),
        (False, 7, 60, 7),
    ],
)
def test_how_many_requests_may_come_at_once(
    caller: bool, burst: int | None, count: int, held: int
) -> None:
    rule = LimitRule("b", (Quota("requests", count, 60.0),), burst=burst, caller=caller)
    (claim,) = rule.claims("", 0, 0, 0.0)
    assert (claim.capacity, claim.rate) == (held, count / 60)


@pytest.mark.parametrize("unit", ["tokens", "cost"])
def test_tokens_and_cost_hold_the_whole_count_whatever_the_burst(unit: str) -> None:
    quota = Quota(unit, 900, 60.0)  # type: ignore[arg-type]
    (claim,) = LimitRule("b", (quota,), burst=2, caller=False).claims("", 1, 1, 0.0)
    assert claim.capacity == 900


def test_one_subject_has_the_same_counters_at_every_request_and_another_has_others() -> None:
    first, again = (RULE.claims("ann", amount, amount, 90.0) for amount in (1, 2))
    other = RULE.claims("bob", 1, 1, 90.0)
    assert [claim.key for claim in first] == [claim.key for claim in again]
    assert not {claim.key for claim in first} & {claim.key for claim in other}


def test_the_amounts_of_one_request_do_not_leak_into_the_next() -> None:
    RULE.claims("cid", 999, 999, 90.0)
    assert [claim.amount for claim in RULE.claims("cid", 1, 2, 90.0)] == [1, 1, 2, 1]


def test_a_lease_lasts_as_long_as_this_request_asks() -> None:
    assert [RULE.claims("ann", 0, 0, ttl)[-1].ttl for ttl in (90.0, 5.0, 90.0)] == [90.0, 5.0, 90.0]


def test_keys_stay_as_they_are_from_release_to_release() -> None:
    """A counter outlives the process that counts; with other keys every limit would begin anew."""
    keys = [claim.key for claim in RULE.claims("ann", 0, 0, 0.0)]
    assert keys == KEYS


def test_a_rule_is_a_plain_value_whatever_it_remembers() -> None:
    used, new = (LimitRule("a", (Quota("requests", 5, 60.0),)) for _ in range(2))
    used.claims("ann", 0, 0, 0.0)
    assert used == new
    assert hash(used) == hash(new)
    assert "ann" not in repr(used)
    assert not new.strict
    with pytest.raises(FrozenInstanceError):
        used.burst = 6  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        used.quotas[0].count = 6  # type: ignore[misc]


def test_what_is_remembered_about_subjects_does_not_grow_without_end() -> None:
    rule = LimitRule("many", (Quota("requests", 5, 60.0),))
    keys = {rule.claims(str(n), 0, 0, 0.0)[0].key for n in range(10_000)}
    assert len(keys) == 10_000
    assert len(rule._drafts) <= 4096


HOSTILE = ["", ":", "a:b", "a", "{", "{}", "}{", "\0", "a\0b", "\n", "a\nb", "1:a", "\ud800", "é"]


@example("a", "b:c")
@given(st.text(), st.text())
def test_x28_no_two_lists_of_parts_share_a_key(one: str, other: str) -> None:
    assert counter_key(one + other) != counter_key(one, other)
    assert counter_key(one, other, "") != counter_key(one, "", other) or other == ""
    assert (counter_key(one, other) == counter_key(other, one)) is (one == other)


def test_x28_hostile_subjects_have_keys_of_their_own_made_of_plain_letters() -> None:
    subjects = HOSTILE + [a + b for a, b in combinations(HOSTILE, 2) if a + b not in HOSTILE]
    keys = [RULE.claims(subject, 0, 0, 0.0)[0].key for subject in dict.fromkeys(subjects)]
    assert len(set(keys)) == len(keys)
    assert all(key.isalnum() and key.isascii() for key in keys)


def test_x28_one_subject_in_two_rules_is_two_counters() -> None:
    quota = (Quota("requests", 5, 60.0),)
    keys = {LimitRule(name, quota).claims(":", 0, 0, 0.0)[0].key for name in ("a", "b", "a:")}
    assert len(keys) == 3


def test_a_reservation_above_the_capacity_can_never_be_met() -> None:
    refused = Limiter().reserve("r", RULE.claims("ann", 1001, 0, 1.0), 0.0, 0.0)
    assert refused is not None
    assert (refused.index, refused.retry_after) == (1, None)


def test_a_share_is_a_part_of_capacity_and_rate_but_never_nothing() -> None:
    claim = Claim("k", "bucket", 5, 10, 3.0)
    assert share(claim, 1) is claim
    assert share(claim, 3)[2:5] == (5, 3, 1.0)
    assert share(claim, 2)[2:5] == (5, 5, 1.5)
    assert share(claim, 100).capacity == 1
    assert share(claim._replace(capacity=0), 2).capacity == 0
