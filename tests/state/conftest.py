"""Stores of every kind, under one suite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.state.redis_server import running
from tests.state.stores import KINDS, opened, redis_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.state.redis_server import RedisServer


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    """One that is never stopped; who uses it takes a prefix of its own."""
    with running() as server:
        yield server


@pytest.fixture(params=KINDS)
async def store(
    request: pytest.FixtureRequest, anyio_backend: str, tmp_path: Path
) -> AsyncIterator[Any]:
    """An empty store of each kind, by real time."""
    if request.param == "redis":
        opening = redis_store(request.getfixturevalue("shared_redis"), timeout=1.0)
    else:
        opening = opened(request.param, tmp_path)
    async with opening as found:
        yield found
