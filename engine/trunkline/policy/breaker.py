"""The circuit breaker: when a target is ejected, for how long, and how it comes back.

::

    CLOSED ── 5 failures in a row, or success below half ──▶ OPEN ── its time is over ──▶
    HALF_OPEN (one send) ── success ──▶ CLOSED, with a ramp       ── failure ──▶ OPEN, longer

After Envoy's outlier detection (five in a row, 300 s at most), linkerd2's two ways to trip and
Finagle's ring of 30 seconds. Results of sends that began before the last change are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from trunkline.policy.window import Window

if TYPE_CHECKING:
    from trunkline.policy.outcome import OutcomeHealth
    from trunkline.ports import Random

__all__ = ["Breaker", "BreakerRules", "Cause", "Tripped"]

Cause = Literal["consecutive", "rate", "connect"]

BUCKETS: Final = 10
"""Slices of the window."""

HEALTHY: Final = 60.0
"""Seconds without an ejection after which the next one is half as long again."""

LEAST_SHARE: Final = 0.1
"""Of its traffic, what a restored target begins with."""

MOST_DIGESTS: Final = 1024
"""Requests that are told apart in a window; failures of any more all count."""

_SUCCESS, _FAILURE, _SILENT = range(3)


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When to eject. Times are in seconds; None switches a way to trip off.

    `consecutive` failures in a row, or a share of failures above `failure_rate` among at
    least `minimum` sends of the last `window`. An ejection lasts `base`, doubled with each
    further one up to `most`, give or take the share `spread`; a restored target gets back to
    its full traffic within `ramp`. One and the same request supplies at most `digest_share` of
    the failures in a row, and of those in a window.
    """

    consecutive: int | None = 5
    failure_rate: float | None = 0.5
    minimum: int = 20
    window: float = 30.0
    base: float = 10.0
    most: float = 300.0
    spread: float = 0.2
    ramp: float = 30.0
    digest_share: int = 2


class Tripped(NamedTuple):
    """An ejection: why, and until when."""

    cause: Cause
    until: float


class Breaker:
    """One breaker. `begin` gives a token to bring to `end`: which state the send began in.

    `until` is when it may be asked again; `cause` why it is ejected, None while it is not;
    `silent` whether that was mostly for want of any sign of life (no connection, no byte in
    time), not for what it answered.
    """

    __slots__ = (
        "_digests",
        "_epoch",
        "_level",
        "_probing",
        "_ramp_end",
        "_recent",
        "_run",
        "_run_silent",
        "_run_unreached",
        "_since",
        "_window",
        "cause",
        "rules",
        "silent",
        "until",
    )

    def __init__(self, rules: BreakerRules) -> None:
        self.rules = rules
        self.until = 0.0
        self.cause: Cause | None = None
        self.silent = False
        self._epoch = 1
        self._probing = False
        self._level = 0
        self._since = 0.0
        self._ramp_end = 0.0
        self._run = 0
        self._run_silent = True
        self._run_unreached = True
        self._digests: dict[str, int] = {}
        self._recent: dict[str, list[int]] = {}
        self._window = Window(rules.window, BUCKETS, 3)

    def adopt(self, rules: BreakerRules) -> None:
        """Go on with what is known under other rules, as after a reload."""
        if rules.window != self.rules.window:
            self._window = Window(rules.window, BUCKETS, 3)
            self._recent.clear()
        self.rules = rules

    def admits(self, now: float) -> bool:
        """Whether a send may begin: closed, or half-open with nobody probing."""
        return self.cause is None or (now >= self.until and not self._probing)

    def begin(self, now: float) -> int:
        """A send begins; takes the one permit of a half-open breaker.

        Positive in a closed breaker, negative for the probe; 0 for a send that was made although
        the breaker did not admit it, whose result counts nowhere.
        """
        if self.cause is None:
            return self._epoch
        if now >= self.until and not self._probing:
            self._probing = True
            return -self._epoch
        return 0

    def committed(self, token: int, now: float) -> int:
        """An answer has begun to come, which is all that a probe had to show; the token under
        which its end counts like any other's."""
        if token != -self._epoch:
            return token
        self._close(now)
        return self._epoch

    def end(
        self,
        token: int,
        health: OutcomeHealth,
        now: float,
        chance: Random,
        *,
        digest: str = "",
        unreached: bool = False,
    ) -> Tripped | None:
        """A send has ended; whether that ejects the target.

        `digest` tells requests apart (empty: all are different); `unreached`: no connection came
        about.
        """
        if token == self._epoch:
            if health == "success":
                if self._run:
                    self._end_run()
                if self.rules.failure_rate is not None:
                    self._window.add(_SUCCESS, now)
            elif health != "neutral":
                return self._failed(health, now, chance, digest, unreached)
        elif token == -self._epoch and self._probing:
            self._probing = False
            if health == "success":
                self._close(now)
            elif health != "neutral":
                cause: Cause = "rate" if self.cause == "rate" else "consecutive"
                silent = unreached or health == "slow"
                return self._trip("connect" if unreached else cause, silent, now, chance)
            else:
                self._epoch += 1  # so that no second end of this probe is taken for the next one's
        return None

    def weight(self, now: float) -> float:
        """The share of its traffic that it should get: below 1 for a while after it is back."""
        if self.cause is not None or now >= self._ramp_end:
            return 1.0
        return LEAST_SHARE + (1 - LEAST_SHARE) * max(0.0, now - self._since) / self.rules.ramp

    def calm(self, now: float) -> bool:
        """Whether it is closed and beyond its ramp."""
        return self.cause is None and now >= self._ramp_end

    def idle(self, now: float) -> bool:
        """Whether nothing would be lost if it were forgotten."""
        return (
            self.calm(now)
            and not self._run
            and not self._level_at(now)
            and not any(self._window.at(now))
        )

    def _failed(
        self, health: OutcomeHealth, now: float, chance: Random, digest: str, unreached: bool
    ) -> Tripped | None:
        silent = unreached or health == "slow"
        if self._counts_in_window(digest, now):
            self._window.add(_FAILURE, now)
            if silent:
                self._window.add(_SILENT, now)
        rules = self.rules
        if rules.consecutive is not None and self._counts_in_run(digest):
            self._run += 1
            self._run_silent = self._run_silent and silent
            self._run_unreached = self._run_unreached and unreached
            if self._run >= rules.consecutive:
                cause: Cause = "connect" if self._run_unreached else "consecutive"
                return self._trip(cause, self._run_silent, now, chance)
        if rules.failure_rate is None:
            return None
        successes, failures, silences = self._window.at(now)
        total = successes + failures
        if total >= rules.minimum and failures > rules.failure_rate * total:
            return self._trip("rate", 2 * silences > failures, now, chance)
        return None

    def _counts_in_run(self, digest: str) -> bool:
        if not digest:
            return True
        seen = self._digests.get(digest, 0)
        if seen >= self.rules.digest_share:
            return False
        self._digests[digest] = seen + 1
        return True

    def _counts_in_window(self, digest: str, now: float) -> bool:
        if not digest:
            return True
        window = self._window
        window.at(now)
        slots = [slot for slot in self._recent.get(digest, ()) if window.holds(slot)]
        counts = len(slots) < self.rules.digest_share
        if counts:
            slots.append(window.slot)
        if slots and (digest in self._recent or self._has_room()):
            self._recent[digest] = slots
        return counts

    def _has_room(self) -> bool:
        """Whether one more request can be told apart; forgets those that are out of the window."""
        if len(self._recent) >= MOST_DIGESTS:
            holds = self._window.holds
            self._recent = {d: slots for d, slots in self._recent.items() if holds(slots[-1])}
        return len(self._recent) < MOST_DIGESTS

    def _end_run(self) -> None:
        self._run = 0
        self._run_silent = self._run_unreached = True
        self._digests.clear()

    def _level_at(self, now: float) -> int:
        """How often the next ejection is doubled."""
        if self.cause is not None:
            return self._level
        return max(0, self._level - int((now - self._since) / HEALTHY))

    def _trip(self, cause: Cause, silent: bool, now: float, chance: Random) -> Tripped:
        rules = self.rules
        level = self._level_at(now)
        full: float = rules.base * 2**level
        self._level = level + 1 if full < rules.most else level
        spread = 1 + rules.spread * (2 * chance.random() - 1)
        self.until = now + min(full, rules.most) * spread
        self.cause = cause
        self.silent = silent
        self._epoch += 1
        self._end_run()
        self._recent.clear()
        self._window.clear()
        return Tripped(cause, self.until)

    def _close(self, now: float) -> None:
        self.cause = None
        self.silent = False
        self._probing = False
        self._epoch += 1
        self._since = now
        self._ramp_end = now + self.rules.ramp
