"""The gateway and Redis as processes of their own."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

__all__ = ["Gateway", "RedisServer", "gateway"]


class Gateway:
    """`trunkline serve` at `address`."""

    def __init__(self, process: asyncio.subprocess.Process, address: str) -> None:
        self.process = process
        self.address = address
        self.port = int(address.rpartition(":")[2])

    def signal(self, what: signal.Signals) -> None:
        """SIGTERM, SIGKILL, SIGSTOP, SIGCONT, SIGHUP…"""
        self.process.send_signal(what)


@asynccontextmanager
async def gateway(
    document: str, folder: Path, environ: Mapping[str, str] | None = None
) -> AsyncIterator[Gateway]:
    """The gateway on a route file, until the block is left."""
    path = folder / "trunkline.yaml"
    path.write_text(document, "utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "trunkline", "serve", str(path), "--port", "0"),
        env={**os.environ, **(environ or {})},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        said = (await process.stderr.readline()).decode()
        assert said.startswith("listening at "), said + (await process.stderr.read()).decode()
        yield Gateway(process, said.removeprefix("listening at ").partition(";")[0])
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


class RedisServer:
    """A Redis without persistence at a port of its own."""

    def __init__(self, folder: Path) -> None:
        found = shutil.which("redis-server")
        if found is None:
            pytest.skip("redis-server is not installed (Debian's package `redis-server`)")
        self._binary = found
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]

    @property
    def url(self) -> str:
        """What a route file calls it."""
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        """Start, empty, at the port it had before."""
        self._process = await asyncio.create_subprocess_exec(
            *(self._binary, "--port", str(self.port), "--bind", "127.0.0.1"),
            *("--save", "", "--appendonly", "no", "--dir", str(self._folder)),
            stdout=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(10):
            while True:
                try:
                    assert await self.say("PING") == "+PONG"
                except OSError:
                    await asyncio.sleep(0.01)
                else:
                    return

    async def say(self, *words: str) -> str:
        """One command; gives the first line of the answer. Raises `OSError` if there is none."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
            writer.write(f"*{len(parts)}\r\n{''.join(parts)}".encode())
            line = await reader.readline()
        finally:
            writer.close()
        if not line:
            raise ConnectionResetError("redis closed the connection")
        return line.decode().rstrip()

    async def kill(self) -> None:
        """SIGKILL; all it held is lost."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """SIGSTOP."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def forbid(self, *commands: str) -> None:
        """Take these commands, such as `eval` or `script`, from everybody, with ACL."""
        said = await self.say("ACL", "SETUSER", "default", *(f"-{name}" for name in commands))
        assert said == "+OK", said
