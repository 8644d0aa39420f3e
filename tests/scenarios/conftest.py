"""What scenarios share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.scenarios.harness_processes import RedisServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def redis_server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    """A Redis that a test may stop, freeze and restart; skips where there is none to start."""
    server = RedisServer(tmp_path)
    await server.start()
    yield server
    await server.kill()
