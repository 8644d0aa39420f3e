"""R13: a request that cannot be written for a provider never reaches one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from tests.scenarios.harness import CHATS, bench

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

SAID = "{{ request.messages[0].content }}"
ROUTES: dict[str, dict[str, Any]] = {
    "a header that the text does not fit into": {"wire": {"headers": {"x-said": SAID}}},
    "a body that the route refuses": {"wire": {"body": {"x": {"$refuse": "no, and no"}}}},
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("why", ROUTES)
@pytest.mark.parametrize("dialect", CHATS)
async def test_r13_what_cannot_be_written_is_refused_before_anything_is_sent(
    dialect: str, why: str, stream: bool, caplog: pytest.LogCaptureFixture, figure: Figure
) -> None:
    caplog.set_level(logging.DEBUG)
    async with bench(dialect, dialect, route=ROUTES[why]) as found:
        caplog.clear()
        heard = await found.hear(stream=stream, text="one line\r\nand: another")
    assert (heard.error, heard.status) == ("unsupported", 400)
    figure("refused after", heard.took, "s", most=0.05)
    assert heard.took < 4 * 0.05
    assert found.counts == [0, 0]
    assert len(heard.message) < 1024
    assert sum(len(record.getMessage()) for record in caplog.records) < 2048
