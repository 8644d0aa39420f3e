"""Simulated providers for tests, and a client that sees their bytes."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from trunkline.catalog import dialect
from trunkline.simulator import Fault, Settings, Simulated, start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    Simulate = Callable[..., Coroutine[Any, Any, Simulated]]

PATHS = {"openai-chat": "/v1/chat/completions", "anthropic-messages": "/v1/messages"}


@pytest.fixture
async def simulate() -> AsyncIterator[Simulate]:
    """`await simulate("openai-chat", fault, …, latency=…)` gives a running provider."""
    async with AsyncExitStack() as stack:

        async def begin(wire: str, *faults: Fault, **settings: Any) -> Simulated:
            door = dialect(wire).door
            assert door is not None
            settings = {"provider": "acme", "faults": faults, **settings}
            return await stack.enter_async_context(await start(Settings(doors=[door], **settings)))

        yield begin


class Raw(NamedTuple):
    """What came over a socket: bytes, and how it ended (`eof` or `reset`)."""

    data: bytes
    ended: str

    @property
    def status(self) -> int:
        return int(self.data.split(b" ")[1])

    @property
    def headers(self) -> dict[str, str]:
        lines = self.data.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        return dict(line.split(": ", 1) for line in lines)

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]

    @property
    def value(self) -> Any:
        return json.loads(self.body)


def request_bytes(wire: str, *, stream: bool = False, path: str = "", **fields: Any) -> bytes:
    """A chat request of a few words, as either vendor's client would write it."""
    value = {
        "model": "m-1",
        "max_tokens": 500,
        "messages": [{"role": "user", "content": "hello there"}],
        "stream": stream,
        **fields,
    }
    body = json.dumps(value).encode()
    head = f"POST {path or PATHS[wire]} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def exchange(simulated: Simulated, data: bytes) -> Raw:
    """Send bytes, half-close nothing, and read until the other side ends it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", simulated.port)
    writer.write(data)
    received = b""
    ended = "eof"
    try:
        while piece := await reader.read(65536):
            received += piece
    except ConnectionResetError:
        ended = "reset"
    writer.close()
    return Raw(received, ended)
