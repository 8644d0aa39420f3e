"""R13: arguments of a call that are no JSON never reach a provider that wants a value."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from tests.scenarios.harness import bench

if TYPE_CHECKING:
    from tests.scenarios.figures import Figure

pytestmark = pytest.mark.anyio

PARSED = [
    "anthropic-messages",
    "vertex-anthropic",
    "bedrock-invoke-claude",
    "bedrock-converse",
    "gemini-generate",
]
"""Dialects in which the arguments of a call are a value and no text."""


def conversation(arguments: str) -> list[dict[str, Any]]:
    """A conversation whose model has called a tool with these arguments."""
    function = {"name": "weather", "arguments": arguments}
    call = {"id": "call_1", "type": "function", "function": function}
    return [
        {"role": "user", "content": "how is the weather?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ]


@pytest.mark.parametrize("arguments", ['{"city": ', "city=Rome", '{"a": 1}}', "{" * 20_000])
@pytest.mark.parametrize("dialect", PARSED)
async def test_r13_malformed_arguments_are_refused_before_anything_is_sent(
    dialect: str, arguments: str, caplog: pytest.LogCaptureFixture, figure: Figure
) -> None:
    caplog.set_level(logging.DEBUG)
    async with bench(dialect, dialect) as found:
        assert (await found.hear()).error == ""
        caplog.clear()
        heard = await found.hear(messages=conversation(arguments))
    assert heard.status in (400, 500)
    assert heard.error in ("bad_request", "unsupported", "internal")
    figure("refused after", heard.took, "s", most=0.05)
    assert heard.took < 4 * 0.05
    assert found.counts == [1, 0]
    assert len(heard.message) < 2048
    assert sum(len(record.getMessage()) for record in caplog.records) < 2048
