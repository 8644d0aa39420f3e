"""The gateway as a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import signal
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

__all__ = ["Gateway", "gateway", "gateways"]


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
async def gateways(
    count: int, document: str, folder: Path, environ: Mapping[str, str] | None = None
) -> AsyncIterator[list[int]]:
    """So many gateways on one route file; gives their ports."""
    async with AsyncExitStack() as stack:
        ports = []
        for number in range(count):
            own = folder / str(number)
            own.mkdir()
            running = gateway(document, own, environ)
            ports.append((await stack.enter_async_context(running)).port)
        yield ports


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
