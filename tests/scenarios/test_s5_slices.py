"""S5, S6 and S12 on sockets: however the bytes of an answer come, it is the same answer, whatever
its text holds, and a stream says what a whole answer says.

Every cut of recorded streams is tried in tests/wire and tests/dialect; this is the whole way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.faultd import Play
from tests.scenarios.harness import CHATS, bench

if TYPE_CHECKING:
    from tests.scenarios.harness import Heard

pytestmark = pytest.mark.anyio

EACH = pytest.mark.parametrize("dialect", CHATS)
WIDE = 'é ⚙ 😀 漢字 \ufeff data: : \r\n\n event: \\u0041 "quoted" '
SEPARATORS = "a\u2028b\u2029c\u0085d\x0be\x0cf\u200bg\x1ch\x1di\x1ej"


def told(heard: Heard) -> tuple[Any, ...]:
    counted = {name: count for name, count in heard.usage.items() if count}
    return heard.error, heard.text, heard.finish, counted


@EACH
async def test_s5_the_same_bytes_in_any_slices_are_the_same_answer(dialect: str) -> None:
    async with bench(dialect, usual=Play(text=WIDE, piece=3)) as found:
        at_once = await found.hear(stream=True)
        assert (at_once.error, at_once.text) == ("", WIDE)
        for size in (1, 2, 3, 5, 7, 11, 64):
            found.servers[0].usual = Play(text=WIDE, piece=3, slices=size)
            sliced = await found.hear(stream=True)
            assert told(sliced) == told(at_once)
            assert sliced.pieces == at_once.pieces


@EACH
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_s6_what_python_takes_for_line_ends_splits_nothing(
    dialect: str, stream: bool
) -> None:
    for piece in (1, len(SEPARATORS)):
        async with bench(dialect, usual=Play(text=SEPARATORS, piece=piece, slices=5)) as found:
            heard = await found.hear(stream=stream)
            assert (heard.error, heard.text, heard.finish) == ("", SEPARATORS, "stop")


@EACH
async def test_s12_a_stream_says_what_a_whole_answer_says(dialect: str) -> None:
    async with bench(dialect, usual=Play(text=WIDE * 5, piece=4)) as found:
        whole, streamed = await found.hear(), await found.hear(stream=True)
        assert whole.text == WIDE * 5
        assert told(streamed) == told(whole)
