"""R12: in every dialect a conversation that is too long is known as one."""

from __future__ import annotations

import pytest

from tests.faultd import Play
from tests.scenarios.harness import bench

pytestmark = pytest.mark.anyio

TOO_LONG = {
    "openai-chat": Play(status=400, code="context_length_exceeded"),
    "openai-responses": Play(status=400, code="context_length_exceeded"),
    "anthropic-messages": Play(status=400, message="prompt is too long: 9 tokens > 8 maximum"),
    "vertex-anthropic": Play(status=400, message="prompt is too long: 9 tokens > 8 maximum"),
    "bedrock-converse": Play(status=400, message="Input is too long for requested model."),
    "bedrock-invoke-claude": Play(status=400, message="Input is too long for requested model."),
    "gemini-generate": Play(
        status=400,
        message="The input token count (9) exceeds the maximum number of tokens allowed (8).",
    ),
    "cohere-chat": Play(status=400, message="too many tokens: size limit exceeded by 1 tokens."),
}


@pytest.mark.parametrize("dialect", TOO_LONG)
async def test_r12_it_goes_nowhere_unless_the_route_says_so(dialect: str) -> None:
    async with bench(dialect, "openai-chat") as found:
        found.servers[0].script(TOO_LONG[dialect])
        heard = await found.hear()
    assert (heard.error, heard.status) == ("context_length", 400)
    assert found.counts == [1, 0]
