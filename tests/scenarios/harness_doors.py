"""The gateway's doors, read byte by byte from a plain socket."""

from __future__ import annotations

import asyncio
import json
import re
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.scenarios.harness import Bench, bench
from tests.server.conftest import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from trunkline.server import Pace

__all__ = ["DOORS", "TIME", "Door", "Served", "post", "served", "sse"]

HELLO = [{"role": "user", "content": "hello"}]

DOORS: dict[str, tuple[str, dict[str, Any]]] = {
    "openai-chat": ("/v1/chat/completions", {"model": "m", "messages": HELLO}),
    "openai-responses": ("/v1/responses", {"model": "m", "input": HELLO}),
    "anthropic-messages": ("/v1/messages", {"model": "m", "messages": HELLO, "max_tokens": 1000}),
}
"""Path and request of the doors that clients use most."""


TIME = re.compile(rb'"created(_at)?":[0-9]+')
"""When the gateway wrote an answer: all else in it is the provider's."""


@dataclass
class Door:
    """An answer of the gateway. `whole`: HTTP says that it is complete. Times are in seconds
    since the request was sent, `times` of each piece that arrived."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = False
    times: list[float] = field(default_factory=list)
    took: float = 0.0

    @property
    def json(self) -> Any:
        """The body of an answer that is no stream."""
        return json.loads(self.body)


async def post(
    port: int, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Door:
    """Ask, and read to the end of the answer, or of the connection if that comes first."""
    text = json.dumps(body).encode()
    named = {"host": "gateway", "content-type": "application/json", **(headers or {})}
    lines = [f"{name}: {value}" for name, value in named.items()]
    start = "\r\n".join([f"POST {path} HTTP/1.1", *lines, f"content-length: {len(text)}", "", ""])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begun, found = time.monotonic(), Door()
    try:
        writer.write(start.encode() + text)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        found.status = int(head[0].split(" ")[1])
        pairs = (line.partition(":") for line in head[1:] if line)
        found.headers = {name.lower(): value.strip() for name, _, value in pairs}
        if "content-length" in found.headers:
            found.body = await reader.readexactly(int(found.headers["content-length"]))
            found.whole = True
        while not found.whole:
            size = int(await reader.readuntil(b"\r\n"), 16)
            found.body += await reader.readexactly(size)
            await reader.readexactly(2)
            found.whole = size == 0
            found.times.append(time.monotonic() - begun)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()
    found.took = time.monotonic() - begun
    return found


def sse(body: bytes) -> list[tuple[str, Any]]:
    """Name and value of each event: of one without a name its `type`, `[DONE]` as text."""
    found = []
    for block in body.decode().split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if lines:
            named = dict(line.split(": ", 1) for line in lines)
            data = named["data"]
            value = data if data == "[DONE]" else json.loads(data)
            kind = value.get("type", "") if isinstance(value, dict) else data
            found.append((named.get("event", kind), value))
    return found


@dataclass
class Served:
    """A bench, and a gateway before it on a socket."""

    bench: Bench
    port: int

    @property
    def url(self) -> str:
        """Where the gateway is."""
        return f"http://127.0.0.1:{self.port}"

    async def ask(
        self,
        door: str = "openai-chat",
        *,
        stream: bool = False,
        headers: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> Door:
        """Ask at a door."""
        path, body = DOORS[door]
        return await post(self.port, path, {**body, "stream": stream, **fields}, headers)


@asynccontextmanager
async def served(*dialects: str, pace: Pace | None = None, **more: Any) -> AsyncIterator[Served]:
    """`bench`, which takes the rest, with a gateway in this process."""
    async with bench(*dialects, **more) as found, serving(found.engine, pace) as address:
        yield Served(found, int(address.rpartition(":")[2]))
