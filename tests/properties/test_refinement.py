"""Property 7: whatever targets answer, and whenever: who is asked is whom the table of failures and
the health that follows from it allow, and who is passed over is one that they do not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.graph.making import PROVIDERS, Crank
from tests.properties.reference import TABLE, Expected, Target
from trunkline.compile import load_plan
from trunkline.errors import CallError
from trunkline.runtime import Engine
from trunkline.transport import ScriptedTransport
from trunkline.wire.jsontext import dumps

if TYPE_CHECKING:
    from trunkline.ports import Decision, HttpRequest
    from trunkline.transport import Canned

STRATEGIES = st.sampled_from(["weighted", "round_robin", "random", "least_connections", "sticky"])
HEALTH = ("ejected", "cooled", "its credential", "the provider does not know", "there is no conn")
TOTAL = 8.0
MOODS = st.sampled_from(sorted(TABLE))
WAITS = st.sampled_from([0.5, 1.1, 4.9, 5.1, 9.9, 10.1, 20.1, 39.0, 45.0, 59.0, 61.0, 299.0, 301.0])


class Middle:
    """Chance that is always in the middle, so that ejections last as long as they should."""

    def random(self) -> float:
        return 0.5


class Refinement(RuleBasedStateMachine):
    """An engine, the reference, and targets that change their minds."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.engine: Engine | None = None

    @initialize(
        names=st.permutations("abc").flatmap(
            lambda names: st.integers(2, 3).map(lambda count: names[:count])
        ),
        by=st.none() | STRATEGIES,
        below=st.booleans(),
        same=st.integers(0, 1),
        most=st.integers(3, 4),
    )
    def opens(self, names: list[str], by: str | None, below: bool, same: int, most: int) -> None:
        leaves = [f"{name}/m" for name in names]
        self.ordered = by is None
        self.last: str | None = names[-1] if by is None else None
        node: Any = leaves
        if by is not None:
            balance: Any = {"by": by, "of": leaves}
            if by == "sticky":
                balance["key"] = "request.user"
            node = [{"balance": balance}, "d/m"] if below else {"balance": balance}
            if below:
                self.last = "d"
        self.same, self.most = same, most
        self.targets = {name: Target() for name in "abcd"}
        self.moods = dict.fromkeys("abcd", "answer")
        self.script: list[str] = []
        self.answered: list[str] = []
        self.asked = 0
        self.clock = Crank()
        self.transport = ScriptedTransport(self.answer, self.clock)
        route = {
            "match": "m",
            "to": node,
            "timeouts": {"total": f"{TOTAL:g}s"},
            "retry": {"same_target": same, "max_sends": most},
        }
        text = (
            f"version: 1\nproviders:\n{PROVIDERS}\n"
            "defaults: {circuit_breaker: {failure_rate: off}}\n"
            f"routes: {dumps([route]).decode()}\n"
        )
        opening = Engine.open(
            load_plan(text),
            transport=lambda: self.transport,
            clock=self.clock,
            chance=Middle(),
            environ={},
            alert=lambda _event: None,
        )
        self.engine = self.loop.run_until_complete(opening.start())

    def answer(self, request: HttpRequest) -> Canned:
        name = request.url.split("/")[2].split(".")[0]
        mood = self.script.pop(0) if self.script else self.moods[name]
        self.answered.append(mood)
        return TABLE[mood].answer

    def ask(self) -> None:
        """One request, held against the reference."""
        self.asked += 1
        self.answered.clear()
        self.transport.requests.clear()
        came = self.clock.now
        decision, ok = self.loop.run_until_complete(self.perform())
        expected = Expected(self.targets, self.most, TOTAL, self.last)
        assert len(decision.attempts) == len(self.answered)
        for attempt, mood in zip(decision.attempts, self.answered, strict=True):
            name = attempt.target[0]
            begun = came + attempt.started
            expected.begins(name, attempt.started, begun)
            expected.ends(name, TABLE[mood], begun + attempt.seconds)
        names = [attempt.target[0] for attempt in decision.attempts]
        assert all(names.count(name) <= 1 + self.same for name in names)
        assert ok is (self.answered[-1:] == ["answer"])
        assert "answer" not in self.answered[:-1]
        self.check_skips(decision, came)
        assert self.engine is not None
        assert self.engine._state.in_flight == {}

    def check_skips(self, decision: Decision, came: float) -> None:
        """Who was passed over for its health must have been out, at some time of the request."""
        asked = {attempt.target[0] for attempt in decision.attempts}
        for skip in decision.skipped:
            name = skip.target[0]
            if name not in asked and skip.reason.startswith(HEALTH):
                assert not self.targets[name].admits(came), f"{name} was well, not: {skip.reason}"

    async def perform(self) -> tuple[Decision, bool]:
        assert self.engine is not None
        said = [{"role": "user", "content": f"{self.asked}"}]
        try:
            reply = await self.engine.chat(model="m", messages=said, user=f"{self.asked % 7}")
        except CallError as error:
            assert error.decision is not None
            return error.decision, False
        return reply.decision, True

    @rule(name=st.sampled_from("abcd"), mood=MOODS)
    def changes(self, name: str, mood: str) -> None:
        self.moods[name] = mood

    @rule(mood=MOODS)
    def all_change(self, mood: str) -> None:
        self.moods = dict.fromkeys("abcd", mood)

    @rule(count=st.integers(1, 8))
    def asks(self, count: int) -> None:
        for _ in range(count):
            self.ask()

    @rule(moods=st.lists(MOODS, min_size=1, max_size=4))
    def asks_of_the_fickle(self, moods: list[str]) -> None:
        self.script = list(moods)
        self.ask()
        self.script = []

    @rule(mood=MOODS, count=st.integers(1, 6), seconds=WAITS)
    def fails_and_heals(self, mood: str, count: int, seconds: float) -> None:
        self.all_change(mood)
        self.asks(count)
        self.waits(seconds)
        self.all_change("answer")
        self.asks(2)

    @rule(seconds=WAITS)
    def waits(self, seconds: float) -> None:
        self.clock.now += seconds

    def teardown(self) -> None:
        if self.engine is not None:
            self.loop.run_until_complete(self.engine.aclose())
        self.loop.close()


TestRefinement = Refinement.TestCase
TestRefinement.settings = settings(max_examples=400, stateful_step_count=20)
