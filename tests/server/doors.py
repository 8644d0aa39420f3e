"""Where each door is, and a client that reads its bytes as they are."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from botocore.eventstream import EventStreamBuffer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["CHAT", "CONTENTS", "DOORS", "Line", "asked", "events"]

CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}]}
CONTENTS: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
DOORS: dict[str, tuple[str, dict[str, Any]]] = {
    "openai-chat": ("/v1/chat/completions", {"model": "m", "stream": True, **CHAT}),
    "openai-responses": ("/v1/responses", {"model": "m", "stream": True, "input": "hi"}),
    "anthropic-messages": (
        "/v1/messages",
        {"model": "m", "max_tokens": 99, "stream": True, **CHAT},
    ),
    "vertex-anthropic": (
        "/v1/projects/p/locations/l/publishers/anthropic/models/m:streamRawPredict",
        {"anthropic_version": "vertex-2023-10-16", "max_tokens": 99, "stream": True, **CHAT},
    ),
    "gemini-generate": ("/v1beta/models/m:streamGenerateContent?alt=sse", CONTENTS),
    "gemini-array": ("/v1beta/models/m:streamGenerateContent", CONTENTS),
    "bedrock-converse": (
        "/model/m/converse-stream",
        {"messages": [{"role": "user", "content": [{"text": "hi"}]}]},
    ),
    "bedrock-invoke-claude": (
        "/model/anthropic.claude-x/invoke-with-response-stream",
        {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 99, **CHAT},
    ),
    "bedrock-invoke-nova": (
        "/model/amazon.nova-x/invoke-with-response-stream",
        {"messages": [{"role": "user", "content": [{"text": "hi"}]}]},
    ),
    "bedrock-invoke-titan": (
        "/model/amazon.titan-text-x/invoke-with-response-stream",
        {"inputText": "hi"},
    ),
    "bedrock-invoke-llama": (
        "/model/meta.llama3-x/invoke-with-response-stream",
        {"prompt": "<|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>"},
    ),
    "cohere-chat": ("/v2/chat", {"model": "m", "stream": True, **CHAT}),
}
"""A path of each door, and a body that asks for a stream there."""


def asked(door: str, *headers: str, **more: Any) -> bytes:
    """A request for a stream at a door."""
    path, body = DOORS[door]
    data = json.dumps({**body, **more}).encode()
    lines = [f"POST {path} HTTP/1.1", "host: x", f"content-length: {len(data)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + data


class Line:
    """A connection to a gateway. `head` reads an answer's head; `pieces` are its chunks as they
    come, and `body` is all of them: a body that HTTP does not end as it should is no body."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.status = 0
        self.headers: dict[str, str] = {}

    @staticmethod
    @asynccontextmanager
    async def to(port: int, data: bytes, window: int | None = None) -> AsyncIterator[Line]:
        """Send a request. `window`: bytes that the system may receive before they are read."""
        sock = socket.socket()
        if window is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=sock)
        writer.write(data)
        try:
            yield Line(reader, writer)
        finally:
            writer.transport.abort()

    async def head(self) -> int:
        """The status."""
        text = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = text.decode().strip().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {
            name.lower(): value for name, value in (one.split(": ", 1) for one in lines)
        }
        return self.status

    async def pieces(self) -> AsyncIterator[bytes]:
        """Chunks of the body until it ends."""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            data = await self.reader.readexactly(size + 2)
            yield data[:-2]
        await self.reader.readexactly(2)

    async def body(self) -> bytes:
        """All of the body."""
        if "content-length" in self.headers:
            return await self.reader.readexactly(int(self.headers["content-length"]))
        return b"".join([piece async for piece in self.pieces()])


def events(door: str, body: bytes) -> list[tuple[str, Any]]:
    """The events of a stream, (name, value), told apart by no code of ours; text that is not JSON
    stays text."""
    if door.startswith("bedrock"):
        buffer = EventStreamBuffer()
        buffer.add_data(body)
        told = [(message.headers, json.loads(message.payload)) for message in buffer]
        return [(head.get(":exception-type") or head[":event-type"], value) for head, value in told]
    if door == "gemini-array":
        return [("", value) for value in json.loads(body)]
    found = []
    for event in body.decode().split("\n\n"):
        fields = [line.split(": ", 1) for line in event.split("\n") if line and line[0] != ":"]
        named = {field[0]: field[1] for field in fields}
        if "data" in named:
            data = named["data"]
            value = json.loads(data) if data.startswith("{") else data
            found.append((named.get("event", ""), value))
    return found
