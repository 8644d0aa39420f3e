"""Who may be asked, and what comes of it, written down a second time and as plainly as possible:
the table of failures, and the health that they make. It shares nothing with the engine.

Requests come one after another here, and targets stand at origins of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from tests.graph.making import failing, said
from trunkline.errors import UpstreamError
from trunkline.transport import Canned

__all__ = ["TABLE", "Expected", "Failure", "Target"]

Health = Literal["success", "hard", "neutral"]
RESTING: Final = 5.0
LONGEST_REST: Final = 60.0


@dataclass(frozen=True)
class Failure:
    """A row of the table. `again`: the same target may be asked once more. `on`: another one may.
    `reached`: there was a connection. `rests`: seconds that the provider asks for, 0 if it names
    none; `out`: seconds without it. `kind`: `short` where a rest is short enough to be waited
    out."""

    answer: Canned
    health: Health = "neutral"
    again: bool = False
    on: bool = True
    reached: bool = True
    rests: float | None = None
    out: float = 0.0
    kind: str = ""


def _raised(kind: str, stage: str) -> Canned:
    return Canned(error=UpstreamError(kind, "it failed", stage=stage))  # type: ignore[arg-type]


QUOTA = Canned.of_json({"error": {"message": "no", "code": "insufficient_quota"}}, 429)

TABLE: Final[dict[str, Failure]] = {
    "answer": Failure(said(), "success", on=False),
    "refused": Failure(_raised("connect", "connect"), "hard", again=True, reached=False),
    "connects late": Failure(_raised("timeout", "connect"), "hard", reached=False),
    "reset": Failure(_raised("server_error", "sent"), "hard"),
    "no first byte": Failure(_raised("timeout", "sent"), "hard"),
    "408": Failure(failing(408), again=True),
    "409": Failure(failing(409), again=True),
    "425": Failure(failing(425), again=True),
    "429": Failure(failing(429), rests=0.0),
    "429 for 1 s": Failure(failing(429, retry_after="1"), rests=1.0, kind="short"),
    "429 for 40 s": Failure(failing(429, retry_after="40"), rests=40.0),
    "429 for ever": Failure(failing(429, retry_after="100000"), rests=300.0),
    "quota": Failure(QUOTA, out=300.0),
    "402": Failure(failing(402), out=300.0),
    "401": Failure(failing(401), out=300.0),
    "403": Failure(failing(403), out=300.0),
    "404": Failure(failing(404), out=60.0),
    "400": Failure(failing(400), on=False),
    "413": Failure(failing(413), on=False),
    "422": Failure(failing(422), on=False),
    "500": Failure(failing(500), "hard", again=True),
    "502": Failure(failing(502), "hard", again=True),
    "503": Failure(failing(503), "hard", again=True),
    "504": Failure(failing(504), "hard"),
    "520": Failure(failing(520), "hard"),
    "529": Failure(failing(529), "hard"),
    "no JSON": Failure(Canned(200, {}, (b"not json",)), "hard"),
    "empty": Failure(Canned(200, {}, ()), "hard"),
}


@dataclass
class Breaker:
    """Five hard failures in a row open it, for 10 s doubled each time, 300 s at most; each minute
    that it is closed takes one doubling back. One send is let in when its time is over."""

    run: int = 0
    level: int = 0
    closed_at: float = 0.0
    until: float | None = None

    def admits(self, now: float) -> bool:
        return self.until is None or now >= self.until

    def ended(self, health: Health, now: float) -> None:
        """A send that it admitted has ended."""
        if health == "success":
            self.run = 0
            if self.until is not None:
                self.until, self.closed_at = None, now
        elif health == "hard":
            self.run += 1
            if self.until is not None or self.run == 5:
                self._open(now)

    def _open(self, now: float) -> None:
        if self.until is None:
            self.level = max(0, self.level - int((now - self.closed_at) / 60))
        lasts = 10.0 * 2**self.level
        self.level += lasts < 300
        self.until = now + min(lasts, 300.0)
        self.run = 0


@dataclass
class Target:
    """What is known of one target."""

    own: Breaker = field(default_factory=Breaker)
    origin: Breaker = field(default_factory=Breaker)
    rest_until: float = 0.0
    step: float = 0.0
    out_until: float = 0.0

    def admits(self, now: float) -> bool:
        """Whether it may be asked."""
        well = self.own.admits(now) and self.origin.admits(now)
        return well and now >= self.rest_until and now >= self.out_until

    def ended(self, failure: Failure, now: float) -> None:
        """What came of asking it."""
        self.own.ended(failure.health, now)
        self.origin.ended("success" if failure.reached else "hard", now)
        if failure.health == "success":
            self.step = 0.0
        if failure.rests is not None:
            rests = failure.rests
            if not rests:
                rests = self.step = min(max(RESTING, 2 * self.step), LONGEST_REST)
            self.rest_until = max(self.rest_until, now + rests)
        if failure.out:
            self.out_until = now + failure.out


@dataclass
class Expected:
    """A request's attempts, held against the table one after another."""

    targets: dict[str, Target]
    most: int
    total: float
    last: str | None
    """Who is asked last, where that is known; of a balance it is the second that is picked. Only
    there may a short rest be waited out."""
    attempts: list[tuple[str, Failure]] = field(default_factory=list)

    def begins(self, name: str, at: float, now: float) -> None:
        """A send to a target, so many seconds after the request came."""
        assert self.targets[name].admits(now), f"{name} was out"
        assert len(self.attempts) < self.most, "there were more sends than allowed"
        if not self.attempts:
            return
        assert at <= self.total - 1, "there was no second left"
        before, failure = self.attempts[-1]
        if before == name:
            tried = {one for one, _ in self.attempts}
            nowhere_else = name == self.last if self.last else len(tried) == 2
            waits_out = failure.kind == "short" and nowhere_else
            assert failure.again or waits_out, "the same target was asked again"
            assert [one for one, _ in self.attempts].count(name) == 1, "and again"
        else:
            assert failure.on, "another target was asked"
            assert name not in [one for one, _ in self.attempts], "it was come back to"

    def ends(self, name: str, failure: Failure, now: float) -> None:
        """What came of it."""
        self.attempts.append((name, failure))
        self.targets[name].ended(failure, now)
