"""The engine: an open plan that performs calls, and can change its plan while it does."""

from __future__ import annotations

import asyncio
import os
import random
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from trunkline.catalog.prices import LISTED, Prices
from trunkline.compile import Plan, load_plan, settle
from trunkline.dialect import check_request
from trunkline.errors import CallError, EngineClosed, TrunklineError
from trunkline.graph import (
    Account,
    Again,
    Call,
    Media,
    Options,
    Reply,
    Scope,
    State,
    check_allowed,
)
from trunkline.policy.estimate import estimate_input
from trunkline.ports import Decision
from trunkline.runtime.admission import admit
from trunkline.runtime.asked import Asked
from trunkline.runtime.clock import SystemClock
from trunkline.runtime.counting import counted_at, open_counters
from trunkline.runtime.embeddings import Embeddings
from trunkline.runtime.ending import Ending
from trunkline.runtime.failing import bug, final_error, mixed, no_route
from trunkline.runtime.generation import Counters, Generation, Warming
from trunkline.runtime.health_checks import HealthChecks
from trunkline.runtime.stream import Stream
from trunkline.runtime.upstreams import open_upstreams
from trunkline.runtime.view import moment
from trunkline.runtime.walking import walk
from trunkline.transport import HttpsFetcher, NativeTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

    from trunkline.chat import JSON
    from trunkline.policy.health import Event
    from trunkline.ports import Clock, Fetcher, Random, Transport
    from trunkline.runtime.generation import Closable
    from trunkline.runtime.sync import SyncEngine

__all__ = ["Engine", "Opening"]


RETIRE_AFTER = 600.0
"""Seconds after a reload until requests of the old plan are cut."""


class Opening:
    """What `Engine.open` gives: `async with` it, or `await` it and close the engine yourself."""

    __slots__ = ("_source", "engine")

    def __init__(self, engine: Engine, source: str | Path | Plan) -> None:
        self.engine = engine
        self._source = source

    async def start(self) -> Engine:
        """The engine, open."""
        await self.engine.reload(self._source)
        return self.engine

    def __await__(self) -> Generator[Any, None, Engine]:
        return self.start().__await__()

    async def __aenter__(self) -> Engine:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.engine.aclose()


class Engine:
    """Performs calls by a plan.

    ::

        async with Engine.open("routes/") as engine:
            reply = await engine.chat(model="smart", messages=[{"role": "user", "content": "hi"}])

    One engine serves any number of requests at a time, on one event loop. Every request keeps
    the plan that it began with; `reload` puts another one in place for those that follow.
    """

    def __init__(
        self,
        *,
        transport: Callable[[], Transport] | None = None,
        fetcher: Callable[[], Fetcher] | None = None,
        clock: Clock | None = None,
        chance: Random | None = None,
        environ: Mapping[str, str] | None = None,
        ledger: Callable[[Decision], None] | None = None,
        alert: Callable[[Event], None] | None = None,
    ) -> None:
        """Use `Engine.open`."""
        self._transport = transport or NativeTransport
        self._fetcher = fetcher or HttpsFetcher
        self._clock: Clock = clock or SystemClock()
        self._random: Random = chance or random.Random()
        self._environ = os.environ if environ is None else environ
        self._state = State(self._random, self._clock.monotonic, alert)
        self._ledger = ledger
        self._name = uuid4().hex
        self._requests = 0
        self._generation: Generation | None = None
        self._number = 0
        self._closed = False
        self._source: str | Path | Plan = ""
        self._reloading = asyncio.Lock()
        self._retiring: dict[asyncio.Task[None], Generation] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    def open(
        cls,
        source: str | Path | Plan,
        *,
        transport: Callable[[], Transport] | None = None,
        fetcher: Callable[[], Fetcher] | None = None,
        clock: Clock | None = None,
        chance: Random | None = None,
        environ: Mapping[str, str] | None = None,
        ledger: Callable[[Decision], None] | None = None,
        alert: Callable[[Event], None] | None = None,
    ) -> Opening:
        """Open an engine on a route file or folder, YAML text, or a compiled plan.

        `transport` makes the transport of each plan that is opened, and `fetcher` what fetches
        files for it, where it says that files may be fetched; `clock` and `chance` replace
        time and randomness; `environ` is where `${env:…}` looks. `ledger` is given the settled
        record of every request when it is over, once, and `alert` is told when a target is
        ejected, restored or cooled, a credential is out or a budget nearly used up; without it
        that is logged. Raises `ConfigError` with every diagnostic at once, secrets that are not
        there included.
        """
        engine = cls(
            transport=transport,
            fetcher=fetcher,
            clock=clock,
            chance=chance,
            environ=environ,
            ledger=ledger,
            alert=alert,
        )
        return Opening(engine, source)

    @classmethod
    def open_sync(cls, source: str | Path | Plan, **options: Any) -> SyncEngine:
        """The same for code that is not async: every method blocks. Takes what `open` takes."""
        from trunkline.runtime.sync import SyncEngine

        return SyncEngine(cls.open(source, **options))

    @property
    def plan(self) -> Plan:
        """The plan that the next request will be performed by."""
        return self._current().plan

    async def reload(self, source: str | Path | Plan | None = None) -> Plan:
        """Compile the source again, or another one, and use it for the requests that follow.

        Raises `ConfigError` and keeps the plan in use if the new one has an error. Requests
        under way end by the plan that they began with. Counters are kept by node and leaf id.
        """
        self._at_home()
        async with self._reloading:
            if self._closed:
                raise EngineClosed("the engine was closed; open a new one")
            source = self._source if source is None else source
            plan = await self._planned(source)
            fresh = await self._open(plan)
            old, self._generation, self._source = self._generation, fresh, source
            self._state.health.forgive()
            if old is not None:
                task = asyncio.create_task(old.retire(RETIRE_AFTER))
                self._retiring[task] = old
                task.add_done_callback(self._retiring.pop)
            return plan

    async def _planned(self, source: str | Path | Plan) -> Plan:
        """Compiled beside the loop, so that requests under way do not wait for it. Values that
        only the environment has (a deployment's name, a timeout) are put in first."""
        plan = source
        if not isinstance(plan, Plan):
            plan = await asyncio.to_thread(load_plan, plan)
        if plan.late:
            plan = await asyncio.to_thread(settle, plan, self._environ)
        return plan

    async def _open(self, plan: Plan) -> Generation:
        counters = await self._counters(plan)
        owned: list[Closable] = []
        try:
            transport = self._transport()
            owned.append(transport)
            prices = Prices.load(plan.spec.file)
            upstreams, started = await open_upstreams(plan, self._environ, prices)
        except BaseException:
            for thing in (*owned, counters):
                await thing.aclose()
            raise
        owned += started
        self._number += 1
        fetcher = None if plan.fetch is None else self._fetcher()
        if fetcher is not None:
            owned.append(fetcher)
        kinds = {provider.type for provider in plan.providers.values()}
        warming = Warming(lambda: prices.warm(kinds)) if kinds & LISTED.keys() else None
        if warming is not None:
            owned.append(warming)
        owned.append(
            HealthChecks(
                plan.providers,
                upstreams,
                transport,
                state=self._state,
                clock=self._clock,
                chance=self._random,
            )
        )
        return Generation(
            self._number, plan, upstreams, transport, counters, owned, fetcher, warming
        )

    async def _counters(self, plan: Plan) -> Counters:
        """Those of the plan before, where they are kept in the same place."""
        before, settings = self._generation, counted_at(plan, self._environ)
        if before is not None and before.counters.settings == settings:
            return before.counters.hold()
        return Counters(await open_counters(plan, settings, self._clock), settings).hold()

    def _at_home(self) -> None:
        """Refuse another event loop than the first: connections belong to the one they were
        opened on, and would wait there for ever."""
        running = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = running
        elif self._loop is not running:
            raise TrunklineError(
                "this engine was opened on another event loop: open one on each loop, "
                "or use `Engine.open_sync`, which any thread may use"
            )

    def _current(self) -> Generation:
        if self._closed or self._generation is None:
            raise EngineClosed("the engine was closed; open a new one")
        return self._generation

    async def chat(
        self,
        request: Mapping[str, JSON] | None = None,
        /,
        *,
        caller: Mapping[str, JSON] | None = None,
        headers: Mapping[str, str] | None = None,
        metadata: Mapping[str, JSON] | None = None,
        options: Mapping[str, JSON] | None = None,
        request_id: str | None = None,
        door: str = "",
        **fields: JSON,
    ) -> Reply:
        """Perform a call and return the whole reply.

        The request is a mapping, keyword fields, or both (see `trunkline.chat.ChatRequest`).
        `caller`, `headers` and `metadata` are what the route file's expressions see under these
        names; OpenAI's own `metadata` field goes into the mapping. `door` is the dialect that
        the request came in, for providers that speak several. `options` is what the caller sets
        for this request, as far as the route allows it: see `trunkline.graph.Options.read`.
        Raises `CallError`.
        """
        whole = {**(request or {}), **fields}
        whole.pop("stream", None)
        asked = Asked.of(whole, headers, metadata, caller, door, options)
        reply = await self._perform(asked, request_id)
        return await reply.read()

    def stream(
        self,
        request: Mapping[str, JSON] | None = None,
        /,
        *,
        caller: Mapping[str, JSON] | None = None,
        headers: Mapping[str, str] | None = None,
        metadata: Mapping[str, JSON] | None = None,
        options: Mapping[str, JSON] | None = None,
        request_id: str | None = None,
        door: str = "",
        **fields: JSON,
    ) -> Stream:
        """Perform a call and read the reply as it comes; takes what `chat` takes.

        ::

            async with engine.stream(model="smart", messages=[...]) as stream:
                async for delta in stream:
                    print(delta.text, end="")
            print(stream.reply.usage)
        """
        whole = {**(request or {}), **fields, "stream": True}
        asked = Asked.of(whole, headers, metadata, caller, door, options, stream=True)
        return Stream(lambda: self._perform(asked, request_id))

    async def embed(
        self,
        request: Mapping[str, JSON] | None = None,
        /,
        *,
        caller: Mapping[str, JSON] | None = None,
        headers: Mapping[str, str] | None = None,
        metadata: Mapping[str, JSON] | None = None,
        options: Mapping[str, JSON] | None = None,
        request_id: str | None = None,
        door: str = "",
        **fields: JSON,
    ) -> Embeddings:
        """A vector for each text of `input` (see `trunkline.embeddings.EmbeddingRequest`; one
        text may stand alone). Takes the rest as `chat` does. Raises `CallError`.

        ::

            found = await engine.embed(model="text-embedding-3-small", input=["hello", "world"])
            print(len(found.vectors[0]), found.usage)
        """
        whole = {**(request or {}), **fields}
        if isinstance(whole.get("input"), str):
            whole["input"] = [whole["input"]]
        asked = Asked.of(whole, headers, metadata, caller, door, options, "embeddings")
        reply = await self._perform(asked, request_id)
        return Embeddings(await reply.read())

    async def _perform(self, asked: Asked, request_id: str | None) -> Reply:
        self._at_home()
        generation = self._current()
        decision = Decision(request_id or f"req_{uuid4().hex}", generation=generation.number)
        ending = Ending(generation, decision, self._clock, self._ledger)
        try:
            reply = await self._routed(generation, asked, ending)
        except CallError as error:
            final = final_error(error, decision)
            ending.close(final.kind)
            raise final from error.__cause__
        except EngineClosed:
            ending.close("closed")
            raise
        except Exception as error:
            ending.close("internal")
            raise final_error(bug(error), decision) from error
        except BaseException:
            ending.close("cancelled")
            raise
        reply.at_end(ending.replied)
        return reply

    async def _routed(self, generation: Generation, asked: Asked, ending: Ending) -> Reply:
        """Find the route, take from the caller's limits, and walk the graph."""
        request, headers, caller = asked.request, asked.headers, asked.caller
        check_request(request, asked.operation)
        plan, decision = generation.plan, ending.decision
        decision.model = request["model"]
        options = Options.read(asked.options)
        decision.trace_id = options.trace_id
        metadata = {**asked.metadata, **options.metadata}
        started = self._clock.monotonic()
        now = moment(self._clock.time()) if plan.reads_time else {}
        seen = {**request, "tokens": estimate_input(request)} if plan.reads_tokens else request
        found = plan.find(request["model"], seen, headers, metadata, caller, now, asked.operation)
        if found is None:
            raise no_route(plan, request["model"])
        route = found.route
        decision.route, decision.why = route.name, found.why
        check_allowed(asked.options, route.allow, route.name)
        if asked.operation == "embeddings" and route.mixed:
            raise mixed(route)
        await generation.ready()
        scope = Scope(headers, metadata, caller, route.view, now)
        total = _least(route.total, options.timeout)
        self._requests += 1
        name = f"{self._name}-{self._requests}"
        account = ending.account = Account(generation.store, name, self._clock.time(), total)
        call = Call(
            decision=decision,
            operation=asked.operation,
            door=asked.door,
            seen=seen,
            scope=scope,
            upstreams=generation.upstreams,
            transport=generation.transport,
            clock=self._clock,
            random=self._random,
            state=self._state,
            account=account,
            started=started,
            deadline=None if total is None else started + total,
            cap=route.max_sends,
            stream=asked.stream,
            capture=found.capture,
            media=Media(plan.fetch, generation.fetcher),
            options=options,
            lone=route.lone,
            aside=ending,
        )
        if asked.stream:
            call.again = Again(route.to, request, call)
        await admit(request, call, plan, route)
        return await walk(route, request, call)

    async def aclose(self) -> None:
        """Close every connection. Requests under way are cut; further ones raise `EngineClosed`."""
        self._at_home()
        self._closed = True
        async with self._reloading:
            generations = [*self._retiring.values()]
            if self._generation is not None:
                generations.append(self._generation)
            await asyncio.gather(*(generation.aclose() for generation in generations))
            await asyncio.gather(*self._retiring)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _least(one: float | None, other: float | None) -> float | None:
    """The shorter of two times, of which None is no limit."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
