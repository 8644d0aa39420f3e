"""Property 8: the breaker does what a plain list of everything says, and never wedges."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.policy.breaker import Breaker, BreakerRules

if TYPE_CHECKING:
    from trunkline.policy.breaker import Cause
    from trunkline.policy.outcome import OutcomeHealth

RULES = BreakerRules(spread=0.0)
CHANCE = random.Random(1)


class Half:
    """Chance that is always in the middle, so that times are as written."""

    def random(self) -> float:
        return 0.5


@dataclass
class Reference:
    """The rules told again with lists that are never cut, and no rings or counters."""

    rules: BreakerRules
    state: str = "closed"
    until: float = 0.0
    cause: str | None = None
    level: int = 0
    since: float = 0.0
    generation: int = 0
    probing: int | None = None
    begun: int = 0
    run: list[str] = field(default_factory=list)
    samples: list[tuple[int, str, str]] = field(default_factory=list)

    def begin(self, now: float) -> tuple[int, int | None]:
        """(generation, number of the probe)."""
        if self.state == "open" and now >= self.until:
            self.state = "half-open"
        if self.state == "closed":
            return self.generation, None
        if self.state == "half-open" and self.probing is None:
            self.begun += 1
            self.probing = self.begun
            return self.generation, self.begun
        return -1, None

    def end(self, permit: tuple[int, int | None], health: str, digest: str, now: float) -> None:
        generation, probe = permit
        if probe is not None:
            if probe != self.probing or generation != self.generation:
                return
            self.probing = None
            if health == "success":
                self.state, self.cause, self.since = "closed", None, now
                self.generation += 1
            elif health != "neutral":
                self.trip("rate" if self.cause == "rate" else "consecutive", now)
            return
        if generation != self.generation or self.state != "closed" or health == "neutral":
            return
        rules, slot = self.rules, int(now / (self.rules.window / 10))
        inside = [sample for sample in self.samples if sample[0] > slot - 10]
        share = rules.digest_share
        if health == "success":
            self.run = []
            self.samples.append((slot, "success", ""))
            return
        same = [s for s in inside if s[1] == "failure" and s[2] == digest]
        if not digest or len(same) < share:
            self.samples.append((slot, "failure", digest))
            inside.append((slot, "failure", digest))
        if not digest or self.run.count(digest) < share:
            self.run.append(digest)
            if rules.consecutive is not None and len(self.run) >= rules.consecutive:
                self.trip("consecutive", now)
                return
        failures = sum(1 for s in inside if s[1] == "failure")
        if (
            rules.failure_rate is not None
            and len(inside) >= rules.minimum
            and failures / len(inside) > rules.failure_rate
        ):
            self.trip("rate", now)

    def trip(self, cause: str, now: float) -> None:
        if self.state == "closed":
            self.level = max(0, self.level - int((now - self.since) / 60))
        self.until = now + min(self.rules.base * 2**self.level, self.rules.most)
        if self.rules.base * 2**self.level < self.rules.most:
            self.level += 1
        self.state, self.cause = "open", cause
        self.generation += 1
        self.run, self.samples = [], []


events = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.0, 0.0, 0.1, 0.7, 3.0, 11.0, 29.0, 75.0]),
        st.sampled_from(["begin", "end", "end", "both", "both", "both"]),
        st.sampled_from(["success", "success", "hard", "hard", "hard", "slow", "neutral"]),
        st.sampled_from(["", "", "x", "y"]),
        st.integers(0, 5),
    ),
    max_size=120,
)
rules_of = st.builds(
    BreakerRules,
    consecutive=st.sampled_from([None, 3, 5]),
    failure_rate=st.sampled_from([None, 0.5, 0.25]),
    minimum=st.sampled_from([4, 10]),
    window=st.sampled_from([30.0, 10.0]),
    base=st.just(10.0),
    most=st.sampled_from([40.0, 300.0]),
    spread=st.just(0.0),
    digest_share=st.sampled_from([1, 2]),
)


def agree(
    rules: BreakerRules, schedule: list[tuple[float, str, OutcomeHealth, str, int]], now: float
) -> None:
    """Play a schedule to both, and compare all that can be seen after each step."""
    breaker, reference = Breaker(rules), Reference(rules)
    under_way: list[tuple[int, tuple[int, int | None]]] = []
    for pause, what, health, digest, which in schedule:
        now += pause
        if what != "end":
            under_way.append((breaker.begin(now), reference.begin(now)))
        if what != "begin" and under_way:
            at = len(under_way) - 1 if what == "both" else which % len(under_way)
            token, permit = under_way.pop(at)
            tripped = breaker.end(token, health, now, Half(), digest=digest)
            reference.end(permit, health, digest, now)
            assert (tripped is None) or (tripped.cause, tripped.until) == (
                reference.cause,
                reference.until,
            )
        assert breaker.cause == reference.cause
        if reference.cause is not None:
            assert breaker.until == pytest.approx(reference.until)
        free = reference.probing is None and now >= reference.until
        assert breaker.admits(now) == (reference.state == "closed" or free)
    # Whatever is still under way is given up; nothing may hang on it.
    for token, _ in under_way:
        breaker.end(token, "neutral", now, Half())
    assert breaker.admits(max(now, breaker.until))


@given(rules_of, events, st.floats(0, 1e6))
def test_a_breaker_agrees_with_a_list_of_everything(
    rules: BreakerRules,
    schedule: list[tuple[float, str, OutcomeHealth, str, int]],
    now: float,
) -> None:
    agree(rules, schedule, now)


@pytest.mark.nightly
@settings(max_examples=50_000)
@given(rules_of, events, st.floats(0, 1e6))
def test_a_breaker_agrees_with_a_list_of_everything_at_length(
    rules: BreakerRules,
    schedule: list[tuple[float, str, OutcomeHealth, str, int]],
    now: float,
) -> None:
    agree(rules, schedule, now)


def test_the_defaults_are_those_that_are_written_down() -> None:
    rules = BreakerRules()
    assert (rules.consecutive, rules.failure_rate, rules.minimum) == (5, 0.5, 20)
    assert (rules.window, rules.base, rules.most) == (30.0, 10.0, 300.0)
    assert (rules.spread, rules.ramp, rules.digest_share) == (0.2, 30.0, 2)


def test_a_window_forgets_a_tenth_at_a_time() -> None:
    breaker = Breaker(replace(RULES, consecutive=None))
    slow(breaker, 2.9, 10)
    slow(breaker, 3.1, 9)
    slow(breaker, 30.1)
    assert breaker.cause is None
    slow(breaker, 30.1, 10)
    assert cause_of(breaker) == "rate"


def fail(breaker: Breaker, now: float, count: int = 1, unreached: bool = False) -> None:
    for _ in range(count):
        breaker.end(breaker.begin(now), "hard", now, Half(), unreached=unreached)


def cause_of(breaker: Breaker) -> Cause | None:
    return breaker.cause


def succeed(breaker: Breaker, now: float, count: int = 1) -> None:
    for _ in range(count):
        breaker.end(breaker.begin(now), "success", now, Half())


def slow(breaker: Breaker, now: float, count: int = 1) -> None:
    for _ in range(count):
        breaker.end(breaker.begin(now), "slow", now, Half())


def test_five_that_give_no_sign_of_life_in_a_row_eject() -> None:
    breaker = Breaker(RULES)
    slow(breaker, 1.0, 4)
    assert cause_of(breaker) is None
    slow(breaker, 1.0)
    assert cause_of(breaker) == "consecutive"
    assert breaker.silent


def test_a_row_with_one_loud_failure_is_not_silent() -> None:
    breaker = Breaker(RULES)
    slow(breaker, 1.0, 4)
    fail(breaker, 1.0)
    assert cause_of(breaker) == "consecutive"
    assert not breaker.silent


def test_slow_answers_count_for_the_rate() -> None:
    breaker = Breaker(replace(RULES, consecutive=None))
    slow(breaker, 1.0, 19)
    assert cause_of(breaker) is None
    slow(breaker, 1.0)
    assert cause_of(breaker) == "rate"
    assert breaker.silent


def test_a_slow_answer_between_failures_does_not_end_their_row() -> None:
    breaker = Breaker(RULES)
    fail(breaker, 1.0, 4)
    slow(breaker, 1.0)
    fail(breaker, 1.0)
    assert cause_of(breaker) == "consecutive"
    assert not breaker.silent


def test_a_row_of_failed_connections_is_told_from_one_of_bad_answers() -> None:
    breaker = Breaker(RULES)
    fail(breaker, 1.0, 5, unreached=True)
    assert (breaker.cause, breaker.silent) == ("connect", True)
    mixed = Breaker(RULES)
    fail(mixed, 1.0, 4, unreached=True)
    fail(mixed, 1.0)
    assert (mixed.cause, mixed.silent) == ("consecutive", False)
    again = Breaker(RULES)
    fail(again, 1.0)
    succeed(again, 1.0)
    fail(again, 1.0, 5, unreached=True)
    assert again.cause == "connect"


def test_a_rate_is_silent_when_most_of_its_failures_are() -> None:
    for loud, expected in ((9, True), (10, False), (11, False)):
        breaker = Breaker(replace(RULES, consecutive=None))
        fail(breaker, 1.0, loud)
        slow(breaker, 1.0, 20 - loud)
        assert (breaker.cause, breaker.silent) == ("rate", expected)
    connections = Breaker(replace(RULES, consecutive=None))
    fail(connections, 1.0, 20, unreached=True)
    assert (connections.cause, connections.silent) == ("rate", True)


def test_exactly_half_is_not_below_half() -> None:
    breaker = Breaker(replace(RULES, consecutive=None))
    succeed(breaker, 1.0, 10)
    fail(breaker, 1.0, 10)
    assert cause_of(breaker) is None
    fail(breaker, 1.0)
    assert cause_of(breaker) == "rate"


def test_a_probe_that_fails_says_anew_why() -> None:
    breaker = Breaker(replace(RULES, consecutive=None))
    slow(breaker, 0.0, 20)
    fail(breaker, 10.0)
    assert (breaker.cause, breaker.silent) == ("rate", False)
    fail(breaker, 30.0, unreached=True)
    assert (breaker.cause, breaker.silent) == ("connect", True)
    slow(breaker, 70.0)
    assert (breaker.cause, breaker.silent) == ("consecutive", True)
    succeed(breaker, 150.0)
    assert (breaker.cause, breaker.silent) == (None, False)


def test_a_probe_has_shown_enough_when_its_answer_begins() -> None:
    breaker = Breaker(RULES)
    fail(breaker, 0.0, 5)
    token = breaker.begin(10.0)
    assert not breaker.admits(10.0)
    token = breaker.committed(token, 11.0)
    assert breaker.admits(11.0)
    assert breaker.weight(11.0) == pytest.approx(0.1)
    # The end of that answer counts as any other's: with four more, five in a row.
    breaker.end(token, "hard", 12.0, Half())
    fail(breaker, 12.0, 3)
    assert cause_of(breaker) is None
    fail(breaker, 12.0)
    assert cause_of(breaker) == "consecutive"


def test_the_beginning_of_another_answer_changes_nothing() -> None:
    breaker = Breaker(RULES)
    token = breaker.begin(0.0)
    assert breaker.committed(token, 0.0) == token
    fail(breaker, 0.0, 5)
    assert breaker.committed(token, 0.0) == token
    forced = breaker.begin(1.0)
    assert forced == 0
    assert breaker.committed(forced, 1.0) == forced
    assert cause_of(breaker) == "consecutive"


def test_the_second_end_of_a_probe_is_not_taken_for_the_next_ones() -> None:
    breaker = Breaker(RULES)
    fail(breaker, 0.0, 5)
    given_up = breaker.begin(10.0)
    breaker.end(given_up, "neutral", 10.0, Half())
    probe = breaker.begin(10.0)
    breaker.end(given_up, "success", 10.0, Half())
    assert cause_of(breaker) == "consecutive"
    assert not breaker.admits(10.0)
    breaker.end(probe, "success", 10.0, Half())
    assert cause_of(breaker) is None


def test_an_ejection_is_spread_around_its_length() -> None:
    class At:
        def __init__(self, value: float) -> None:
            self.value = value

        def random(self) -> float:
            return self.value

    for chance, seconds in ((0.0, 8.0), (0.5, 10.0), (0.75, 11.0)):
        breaker = Breaker(BreakerRules())
        for _ in range(5):
            breaker.end(breaker.begin(100.0), "hard", 100.0, At(chance))
        assert breaker.until == pytest.approx(100.0 + seconds)


def test_a_way_to_trip_can_be_switched_off() -> None:
    breaker = Breaker(replace(RULES, consecutive=None, failure_rate=None))
    fail(breaker, 0.0, 1000)
    assert cause_of(breaker) is None
    assert breaker.admits(0.0)


def test_a_ramp_can_be_switched_off() -> None:
    breaker = Breaker(replace(RULES, ramp=0.0))
    fail(breaker, 0.0, 5)
    succeed(breaker, 10.0)
    assert breaker.weight(10.0) == 1.0
    assert breaker.calm(10.0)


def test_a_breaker_is_calm_after_its_ramp_and_idle_when_it_knows_nothing() -> None:
    breaker = Breaker(RULES)
    assert breaker.idle(0.0)
    fail(breaker, 0.0)
    assert breaker.calm(0.0)
    assert not breaker.idle(0.0)
    # Its only failure is out of the window, but would still be the first of five in a row.
    assert not breaker.idle(1000.0)
    fail(breaker, 0.0, 4)
    assert not breaker.calm(0.0)
    succeed(breaker, 10.0)
    assert not breaker.calm(39.9)
    assert breaker.calm(40.0)
    assert not breaker.idle(69.9)
    assert breaker.idle(70.0)
    succeed(breaker, 70.0)
    assert not breaker.idle(70.0)
    assert breaker.idle(100.0)


def test_other_rules_take_over_what_is_known() -> None:
    breaker = Breaker(RULES)
    fail(breaker, 0.0, 3)
    breaker.adopt(replace(RULES, consecutive=4))
    fail(breaker, 0.0)
    assert cause_of(breaker) == "consecutive"
    breaker.adopt(RULES)
    assert cause_of(breaker) == "consecutive"


def test_another_window_begins_empty() -> None:
    rules = replace(RULES, consecutive=None)
    breaker = Breaker(rules)
    for digest in ("a", "a", "b", "b"):
        breaker.end(breaker.begin(0.0), "slow", 0.0, Half(), digest=digest)
    other = replace(rules, window=60.0, minimum=2)
    breaker.adopt(other)
    breaker.end(breaker.begin(0.0), "slow", 0.0, Half(), digest="a")
    assert cause_of(breaker) is None
    breaker.end(breaker.begin(59.0), "slow", 59.0, Half(), digest="a")
    assert cause_of(breaker) == "rate"
    kept = Breaker(rules)
    slow(kept, 0.0, 19)
    kept.adopt(replace(rules, base=1.0))
    slow(kept, 0.0)
    assert kept.until == pytest.approx(1.0)


def test_a_flood_of_different_requests_is_told_apart_up_to_a_bound() -> None:
    breaker = Breaker(replace(RULES, consecutive=None, failure_rate=0.99))
    succeed(breaker, 0.0, 3000)
    for n in range(3000):
        breaker.end(breaker.begin(0.0), "hard", 0.0, Half(), digest=str(n))
    assert len(breaker._recent) == 1024
    # Once these are out of the window there is room again.
    breaker.end(breaker.begin(40.0), "hard", 40.0, Half(), digest="new")
    assert list(breaker._recent) == ["new"]


def test_stragglers_do_not_make_an_ejection_longer_or_a_probe_of_themselves() -> None:
    breaker = Breaker(RULES)
    tokens = [breaker.begin(0.0) for _ in range(30)]
    for token in tokens[:15]:
        breaker.end(token, "hard", 1.0, Half())
    assert breaker.until == pytest.approx(11.0)
    for token in tokens[15:25]:
        breaker.end(token, "success", 11.0, Half())
    assert cause_of(breaker) == "consecutive"
    succeed(breaker, 11.0)
    for token in tokens[25:]:
        breaker.end(token, "hard", 12.0, Half())
    assert cause_of(breaker) is None


def test_one_request_supplies_two_failures_and_no_third() -> None:
    breaker = Breaker(replace(RULES, consecutive=3))
    for _ in range(10):
        breaker.end(breaker.begin(0.0), "hard", 0.0, Half(), digest="death")
    assert breaker.cause is None
    breaker.end(breaker.begin(0.0), "hard", 0.0, Half(), digest="other")
    assert cause_of(breaker) == "consecutive"
    rated = Breaker(replace(RULES, consecutive=None, minimum=3))
    for _ in range(10):
        rated.end(rated.begin(0.0), "slow", 0.0, Half(), digest="death")
    assert rated.cause is None
    rated.end(rated.begin(0.0), "slow", 0.0, Half(), digest="other")
    assert cause_of(rated) == "rate"
