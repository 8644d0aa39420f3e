"""The engine: an open plan that performs calls, and can change its plan while it does."""

from __future__ import annotations

import asyncio
import os
import random
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from uuid import uuid4

from trunkline.compile import Plan, load_plan, settle
from trunkline.dialect import check_request
from trunkline.errors import (
    CallError,
    EngineClosed,
    InternalError,
    RequestError,
    TrunklineError,
)
from trunkline.graph import Call, Media, Reply, Scope, SkippedError, State
from trunkline.policy.estimate import estimate_input
from trunkline.ports import Decision
from trunkline.runtime.clock import SystemClock
from trunkline.runtime.embeddings import Embeddings
from trunkline.runtime.generation import Generation
from trunkline.runtime.stream import Stream
from trunkline.runtime.upstreams import open_upstreams
from trunkline.runtime.view import moment
from trunkline.transport import HttpsFetcher, NativeTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

    from trunkline.chat import JSON
    from trunkline.compile import Route
    from trunkline.embeddings import Operation
    from trunkline.ports import Clock, Fetcher, Random, Transport
    from trunkline.runtime.sync import SyncEngine

__all__ = ["Engine", "Opening"]


class _Asked(NamedTuple):
    """A request, and what expressions see beside it."""

    request: dict[str, JSON]
    headers: Mapping[str, str]
    metadata: Mapping[str, JSON]
    caller: Mapping[str, JSON]
    door: str
    operation: Operation = "chat"
    stream: bool = False


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
    ) -> None:
        """Use `Engine.open`."""
        self._transport = transport or NativeTransport
        self._fetcher = fetcher or HttpsFetcher
        self._clock: Clock = clock or SystemClock()
        self._random: Random = chance or random.Random()
        self._environ = os.environ if environ is None else environ
        self._state = State()
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
    ) -> Opening:
        """Open an engine on a route file or folder, YAML text, or a compiled plan.

        `transport` makes the transport of each plan that is opened, and `fetcher` what fetches
        files for it, where it says that files may be fetched; `clock` and `chance` replace
        time and randomness; `environ` is where `${env:…}` looks. Raises `ConfigError` with every
        diagnostic at once, secrets that are not there included.
        """
        engine = cls(
            transport=transport, fetcher=fetcher, clock=clock, chance=chance, environ=environ
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
        transport = self._transport()
        try:
            upstreams, owned = await open_upstreams(plan, self._environ)
        except BaseException:
            await transport.aclose()
            raise
        self._number += 1
        parts = (*owned, transport)
        if plan.fetch is None:
            return Generation(self._number, plan, upstreams, transport, parts)
        fetcher = self._fetcher()
        return Generation(self._number, plan, upstreams, transport, (*parts, fetcher), fetcher)

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
        request_id: str | None = None,
        door: str = "",
        **fields: JSON,
    ) -> Reply:
        """Perform a call and return the whole reply.

        The request is a mapping, keyword fields, or both (see `trunkline.chat.ChatRequest`).
        `caller`, `headers` and `metadata` are what the route file's expressions see under these
        names; OpenAI's own `metadata` field goes into the mapping. `door` is the dialect that
        the request came in, for providers that speak several. Raises `CallError`.
        """
        whole = {**(request or {}), **fields}
        whole.pop("stream", None)
        asked = _Asked(whole, _lower(headers), metadata or {}, caller or {}, door)
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
        asked = _Asked(whole, _lower(headers), metadata or {}, caller or {}, door, stream=True)
        return Stream(lambda: self._perform(asked, request_id))

    async def embed(
        self,
        request: Mapping[str, JSON] | None = None,
        /,
        *,
        caller: Mapping[str, JSON] | None = None,
        headers: Mapping[str, str] | None = None,
        metadata: Mapping[str, JSON] | None = None,
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
        outside = (_lower(headers), metadata or {}, caller or {})
        reply = await self._perform(_Asked(whole, *outside, door, "embeddings"), request_id)
        return Embeddings(await reply.read())

    async def _perform(self, asked: _Asked, request_id: str | None) -> Reply:
        self._at_home()
        generation = self._current()
        decision = Decision(request_id or f"req_{uuid4().hex}", generation=generation.number)
        generation.enter()
        try:
            return await self._routed(generation, asked, decision)
        except CallError as error:
            generation.leave()
            raise _final(error, decision) from error.__cause__
        except EngineClosed:
            generation.leave()
            raise
        except Exception as error:
            generation.leave()
            raise _final(_bug(error), decision) from error
        except BaseException:
            generation.leave()
            raise

    async def _routed(self, generation: Generation, asked: _Asked, decision: Decision) -> Reply:
        request, headers, metadata, caller, door, operation, stream = asked
        check_request(request, operation)
        plan = generation.plan
        decision.model = request["model"]
        started = self._clock.monotonic()
        now = moment(self._clock.time()) if plan.reads_time else {}
        seen = {**request, "tokens": estimate_input(request)} if plan.reads_tokens else request
        found = plan.find(request["model"], seen, headers, metadata, caller, now, operation)
        if found is None:
            raise _no_route(plan, request["model"])
        route = found.route
        decision.route, decision.why = route.name, found.why
        if operation == "embeddings" and route.mixed:
            raise _mixed(route)
        call = Call(
            decision=decision,
            operation=operation,
            door=door,
            seen=seen,
            scope=Scope(headers, metadata, caller, route.view, now),
            upstreams=generation.upstreams,
            transport=generation.transport,
            clock=self._clock,
            random=self._random,
            state=self._state,
            started=started,
            deadline=None if route.total is None else started + route.total,
            cap=route.max_sends,
            stream=stream,
            capture=found.capture,
            media=Media(plan.fetch, generation.fetcher),
            release=generation.leave,
        )
        return await route.to.call(request, call)

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


def _lower(headers: Mapping[str, str] | None) -> Mapping[str, str]:
    """Header names as expressions look for them: in lower case."""
    return {name.lower(): value for name, value in (headers or {}).items()}


def _no_route(plan: Plan, model: str) -> RequestError:
    near = plan.matcher.nearest(model)
    hint = f"; the nearest: {', '.join(near)}" if near else ""
    return RequestError("not_found", f"no route for the model `{model[:256]}`{hint}", status=404)


def _mixed(route: Route) -> RequestError:
    models = " and from ".join(route.mixed)
    return RequestError(
        "unsupported",
        f"the route `{route.name}` can answer from {models}, whose vectors do not mix: embeddings "
        "need a route of their own, `match: {operation: embeddings, …}`, with one model",
    )


def _final(error: CallError, decision: Decision) -> CallError:
    """The error as the caller gets it, with the record of how it came about."""
    if isinstance(error, SkippedError):
        error = RequestError("unsupported", _unsupported(decision), target=error.target)
    error.decision = decision
    return error


def _unsupported(decision: Decision) -> str:
    reasons = "; ".join(f"{skip.target}: {skip.reason}" for skip in decision.skipped)
    return f"no target can carry this request: {reasons}"


def _bug(error: Exception) -> InternalError:
    """What should not happen. The text of the exception may hold anything, so it stays inside."""
    return InternalError(f"an internal error ({type(error).__name__}); please report it")
