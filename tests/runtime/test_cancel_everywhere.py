"""A call may be cancelled at any of its steps: nothing is left behind, and the next call works."""

from __future__ import annotations

import asyncio
import contextlib
import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.graph.making import HELLO, chunk
from tests.runtime.making import simulated
from trunkline import Engine, load_plan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio

WHOLE = json.dumps(
    {"id": "x", "choices": [{"index": 0, "message": {"content": "abc"}, "finish_reason": "stop"}]}
).encode()
STREAM = [chunk("a"), chunk("b"), chunk("c"), chunk(finish="stop"), b"data: [DONE]\n\n"]


class Site:
    """A provider that answers slowly, a step of the loop between any two pieces."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.open = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                size = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
                body = json.loads(await reader.readexactly(size))
                for piece in self.answer(bool(body.get("stream"))):
                    await asyncio.sleep(0)
                    writer.write(piece)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    def answer(self, stream: bool) -> list[bytes]:
        if self.status != 200:
            return [b"HTTP/1.1 %d x\r\ncontent-length: 2\r\n\r\n" % self.status, b"{}"]
        if not stream:
            head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(WHOLE)
            return [head, WHOLE[:30], WHOLE[30:]]
        head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        return [head, *(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in STREAM), b"0\r\n\r\n"]


@asynccontextmanager
async def sites(*statuses: int) -> AsyncIterator[list[Site]]:
    running = []
    all_sites = [Site(status) for status in statuses]
    for site in all_sites:
        server = await asyncio.start_server(site.serve, "127.0.0.1", 0)
        site.port = server.sockets[0].getsockname()[1]
        running.append(server)
    try:
        yield all_sites
    finally:
        for server in running:
            server.close()
            await server.wait_closed()


def routes(ports: list[Site], to: str) -> str:
    providers = "\n".join(
        f'  {name}: {{type: openai-compatible, base_url: "http://127.0.0.1:{site.port}/v1"}}'
        for name, site in zip(("bad", "good"), ports, strict=True)
    )
    return f"version: 1\nproviders:\n{providers}\nroutes:\n  - {{match: m, to: {to}}}\n"


async def whole(engine: Engine) -> str:
    return (await engine.chat(model="m", messages=HELLO)).text


async def streamed(engine: Engine) -> str:
    async with engine.stream(model="m", messages=HELLO) as stream:
        return "".join([delta.text async for delta in stream])


async def settled(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 — nothing tells of a socket that closes
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("ask", [whole, streamed])
@pytest.mark.parametrize(
    "to",
    [
        "good/m",
        "{fallback: {of: [bad/m, good/m]}}",
        "{balance: {by: least_connections, of: [bad/m, good/m]}}",
        "{hedge: {of: [good/m, bad/m], after: 1ms, share: 1}}",
    ],
)
async def test_nothing_is_left_of_a_call_cancelled_at_any_step(to: str, ask: Any) -> None:
    async with sites(529, 200) as both, Engine.open(routes(both, to)) as engine:
        generation: Any = engine._generation
        assert await ask(engine) == "abc"
        tasks = asyncio.all_tasks()
        step, finished = 0, False
        while not finished:
            task = asyncio.create_task(ask(engine))
            for _ in range(step):
                await asyncio.sleep(0)
            finished = task.done()
            task.cancel()
            outcome = (await asyncio.gather(task, return_exceptions=True))[0]
            assert outcome == "abc" or isinstance(outcome, asyncio.CancelledError)
            assert engine._state.in_flight == {}
            assert generation._users == 0
            assert await ask(engine) == "abc"
            step += 1
        assert step > 5
        await settled(lambda: all(site.open <= 1 for site in both))
        await settled(lambda: len(asyncio.all_tasks()) <= len(tasks) + 2)
    await settled(lambda: not any(site.open for site in both))


def sockets() -> int:
    """How many sockets this process has open."""
    count = 0
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            count += entry.readlink().name.startswith("socket:")
    return count


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
@pytest.mark.parametrize("what", ["open", "reload", "aclose"])
async def test_nothing_is_left_of_an_opening_or_a_closing_cancelled_at_any_step(what: str) -> None:
    plan = load_plan(simulated("reply: hi"))
    step, finished = 0, False
    while not finished:
        before = sockets()
        engine = await Engine.open(plan)
        open_again = Engine.open(plan)
        begin = {"open": open_again.start, "reload": engine.reload, "aclose": engine.aclose}[what]
        task = asyncio.create_task(begin())
        for _ in range(step):
            await asyncio.sleep(0)
        finished = task.done()
        task.cancel()
        await asyncio.wait([task])
        if what == "reload":
            assert (await engine.chat(model="m", messages=HELLO)).text == "hi"
        await open_again.engine.aclose()
        await engine.aclose()
        await settled(lambda most=before: sockets() <= most)
        step += 1
    assert step > 2
