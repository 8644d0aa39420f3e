"""Stores of every kind, under one suite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.state.redis_server import running
from trunkline.policy.state_settings import StateSettings
from trunkline.runtime.clock import SystemClock
from trunkline.state import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.state.redis_server import RedisServer


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    """One that is never stopped; who uses it takes a prefix of its own."""
    with running() as server:
        yield server


@pytest.fixture(params=["memory", "file", "redis"])
async def store(
    request: pytest.FixtureRequest, anyio_backend: str, tmp_path: Path
) -> AsyncIterator[Any]:
    """An empty store of each kind, by real time."""
    settings = StateSettings(request.param, path=str(tmp_path / "state.db"))
    if request.param == "redis":
        url = request.getfixturevalue("shared_redis").url
        settings = StateSettings("redis", url=url, prefix=f"{{{uuid4().hex}}}:", timeout=1.0)
    opened = await open_store(settings, SystemClock())
    yield opened
    await opened.aclose()
