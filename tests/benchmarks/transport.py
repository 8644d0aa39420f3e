"""CPU of a call through each face of the transport, beside raw aiohttp where it is installed.

`python -m tests.benchmarks transport` prints medians in microseconds of CPU of this process,
and in brackets what of it was spent outside the kernel; the provider runs in another process.
Rounds of all faces take turns, so that what slows the machine slows all of them.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import resource
import statistics
import subprocess
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from tests.benchmarks.engine import CHUNKS, PROVIDER, REQUEST
from trunkline.ports import HttpRequest, Timeouts
from trunkline.transport import HttpxTransport, NativeTransport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trunkline.ports import Transport

    Perform = Callable[[bytes], Awaitable[int]]

ROUNDS = 7
CALLS = 320
TOGETHER = 32
STREAMS = 40

WHOLE = json.dumps({**REQUEST, "stream": False}, separators=(",", ":")).encode()
STREAM = json.dumps({**REQUEST, "stream": True}, separators=(",", ":")).encode()
TIMES = Timeouts()


def through(transport: Transport, url: str) -> Perform:
    """A call through a face: the bytes that came."""
    headers = (
        ("content-type", "application/json"),
        ("authorization", "Bearer a-key-of-some-length"),
        ("x-client", "benchmark"),
    )

    async def perform(body: bytes) -> int:
        response = await transport.send(HttpRequest("POST", url, headers, body), TIMES)
        size = 0
        async for chunk in response.chunks():
            size += len(chunk)
        return size

    return perform


def through_aiohttp(session: Any, url: str) -> Perform:
    """The same by aiohttp's own means."""
    headers = {
        "content-type": "application/json",
        "authorization": "Bearer a-key-of-some-length",
        "accept-encoding": "identity",
    }

    async def perform(body: bytes) -> int:
        size = 0
        async with session.post(url, data=body, headers=headers) as response:
            async for chunk in response.content.iter_any():
                size += len(chunk)
        return size

    return perform


async def cost(perform: Perform, body: bytes, calls: int, together: int) -> tuple[float, float]:
    """Microseconds a call: of CPU, and of CPU outside the kernel."""

    async def some() -> None:
        for _ in range(calls // together):
            assert await perform(body)

    before = resource.getrusage(resource.RUSAGE_SELF)
    await asyncio.gather(*(some() for _ in range(together)))
    after = resource.getrusage(resource.RUSAGE_SELF)
    user = after.ru_utime - before.ru_utime
    system = after.ru_stime - before.ru_stime
    return (user + system) / calls * 1e6, user / calls * 1e6


async def table(faces: dict[str, Perform]) -> None:
    """Print a row for each face."""
    kinds = {
        "one at a time": (WHOLE, CALLS, 1),
        f"{TOGETHER} at once": (WHOLE, CALLS, TOGETHER),
        "a chunk of a stream": (STREAM, STREAMS, 1),
    }
    print(f"{'':12}" + "".join(f"{kind:>26}" for kind in kinds))
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for turn in range(ROUNDS + 1):
        for kind, (body, calls, together) in kinds.items():
            for face, perform in faces.items():
                figures = await cost(perform, body, calls, together)
                if turn:
                    found.setdefault((face, kind), []).append(figures)
    for face in faces:
        cells = []
        for kind in kinds:
            of = CHUNKS if "chunk" in kind else 1
            whole, user = (
                statistics.median(column) / of for column in zip(*found[face, kind], strict=True)
            )
            cells.append(
                f"{whole:.2f} ({user:.2f}) µs" if of > 1 else f"{whole:.0f} ({user:.0f}) µs"
            )
        print(f"{face:12}" + "".join(f"{cell:>26}" for cell in cells))


async def measure(port: int) -> None:
    """Print the table."""
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    async with AsyncExitStack() as stack:
        native, httpx = NativeTransport(), HttpxTransport()
        stack.push_async_callback(native.aclose)
        stack.push_async_callback(httpx.aclose)
        faces = {"native": through(native, url), "httpx": through(httpx, url)}
        try:
            aiohttp = importlib.import_module("aiohttp")
        except ImportError:
            print("aiohttp is not installed")
        else:
            session = await stack.enter_async_context(aiohttp.ClientSession())
            faces["aiohttp"] = through_aiohttp(session, url)
        await table(faces)


def main() -> None:
    """Start the provider and measure."""
    with subprocess.Popen(
        [sys.executable, "-c", PROVIDER, str(CHUNKS)], stdout=subprocess.PIPE, text=True
    ) as provider:
        try:
            assert provider.stdout is not None
            asyncio.run(measure(int(provider.stdout.readline())))
        finally:
            provider.kill()


if __name__ == "__main__":
    main()
