"""A server in a process of its own, which can be stopped and killed."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.faultd.play import Play, Rule
from tests.faultd.seen import Seen

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Remote"]

ROOT = Path(__file__).resolve().parent.parent.parent


class Remote:
    """What `Faultd` is, behind a control port.

    ::

        async with Remote() as server:
            await server.script(Play(status=500), first=3)
            …
            await server.kill()
            await server.start()                 # again, at the same port
    """

    def __init__(self, *, seed: int = 0, idle: float | None = None) -> None:
        self._options = [f"--seed={seed}", *([] if idle is None else [f"--idle={idle}"])]
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self.port = 0

    @property
    def url(self) -> str:
        """Where the server is, without a path."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start, at the port it had before."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.faultd", f"--port={self.port}", *self._options),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout is not None
        said = json.loads(await self._process.stdout.readline())
        self.port = int(said["url"].rpartition(":")[2])
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.1", said["control"], limit=2**26
        )

    async def order(self, do: str, **more: Any) -> Any:
        """One order of the control port. Raises `ValueError` for what it does not take."""
        self._writer.write(json.dumps({"do": do, **more}).encode() + b"\n")
        said = json.loads(await self._reader.readline())
        if "error" in said:
            raise ValueError(said["error"])
        return said["result"]

    async def script(self, play: Play, **when: Any) -> None:
        """Add a rule after those that are there."""
        await self.order("script", rule=Rule(play=play, **when).to_json())

    async def usual(self, play: Play) -> None:
        """How a request is answered that no rule takes."""
        await self.order("usual", play=play.to_json())

    async def heal(self) -> None:
        """Forget all rules."""
        await self.order("heal")

    async def seen(self, since: int = 0) -> list[Seen]:
        """The requests that came, from that number on."""
        return [Seen.of(one) for one in await self.order("seen", since=since)]

    def freeze(self) -> None:
        """SIGSTOP: the kernel goes on accepting, and nobody answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        """SIGKILL; what was seen is lost."""
        if self._process is not None:
            self._writer.close()
            self._process.kill()
            await self._process.wait()
            self._process = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.kill()
