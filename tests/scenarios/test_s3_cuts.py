"""S3: an answer that breaks off is never shown as whole, and never begun again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faultd import Break, Play
from tests.scenarios.harness import CHATS, bench

if TYPE_CHECKING:
    from tests.faultd.play import How

pytestmark = pytest.mark.anyio

CUTS = ["fin", "rst", "unterminated", "eof", "error", "garbage"]
FORTY = "".join(f"{number:03d} " for number in range(40))


@pytest.mark.parametrize("how", CUTS)
@pytest.mark.parametrize("dialect", CHATS)
async def test_s3_forty_pieces_and_an_error(dialect: str, how: How) -> None:
    async with bench(dialect, "openai-chat") as found:
        found.servers[0].script(Play(chunks=60, breaks=Break(how, 40)))
        heard = await found.hear(stream=True)
    assert (heard.text, heard.pieces) == (FORTY, 40)
    assert heard.error == "interrupted"
    assert heard.finish is None
    assert heard.attempts == [("a", "interrupted")]
    assert found.counts == [1, 0]
