"""What scenarios share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.scenarios.harness_processes import RedisServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.scenarios.figures import Figure


@pytest.fixture
async def redis_server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    """A Redis that a test may stop, freeze and restart; skips where there is none to start."""
    server = RedisServer(tmp_path)
    await server.start()
    yield server
    await server.kill()


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Figure:
    """Notes what a row measured, for docs/reference/scenarios.md."""

    def note(
        what: str,
        measured: float,
        unit: str = "",
        *,
        most: float | None = None,
        least: float | None = None,
    ) -> None:
        rounded = float(f"{measured:.6g}")
        said = {"what": what, "measured": rounded, "unit": unit, "most": most, "least": least}
        request.node.user_properties.append(("figure", said))

    return note
