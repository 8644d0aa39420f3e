"""R12: a conversation too long for a model goes only where more fits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faultd import Play
from tests.scenarios.harness import bench

pytestmark = pytest.mark.anyio

TOO_LONG = Play(status=400, code="context_length_exceeded")


def windows(**sizes: int) -> dict[str, Any]:
    """What providers say about how much their model holds."""
    return {name: {"models": {"gpt-5.1": {"context": size}}} for name, size in sizes.items()}


MOVES: Any = {"fallback": {"of": ["a", "b", "c"], "on": ["default", "context_length"]}}


@pytest.mark.parametrize("stream", [False, True])
async def test_r12_only_a_larger_window_is_tried(stream: bool) -> None:
    sizes = windows(a=8_000, b=8_000, c=32_000)
    async with bench(*["openai-chat"] * 3, providers=sizes, to=MOVES) as found:
        found.servers[0].script(TOO_LONG)
        heard = await found.hear(stream=stream)
    assert heard.text == "000 001 002 "
    assert found.counts == [1, 0, 1]


async def test_r12_without_a_larger_window_the_caller_is_told() -> None:
    sizes = windows(a=32_000, b=8_000, c=32_000)
    async with bench(*["openai-chat"] * 3, providers=sizes, to=MOVES) as found:
        found.servers[0].script(TOO_LONG)
        heard = await found.hear()
    assert (heard.error, heard.status) == ("context_length", 400)
    assert found.counts == [1, 0, 0]
