"""Engines before upstreams that answer by a script, on time that passes only when everybody waits
for it: for scenarios that are about the order of things, or about minutes."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.graph.making import PROVIDERS, said, streamed
from tests.graph.timed import Timed, timed
from tests.scenarios.harness import hear
from trunkline.runtime import Engine
from trunkline.transport import Canned, ScriptedTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from tests.scenarios.harness import Heard
    from trunkline.policy.health import Event
    from trunkline.ports import Decision, HttpRequest

    Answer = Canned | list[Canned] | Callable[[HttpRequest], Canned]

__all__ = ["DONE", "Stage", "at", "scripted", "usual"]

DONE = b"data: [DONE]\n\n"


def at(request: HttpRequest) -> str:
    """The provider that a request goes to."""
    return request.url.split("/")[2].split(".")[0]


def usual(request: HttpRequest) -> Canned:
    """An answer that says who gave it, as a stream where one is asked for."""
    if b'"stream":true' in request.body:
        return streamed(at(request), DONE)
    return said(at(request))


@dataclass
class Stage:
    """What runs. `answers` are those of the providers by name, each anew for every request, from a
    list one after another; `rows` is the ledger, `events` what operators are told."""

    engine: Engine
    transport: ScriptedTransport
    clock: Timed
    answers: dict[str, Answer]
    rows: list[Decision]
    events: list[Event]

    @property
    def sends(self) -> list[str]:
        """Which provider each send went to, in order."""
        return [at(request) for request in self.transport.requests]

    async def ask(self, text: str = "hello", *, stream: bool = False, **fields: Any) -> Heard:
        """Ask, and read the answer to its end."""
        return await hear(self.engine, stream=stream, text=text, **fields)

    async def sent(self, count: int) -> None:
        """Wait, while no time passes, until so many sends have begun."""
        while len(self.transport.requests) < count:  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0)

    async def eject(self, provider: str, model: str) -> float:
        """Let a provider fail, asked by a route of its own, until it is ejected; until when."""
        usual_one = self.answers.get(provider)
        self.answers[provider] = Canned(500)
        before = len(self.events)
        for number in range(40):
            await self.ask(f"fails {number}", model=model)
            if any(event.kind == "ejected" for event in self.events[before:]):
                break
        if usual_one is None:
            del self.answers[provider]
        else:
            self.answers[provider] = usual_one
        assert [event.kind for event in self.events[before:]] == ["ejected"]
        return self.events[-1].until

    async def sleep_until(self, when: float) -> None:
        """Let time pass."""
        await self.clock.sleep(max(0.0, when - self.clock.now))


@asynccontextmanager
async def scripted(
    routes: str,
    answers: Mapping[str, Answer] | None = None,
    more: str = "",
    providers: str = PROVIDERS,
    seed: int = 7,
) -> AsyncIterator[Stage]:
    """An engine on these routes over the providers a to e; `routes`, `more` and `providers` are
    YAML. Who has no answer says its name."""
    given: dict[str, Answer] = dict(answers or {})

    def answer(request: HttpRequest) -> Canned:
        found = given.get(at(request), usual)
        if isinstance(found, list):
            return found.pop(0)
        return found(request) if callable(found) else found

    rows: list[Decision] = []
    events: list[Event] = []

    def connect() -> ScriptedTransport:
        """One for each plan; all write into the same list."""
        fresh = ScriptedTransport(answer, clock)
        fresh.requests = transport.requests
        return fresh

    async with timed() as clock:
        transport = ScriptedTransport(answer, clock)
        opening = Engine.open(
            f"version: 1\nproviders:\n{providers}\n{more}\nroutes:\n{routes}\n",
            transport=connect,
            clock=clock,
            chance=random.Random(seed),
            environ={},
            ledger=rows.append,
            alert=events.append,
        )
        async with opening as engine:
            yield Stage(engine, transport, clock, given, rows, events)
