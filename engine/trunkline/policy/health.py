"""Who may be asked: ejections, cooldowns, and what is out, for one engine.

A target has a circuit breaker of its own and shares one with all others at its origin, which
counts the connections that did not come about. A rate limit cools one credential for one target;
a credential that cannot pay or may not enter is out for all of them. All of this lives as long
as the engine, under keys that a reload does not change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from trunkline.policy.breaker import Breaker, BreakerRules
from trunkline.policy.cooldown import Cooldowns

if TYPE_CHECKING:
    from trunkline.policy.breaker import Tripped
    from trunkline.policy.outcome import Outcome
    from trunkline.ports import Random

__all__ = ["Event", "Exclusion", "Health", "Permit", "Reason", "Site"]

Reason = Literal[
    "ejected",
    "cooled",
    "credential_out",
    "target_out",
    "origin_down",
    "down",
    "headroom",
    "limit",
    "budget",
    "unpriced",
    "throttled",
    "avoided",
]
"""Why somebody is not asked; the second half is not for this register to find out."""

CREDENTIAL_OUT: Final = 300.0
"""Seconds that a credential is left out which cannot pay or may not enter."""

TARGET_OUT: Final = 60.0
"""Seconds that a model or deployment is left out which is not there."""

MOST_MODELS: Final = 1000
"""Refused model names, chosen by callers, that are remembered."""

PAUSE: Final = 1.0
"""Seconds until it is worth looking again at what has no known end: a probe, a failed check."""

LOOK: Final = 0.25
"""Seconds between two looks at whether everything is well again."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a send goes, by the keys under which its health is kept.

    `breaker`: provider, upstream model and dialect. `origin`: scheme, host and port.
    `credential`: never empty. `leaf`: the id that people see. `model`: where callers choose the
    model's name, that name; `breaker` is then the provider's alone.
    """

    breaker: str
    origin: str
    credential: str
    leaf: str
    rules: BreakerRules
    model: str = ""

    @property
    def limited(self) -> tuple[str, str]:
        """What a provider's rate limit is of: a credential, and a model there. Providers limit
        models apart, also those whose names callers choose."""
        return self.credential, f"{self.breaker}/{self.model}" if self.model else self.breaker


class Exclusion(NamedTuple):
    """Why a target may not be asked now, and until when; `rate_limit`: its callers came too
    fast, it is not broken."""

    reason: Reason
    until: float
    rate_limit: bool


class Event(NamedTuple):
    """Something to tell an operator once. `key` is what it happened to; `restored` has no end,
    and a budget that is nearly used up is whole again at `until`."""

    kind: Literal[
        "down", "ejected", "restored", "cooled", "credential_out", "target_out", "budget_low"
    ]
    key: str
    until: float = 0.0

    def words(self, now: float) -> str:
        """The same as a sentence for a log."""
        return _WORDS[self.kind].format(key=self.key, seconds=self.until - now)


_WORDS: Final = {
    "down": "{key} does not pass its health check, so nothing is sent there",
    "ejected": "{key} is ejected for {seconds:.0f} s, because it kept failing",
    "restored": "{key} is back",
    "cooled": "{key} is left alone for {seconds:.1f} s, because it limits how often it is asked",
    "credential_out": "{key} was refused or cannot pay: not used for {seconds:.0f} s",
    "target_out": "{key} is not known there: not asked for {seconds:.0f} s",
    "budget_low": "the budget {key} is nearly used up; its window ends in {seconds:.0f} s",
}


class Permit:
    """A send that is under way; ended once."""

    __slots__ = ("_origin", "_origin_token", "_target", "_target_token", "begun", "site")

    def __init__(self, site: Site, begun: float, target: Breaker, origin: Breaker) -> None:
        self.site = site
        self.begun = begun
        self._target = target
        self._origin = origin
        self._target_token = target.begin(begun)
        self._origin_token = origin.begin(begun)


class Health:
    """The register.

    `calm` says that nothing is out, cooled, ejected or on its way back anywhere: `excluded` is
    None and `weight` 1 for every site, and need not be asked.
    """

    __slots__ = (
        "_chance",
        "_cooldowns",
        "_down",
        "_look_at",
        "_origins",
        "_out",
        "_out_models",
        "_room",
        "_targets",
        "calm",
    )

    def __init__(self, chance: Random) -> None:
        self.calm = True
        self._chance = chance
        self._targets: dict[str, Breaker] = {}
        self._origins: dict[str, Breaker] = {}
        self._cooldowns = Cooldowns()
        self._out: dict[tuple[Reason, str], float] = {}
        self._out_models: dict[tuple[str, str], float] = {}
        self._down: set[str] = set()
        self._room = 128
        self._look_at = 0.0

    def begin(self, site: Site, now: float) -> Permit:
        """A send begins, which takes the permit of whatever is half-open on its way."""
        target = self._targets.get(site.breaker)
        if target is None or target.rules is not site.rules:
            target = self._target(site, now)
        origin = self._origins.get(site.origin)
        if origin is None:
            origin = self._origin(site, now)
        return Permit(site, now, target, origin)

    def committed(self, permit: Permit, now: float) -> list[Event]:
        """The answer has begun to come. A probe has then shown what it had to, however long the
        answer takes; its end counts like that of any other send."""
        events: list[Event] = []
        if permit._target_token < 0:
            permit._target_token = permit._target.committed(permit._target_token, now)
            if permit._target_token > 0:
                events.append(Event("restored", permit.site.breaker))
        if permit._origin_token < 0:
            permit._origin_token = permit._origin.committed(permit._origin_token, now)
            if permit._origin_token > 0:
                events.append(Event("restored", permit.site.origin))
        return events

    def end(self, permit: Permit, outcome: Outcome, now: float, digest: str = "") -> list[Event]:
        """A send has ended: what came of it, and what changed by that.

        `digest` tells requests apart, so that one of them alone cannot eject a target. To end a
        permit again changes no breaker.
        """
        site, target_token = permit.site, permit._target_token
        origin_token, permit._target_token, permit._origin_token = permit._origin_token, 0, 0
        chance = self._chance
        if outcome.health == "success" and target_token > 0 and origin_token > 0:
            permit._target.end(target_token, "success", now, chance)
            permit._origin.end(origin_token, "success", now, chance)
            if self._cooldowns.doubling:
                self._cooldowns.succeeded(site.limited, permit.begun)
            return []
        unreached = outcome.origin
        events: list[Event] = []
        tripped = permit._target.end(
            target_token,
            outcome.health,
            now,
            chance,
            digest="" if unreached else digest,
            unreached=unreached,
        )
        self._note(permit._target, target_token, site.breaker, tripped, events)
        came: Literal["success", "hard", "neutral"] = "hard" if unreached else "neutral"
        tripped = permit._origin.end(
            origin_token, "success" if outcome.reached else came, now, chance, unreached=unreached
        )
        self._note(permit._origin, origin_token, site.origin, tripped, events)
        self._note_overlays(permit, outcome, now, events)
        return events

    def excluded(
        self, site: Site, now: float, *, lone: bool = False, panic: bool = False
    ) -> Exclusion | None:
        """Why this site may not be asked now, by what lasts longest; None if it may.

        `lone`: it is the only target of its route, so an ejection counts only if there was no
        sign of life, and a rate limit only as long as the provider said. `panic`: too many are
        out, so ejections for a low rate of success do not count.
        """
        if self.calm or (now >= self._look_at and self._look(now)):
            return None
        worst: Exclusion | None = None
        for reason, until in self._reasons(site, now, lone, panic):
            if worst is None or until > worst.until:
                worst = Exclusion(reason, until, reason == "cooled")
        return worst

    def weight(self, site: Site, now: float) -> float:
        """The share in (0, 1] of its traffic that a site should get."""
        if self.calm:
            return 1.0
        target, origin = self._targets.get(site.breaker), self._origins.get(site.origin)
        return min(
            1.0 if target is None else target.weight(now),
            1.0 if origin is None else origin.weight(now),
        )

    def forgive(self) -> None:
        """Whoever was left out because of a credential or a name may be asked again: somebody has
        looked after them."""
        self._out.clear()
        self._out_models.clear()

    def down(self, origin: str, is_down: bool) -> None:
        """What an active check found out about an origin."""
        if is_down:
            self._down.add(origin)
            self.calm = False
        else:
            self._down.discard(origin)

    def troubles(self, now: float) -> list[tuple[str, Reason, float]]:
        """What cannot be asked at this time: its key, why, and until when."""
        found: list[tuple[str, Reason, float]] = [
            (origin, "down", now + PAUSE) for origin in sorted(self._down)
        ]
        known: tuple[tuple[dict[str, Breaker], Reason], ...] = (
            (self._origins, "origin_down"),
            (self._targets, "ejected"),
        )
        for breakers, reason in known:
            found += [
                (key, reason, breaker.until) for key, breaker in breakers.items() if breaker.cause
            ]
        found += [(key, reason, until) for (reason, key), until in self._out.items() if until > now]
        found += [
            (f"{key}/{model}", "target_out", until)
            for (key, model), until in self._out_models.items()
            if until > now
        ]
        found += [(f"{c} {b}", "cooled", until) for (c, b), until in self._cooldowns.running(now)]
        return found

    def _reasons(
        self, site: Site, now: float, lone: bool, panic: bool
    ) -> list[tuple[Reason, float]]:
        found: list[tuple[Reason, float]] = []
        if site.origin in self._down:
            found.append(("down", now + PAUSE))
        origin = self._origins.get(site.origin)
        if origin is not None and origin.cause is not None and not origin.admits(now):
            found.append(("origin_down", max(origin.until, now + PAUSE)))
        target = self._targets.get(site.breaker)
        if target is not None and target.cause is not None and not target.admits(now):
            honoured = target.silent if lone else not (panic and target.cause == "rate")
            if honoured:
                found.append(("ejected", max(target.until, now + PAUSE)))
        cooled = self._cooldowns.until(site.limited, asked=lone)
        if cooled > now:
            found.append(("cooled", cooled))
        if self._out or self._out_models:
            found += self._out_reasons(site, now)
        return found

    def _out_reasons(self, site: Site, now: float) -> list[tuple[Reason, float]]:
        out: tuple[tuple[Reason, float], ...] = (
            ("credential_out", self._out.get(("credential_out", site.credential), 0.0)),
            ("target_out", self._out.get(("target_out", site.breaker), 0.0)),
            ("target_out", self._out_models.get((site.breaker, site.model), 0.0)),
        )
        return [(reason, until) for reason, until in out if until > now]

    def _note(
        self, breaker: Breaker, token: int, key: str, tripped: Tripped | None, events: list[Event]
    ) -> None:
        """Tell of an ejection, or of a probe that ended one."""
        if tripped is not None:
            self.calm = False
            events.append(Event("ejected", key, tripped.until))
        elif token < 0 and breaker.cause is None:
            events.append(Event("restored", key))

    def _note_overlays(
        self, permit: Permit, outcome: Outcome, now: float, events: list[Event]
    ) -> None:
        """Cooldowns, and what is out."""
        site = permit.site
        key = site.limited
        if outcome.health == "success":
            self._cooldowns.succeeded(key, permit.begun)
        elif site.model and outcome.of_model:
            self._model_out(site, now, events)
        elif outcome.credential == "cooldown":
            until = self._cooldowns.refused(key, outcome.cool, permit.begun, now)
            self.calm = False
            if until is not None:
                events.append(Event("cooled", " ".join(key), until))
        elif outcome.credential == "out":
            self._leave_out("credential_out", site.credential, now + CREDENTIAL_OUT, now, events)
        elif outcome.target == "out":
            self._leave_out("target_out", site.breaker, now + TARGET_OUT, now, events)

    def _leave_out(
        self,
        reason: Literal["credential_out", "target_out"],
        key: str,
        until: float,
        now: float,
        events: list[Event],
    ) -> None:
        if self._out.get((reason, key), 0.0) <= now:
            events.append(Event(reason, key, until))
        self._out[reason, key] = until
        self.calm = False

    def _model_out(self, site: Site, now: float, events: list[Event]) -> None:
        """Told only while no other such name is out: callers can make up any number of them."""
        models, key = self._out_models, (site.breaker, site.model)
        if not any(until > now for until in models.values()):
            events.append(Event("target_out", f"{site.breaker}/{site.model}", now + TARGET_OUT))
        models.pop(key, None)
        models[key] = now + TARGET_OUT
        if len(models) > MOST_MODELS:
            del models[next(iter(models))]
        self.calm = False

    def _target(self, site: Site, now: float) -> Breaker:
        known = self._targets.get(site.breaker)
        if known is not None:
            known.adopt(site.rules)
            return known
        self._make_room(now)
        made = self._targets[site.breaker] = Breaker(site.rules)
        return made

    def _origin(self, site: Site, now: float) -> Breaker:
        self._make_room(now)
        made = self._origins[site.origin] = Breaker(_for_connections(site.rules))
        return made

    def _make_room(self, now: float) -> None:
        """Forget breakers that know nothing, before there are too many of them."""
        if len(self._targets) + len(self._origins) < self._room:
            return
        self._targets = {k: b for k, b in self._targets.items() if not b.idle(now)}
        self._origins = {k: b for k, b in self._origins.items() if not b.idle(now)}
        self._room = max(128, 2 * (len(self._targets) + len(self._origins)))

    def _look(self, now: float) -> bool:
        """Whether everything is well again. Drops what is over."""
        self._look_at = now + LOOK
        self._out = {key: until for key, until in self._out.items() if until > now}
        self._out_models = {key: until for key, until in self._out_models.items() if until > now}
        self.calm = (
            not self._down
            and not self._out
            and not self._out_models
            and not self._cooldowns.running(now)
            and all(breaker.calm(now) for breaker in self._targets.values())
            and all(breaker.calm(now) for breaker in self._origins.values())
        )
        return self.calm


@lru_cache(maxsize=256)
def _for_connections(rules: BreakerRules) -> BreakerRules:
    """What an origin is judged by: connections in a row that did not come about."""
    return replace(rules, failure_rate=None, digest_share=1)
