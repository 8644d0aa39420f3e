"""Routes over faultd, an engine on them, and what a caller hears: for scenarios on real sockets."""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.faultd import Faultd, Play, faultd
from trunkline.errors import CallError
from trunkline.runtime import Engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from trunkline.ports import Decision

__all__ = [
    "CHATS",
    "FORMS",
    "KEY",
    "QUICK",
    "Bench",
    "Heard",
    "Shifted",
    "bench",
    "full_rate",
    "hear",
    "load",
    "percentile",
    "routes",
    "until",
]

KEY = "key-of-the-provider-0123456789"
"""The credential of every provider; a canary, too."""

QUICK = {
    "connect": "300ms",
    "pool": "100ms",
    "write": "1s",
    "first_byte": "3s",
    "first_token": "6s",
    "idle": "6s",
    "idle_content": "12s",
    "attempt": "30s",
    "total": "60s",
}
"""The built-in timeouts divided by ten."""

FORMS = pytest.mark.parametrize(
    "full", [False, pytest.param(True, marks=pytest.mark.nightly)], ids=["short", "full"]
)
"""A row in a few seconds with four times the bounds on time, and at full length with its own."""

CLAUDE = "anthropic.claude-haiku-4-5-20251001-v1:0"

_ROWS: dict[str, tuple[str, str, dict[str, str]]] = {
    "openai-chat": ("/v1", "gpt-5.1", {"type": "openai", "dialect": "openai-chat"}),
    "openai-responses": ("/v1", "gpt-5.1", {"type": "openai", "dialect": "openai-responses"}),
    "openai-embeddings": ("/v1", "text-embedding-3-small", {"type": "openai"}),
    "anthropic-messages": ("", "claude-haiku-4-5", {"type": "anthropic"}),
    "vertex-anthropic": (
        "",
        "claude-haiku-4-5",
        {"type": "vertex", "project": "acme", "location": "global"},
    ),
    "gemini-generate": ("", "gemini-2.5-flash", {"type": "gemini"}),
    "bedrock-converse": (
        "",
        CLAUDE,
        {"type": "bedrock", "region": "r-1", "dialect": "bedrock-converse"},
    ),
    "bedrock-invoke-claude": (
        "",
        CLAUDE,
        {"type": "bedrock", "region": "r-1", "dialect": "bedrock-invoke-claude"},
    ),
    "cohere-chat": ("", "command-a-03-2025", {"type": "cohere"}),
}

CHATS = [name for name in _ROWS if name != "openai-embeddings"]
"""The dialects that a target can speak."""

NAMES = "abcdefgh"


def routes(
    dialects: Sequence[str],
    urls: Sequence[str],
    *,
    to: Any = None,
    route: Mapping[str, Any] | None = None,
    providers: Mapping[str, Mapping[str, Any]] | None = None,
    **top: Any,
) -> str:
    """A route file over providers `a`, `b`, … of these dialects at these addresses.

    `to` is the node that every model goes to, without it a fallback over all in order; in it
    `a` stands for a model of that provider. `route` are further settings of the route,
    `providers` of a provider, and `top` of the file.
    """
    declared: dict[str, Any] = {}
    leaves: dict[str, str] = {}
    for name, dialect, url in zip(NAMES, dialects, urls, strict=False):
        below, model, row = _ROWS[dialect]
        key = {"api_key": "${env:KEY}"}
        more = dict((providers or {}).get(name, {}))
        declared[name] = {**row, "base_url": url + below, **({} if "keys" in more else key), **more}
        leaves[name] = f"{name}/{model}"
    node = list(leaves) if to is None else to
    one = {"name": "all", "match": "*", "to": _filled(node, leaves), **(route or {})}
    document = {"version": 1, "providers": declared, "routes": [one], **top}
    return json.dumps(document, indent=1) + "\n"


def _filled(node: Any, leaves: Mapping[str, str]) -> Any:
    if isinstance(node, str):
        return leaves.get(node, node)
    if isinstance(node, list):
        return [_filled(one, leaves) for one in node]
    if isinstance(node, dict):
        return {key: one if key == "by" else _filled(one, leaves) for key, one in node.items()}
    return node


@dataclass
class Heard:
    """What one caller heard. Times are in seconds since the caller asked.

    `error` is the kind of the failure, empty where there was none; `text` what was shown before
    it. `first` is when the first content was there, `took` when all was over.
    """

    asked_at: float
    text: str = ""
    pieces: int = 0
    finish: str | None = None
    error: str = ""
    message: str = ""
    status: int = 200
    retry_after: float | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    first: float | None = None
    took: float = 0.0
    decision: Decision | None = None
    raised: CallError | None = None

    @property
    def attempts(self) -> list[tuple[str, str]]:
        """Provider and outcome of each send, in order."""
        if self.decision is None:
            return []
        return [(one.target.partition("/")[0], one.outcome) for one in self.decision.attempts]


async def hear(
    engine: Engine, *, stream: bool = False, text: str = "hello", **fields: Any
) -> Heard:
    """Ask, and read the answer to its end, whatever that is."""
    asked: dict[str, Any] = {
        "model": "m",
        "messages": [{"role": "user", "content": text}],
        "max_completion_tokens": 1000,
        **fields,
    }
    heard = Heard(time.monotonic())
    try:
        if stream:
            await _streamed(engine, asked, heard)
        else:
            reply = await engine.chat(asked)
            heard.text, heard.finish, heard.usage = reply.text, reply.finish, reply.usage or {}
            heard.decision, heard.pieces = reply.decision, 1
    except CallError as error:
        heard.error, heard.message, heard.status = error.kind, error.message, error.status
        heard.retry_after, heard.decision, heard.raised = error.retry_after, error.decision, error
    heard.took = time.monotonic() - heard.asked_at
    return heard


async def _streamed(engine: Engine, asked: dict[str, Any], heard: Heard) -> None:
    async with engine.stream(asked) as stream:
        heard.decision = stream.reply.decision
        async for delta in stream:
            if delta.text:
                heard.first = heard.first or time.monotonic() - heard.asked_at
                heard.pieces += 1
                heard.text += delta.text
        heard.finish, heard.usage = stream.reply.finish, stream.reply.usage or {}


class Shifted:
    """The machine's clock, which a test may put forward."""

    def __init__(self) -> None:
        self.by = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.by

    def time(self) -> float:
        return time.time() + self.by

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass
class Bench:
    """An engine before faultd servers. `clock` is the engine's."""

    engine: Engine
    servers: list[Faultd]
    document: str
    clock: Shifted

    async def hear(self, **asked: Any) -> Heard:
        """Ask once."""
        return await hear(self.engine, **asked)

    async def load(self, rate: float, seconds: float, **asked: Any) -> list[Heard]:
        """Ask so often a second for so long, whether answers come or not."""
        return await load(lambda number: self.hear(text=f"[id:{number}]", **asked), rate, seconds)

    @property
    def counts(self) -> list[int]:
        """How many requests each server saw."""
        return [len(server.seen) for server in self.servers]


@asynccontextmanager
async def bench(
    *dialects: str,
    usual: Play | None = None,
    seed: int = 7,
    idle: float | None = None,
    environ: Mapping[str, str] | None = None,
    elsewhere: Sequence[str] = (),
    **document: Any,
) -> AsyncIterator[Bench]:
    """Servers of these dialects, in this process, and an engine on a route over them (`routes`
    takes the rest). The first ones are not started where their addresses are in `elsewhere`."""
    async with AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(faultd(usual, seed=number, idle=idle))
            for number, _ in enumerate(dialects[len(elsewhere) :])
        ]
        urls = [*elsewhere, *(server.url for server in servers)]
        text = routes(dialects, urls, **document)
        clock = Shifted()
        environ = {"KEY": KEY, **(environ or {})}
        opening = Engine.open(text, environ=environ, clock=clock, chance=random.Random(seed))
        yield Bench(await stack.enter_async_context(opening), servers, text, clock)


async def load(ask: Callable[[int], Any], rate: float, seconds: float) -> list[Any]:
    """What came of asking so often a second for so long: an open loop, in which nobody waits for
    the answer of another."""
    loop = asyncio.get_running_loop()
    begun, tasks = loop.time(), []
    for number in range(round(rate * seconds)):
        await asyncio.sleep(max(0.0, begun + number / rate - loop.time()))
        tasks.append(asyncio.create_task(ask(number)))
    return await asyncio.gather(*tasks)


async def until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait for what another task brings about. Raises `TimeoutError`."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.005)


async def full_rate() -> float:
    """How often a second to ask in a full-length row: 200 times, or two fifths of what this
    machine can do with an engine and its servers on one core."""
    workers, each = 10, 40
    async with bench("openai-chat") as found:
        begun = time.monotonic()

        async def work() -> None:
            for _ in range(each):
                await found.hear()

        await asyncio.gather(*(work() for _ in range(workers)))
        return min(200.0, 0.4 * workers * each / (time.monotonic() - begun))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)]
