"""What scenarios share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.state.redis_server import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.scenarios.figures import Figure
    from tests.state.redis_server import RedisServer


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A Redis that a test may stop, freeze and restart; skips where there is none to start."""
    with running() as server:
        yield server


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
