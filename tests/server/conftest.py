"""Gateways for tests: an engine on a route file, before simulated providers, on a real socket."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import anthropic
import openai
import pytest

from trunkline.catalog import dialect
from trunkline.runtime import Engine
from trunkline.server import Pace, serve
from trunkline.simulator import Fault, Settings, Simulated, start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    Begin = Callable[..., Coroutine[Any, Any, "Gateway"]]

TYPES = {"openai-chat": "openai", "anthropic-messages": "anthropic"}
KEY = "key-of-the-provider"


class Gateway:
    """A running gateway: its address, its simulated providers, and SDK clients for it."""

    def __init__(self, engine: Engine, address: str, upstreams: list[Simulated]) -> None:
        self.engine = engine
        self.address = address
        self.port = int(address.rpartition(":")[2])
        self.upstreams = upstreams

    @property
    def upstream(self) -> Simulated:
        return self.upstreams[0]

    def openai(self, **settings: Any) -> openai.AsyncOpenAI:
        settings = {"api_key": "key-of-the-client", "max_retries": 0, **settings}
        return openai.AsyncOpenAI(base_url=f"{self.address}/v1", **settings)

    def anthropic(self, **settings: Any) -> anthropic.AsyncAnthropic:
        settings = {"api_key": "key-of-the-client", "max_retries": 0, **settings}
        return anthropic.AsyncAnthropic(base_url=self.address, **settings)

    async def send(self, data: bytes) -> bytes:
        """Send bytes and read to the end of the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        received = await reader.read()
        writer.close()
        return received


def route_file(upstreams: list[tuple[str, Simulated]]) -> str:
    """A fallback over all providers, in order."""
    lines = ["version: 1", "providers:"]
    for number, (wire, simulated) in enumerate(upstreams):
        base = simulated.origin + ("/v1" if wire == "openai-chat" else "")
        what = f'type: {TYPES[wire]}, dialect: {wire}, base_url: "{base}", api_key: "${{env:KEY}}"'
        lines.append(f"  up{number}: {{{what}}}")
    names = ", ".join(f"up{number}" for number in range(len(upstreams)))
    routes = [f"  - {{match: [smart, gpt-*], to: [{names}]}}", f'  - {{match: "*", to: [{names}]}}']
    return "\n".join([*lines, "routes:", *routes, ""])


@asynccontextmanager
async def serving(engine: Engine, pace: Pace | None = None) -> AsyncIterator[str]:
    """The engine on a socket; gives the address."""
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(serve(engine, port=0, ready=address.set_result, pace=pace))
    done, _ = await asyncio.wait([running, address], return_when=asyncio.FIRST_COMPLETED)
    if running in done:
        running.result()
    try:
        yield address.result()
    finally:
        running.cancel()
        await asyncio.wait([running])


@pytest.fixture
async def gateway() -> AsyncIterator[Begin]:
    """`await gateway(("openai-chat", fault, …), ("anthropic-messages",), latency=…)` gives a
    gateway that falls back over such providers. `routes` rewrites the route file."""
    async with AsyncExitStack() as stack:

        async def begin(
            *upstreams: tuple[str, *tuple[Fault, ...]],
            pace: Pace | None = None,
            routes: Callable[[str], str] = str,
            **settings: Any,
        ) -> Gateway:
            running = []
            for wire, *faults in upstreams:
                door = dialect(wire).door
                assert door is not None
                chosen = {"provider": "acme", "faults": tuple(faults), **settings}
                simulated = await start(Settings(doors=[door], **chosen))
                running.append((wire, await stack.enter_async_context(simulated)))
            opening = Engine.open(routes(route_file(running)), environ={"KEY": KEY})
            engine = await stack.enter_async_context(opening)
            address = await stack.enter_async_context(serving(engine, pace))
            return Gateway(engine, address, [simulated for _, simulated in running])

        yield begin
