"""Every row of the catalogue imitated on this machine and asked through an engine."""

from __future__ import annotations

from typing import Any

import pytest

from trunkline.catalog import dialect, rows
from trunkline.catalog.rows import provider
from trunkline.runtime import Engine

pytestmark = pytest.mark.anyio

HELLO: Any = [{"role": "user", "content": "hello there"}]
MODELS = {
    "bedrock-invoke-claude": "anthropic.claude-haiku-4-5-v1:0",
    "bedrock-invoke-nova": "us.amazon.nova-2-lite-v1:0",
    "bedrock-invoke-titan": "amazon.titan-text-express-v1",
    "bedrock-invoke-llama": "meta.llama3-1-8b-instruct-v1:0",
    "vertex-anthropic": "claude-haiku-4-5",
    "gemini-generate": "gemini-2.5-flash",
}
"""Models whose names say whose they are, for wires that look at them."""


def cases() -> list[tuple[str, str]]:
    """Each row with each of its wires for chat."""
    found = []
    for row in rows.providers():
        wires = dict.fromkeys(one["use"] for one in provider(row)["dialects"])
        found += [(row, wire) for wire in wires if dialect(wire).operation == "chat"]
    return found


@pytest.mark.parametrize(("row", "wire"), cases())
async def test_a_row_can_be_imitated_in_each_of_its_wires(row: str, wire: str) -> None:
    text = f"""
version: 1
providers: {{up: {{type: simulated, as: {row}, dialect: {wire}}}}}
routes: [{{match: "*", to: up}}]
"""
    model = "meta/llama-4" if (row, wire) == ("vertex", "openai-chat") else MODELS.get(wire, "m-1")
    request: Any = {"model": model, "messages": HELLO}
    async with Engine.open(text, environ={}) as engine:
        whole = await engine.chat(request)
        async with engine.stream(request) as stream:
            pieces = [delta.text async for delta in stream]
    assert whole.text.startswith("Simulated answer of up for ")
    assert "you said “hello there”" in whole.text
    assert "".join(pieces) == whole.text
    assert len([piece for piece in pieces if piece]) > 5
    assert whole.usage is not None
    assert stream.reply.usage == whole.usage
    assert whole.decision.simulated


@pytest.mark.parametrize("row", rows.providers())
async def test_a_row_can_be_imitated_with_nothing_said(row: str) -> None:
    text = f"""
version: 1
providers: {{up: {{type: simulated, as: {row}}}}}
routes: [{{match: "*", to: up}}]
"""
    request: Any = {"model": "claude-haiku-4-5", "messages": HELLO}
    async with Engine.open(text, environ={}) as engine:
        reply = await engine.chat(request)
    assert "you said “hello there”" in reply.text
