"""A gateway on a real socket before upstreams that fail on request."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.scenarios.harness import bench
from tests.server.conftest import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.faultd import Faultd
    from trunkline.runtime import Engine
    from trunkline.server import Pace

__all__ = ["Gateway", "gateway", "until"]


class Gateway(NamedTuple):
    """What runs: the engine, its port, and the upstreams in the order in which they are asked."""

    engine: Engine
    port: int
    upstreams: list[Faultd]

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def gateway(
    *dialects: str, pace: Pace | None = None, **document: Any
) -> AsyncIterator[Gateway]:
    """A gateway before a `bench`, which takes the rest."""
    async with bench(*dialects, **document) as behind, serving(behind.engine, pace) as address:
        yield Gateway(behind.engine, int(address.rpartition(":")[2]), behind.servers)


async def until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait for what another task brings about. Raises `TimeoutError`."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.005)
