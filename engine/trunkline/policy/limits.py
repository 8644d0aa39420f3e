"""What a limit in a route file becomes: claims on counters, and what settling them needs.

Requests are a GCRA, which is the same as a token bucket (ATM Forum TM 4.0; "leaky bucket as a
meter" in ITU-T I.371): a bucket holds the burst and fills at the limit's rate, so that in any
window of one period at most `limit + burst` are let through. Tokens and money have a bucket that
holds the whole count, because one request may need much of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal

from trunkline.store import Change, Claim

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "LimitRule",
    "Quota",
    "Unit",
    "counter_key",
    "refund",
    "share",
    "worth_another_try",
]

Unit = Literal["requests", "tokens", "cost"]

_REMEMBERED = 4096

_new = tuple.__new__
"""Twice as fast as the constructor of a named tuple, for what is made at every request."""


@dataclass(frozen=True, slots=True)
class Quota:
    """`count` requests, tokens or micro-dollars in `period` seconds."""

    unit: Unit
    count: int
    period: float


@dataclass(frozen=True, slots=True)
class LimitRule:
    """One entry of `limits`: quotas and a concurrency that are taken together.

    `name` is its own among all rules of all places. `burst` is how many requests may come at
    once; without it, the whole limit for a caller's limit (`caller`), and a tenth of it, at least
    1, for one that protects a provider. `strict` asks whoever estimates tokens for the worst case.
    """

    name: str
    quotas: tuple[Quota, ...] = ()
    concurrency: int | None = None
    burst: int | None = None
    strict: bool = False
    caller: bool = True
    _drafts: dict[tuple[str, float], tuple[Claim, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def claims(self, subject: str, tokens: int, cost: int, lease_ttl: float) -> list[Claim]:
        """What one request takes: `tokens` and `cost` in micro-dollars as estimated; a lease is
        held at most `lease_ttl` seconds. `subject` is the value of `by`; it may hold anything."""
        draft = self._drafts.get((subject, lease_ttl))
        if draft is None:
            draft = self._draft(subject, lease_ttl)
        claims = list(draft)
        for place, quota in enumerate(self.quotas):
            if quota.unit != "requests":
                key, kind, _, *rest = draft[place]
                amount = tokens if quota.unit == "tokens" else cost
                claims[place] = _new(Claim, (key, kind, amount, *rest))
        return claims

    def changes(self, claims: Sequence[Claim], tokens: int, cost: int) -> list[Change]:
        """What was really used of claims that this rule made: requests stay taken, a lease is
        returned."""
        changes = []
        for place, quota in enumerate(self.quotas):
            claim = claims[place]
            if quota.unit == "requests":
                used = claim.amount
            else:
                used = tokens if quota.unit == "tokens" else cost
            changes.append(_new(Change, (claim, used)))
        if self.concurrency is not None:
            changes.append(Change(claims[-1], 0))
        return changes

    def _draft(self, subject: str, lease_ttl: float) -> tuple[Claim, ...]:
        """The claims of one subject, remembered: hashing costs more than all the rest."""
        made = [
            Claim(
                counter_key(self.name, f"{quota.unit}/{quota.period:g}", subject),
                "bucket",
                1,
                self._capacity(quota),
                quota.count / quota.period,
            )
            for quota in self.quotas
        ]
        if self.concurrency is not None:
            key = counter_key(self.name, "concurrency", subject)
            made.append(Claim(key, "lease", 1, self.concurrency, ttl=lease_ttl))
        if len(self._drafts) >= _REMEMBERED:
            self._drafts.clear()
        draft = self._drafts[subject, lease_ttl] = tuple(made)
        return draft

    def _capacity(self, quota: Quota) -> int:
        if quota.unit != "requests":
            return quota.count
        if self.burst is not None:
            return self.burst
        return quota.count if self.caller else max(1, quota.count // 10)


def counter_key(*parts: str) -> str:
    """A counter's key: a hash over its parts, each with its length before it, so that no two
    lists of parts share a key, whatever a caller puts into one."""
    hashed = sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        hashed.update(b"%d:%b" % (len(raw), raw))
    return hashed.hexdigest()[:32]


LOOK_AGAIN: Final = 1.0
"""Seconds. A place among those under way is free as soon as one of them ends, whenever that is."""


def worth_another_try(claim: Claim, wait: float | None) -> float | None:
    """The seconds that a caller is told to wait for a claim that could not be met in `wait`."""
    if wait is None or claim.kind != "lease":
        return wait
    return min(wait, LOOK_AGAIN)


def refund(claims: Sequence[Claim]) -> list[Change]:
    """Changes that give back all that was reserved."""
    return [Change(claim, 0) for claim in claims]


def share(claim: Claim, replicas: int) -> Claim:
    """One process's part of a counter when `replicas` of them cannot ask one another."""
    if replicas <= 1:
        return claim
    capacity = max(1, claim.capacity // replicas) if claim.capacity else 0
    return claim._replace(capacity=capacity, rate=claim.rate / replicas)
