"""Embeddings through the gateway, with the vendors' SDKs before providers of every wire."""

from __future__ import annotations

import asyncio
import json
import math
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import openai
import pytest
from google import genai
from google.genai import types

from tests.sdks.boto3_sdk import connect
from tests.server.conftest import serving
from trunkline.catalog import dialect, rows
from trunkline.catalog.rows import provider
from trunkline.runtime import Engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio

MODELS = {
    "titan-embeddings": "amazon.titan-embed-text-v2:0",
    "cohere-embeddings-bedrock": "cohere.embed-english-v3",
}


def cases() -> list[tuple[str, str]]:
    """Each row with each of its wires for embeddings."""
    found = []
    for row in rows.providers():
        wires = dict.fromkeys(one["use"] for one in provider(row)["dialects"])
        found += [(row, wire) for wire in wires if dialect(wire).operation == "embeddings"]
    return found


def asked(row: str, wire: str) -> str:
    """The model that clients ask for. google-genai sends texts for models with `gemini` in their
    names in another way, so it has a number."""
    return f"to-{cases().index((row, wire))}."


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def address() -> AsyncIterator[str]:
    """A gateway before a simulated provider of each row and wire."""
    providers, routes = ["providers:"], ["routes:"]
    for row, wire in cases():
        name = f"{row}-{wire}"
        providers.append(f"  {name}: {{type: simulated, as: {row}}}")
        model = MODELS.get(wire, "e-1")
        routes.append(f'  - {{match: "*{asked(row, wire)}", to: "{name}/{model}"}}')
    async with AsyncExitStack() as stack:
        opening = Engine.open("\n".join(["version: 1", *providers, *routes, ""]), environ={})
        engine = await stack.enter_async_context(opening)
        yield await stack.enter_async_context(serving(engine))


EACH = pytest.mark.parametrize(("row", "wire"), cases())


def unit(vector: Any) -> bool:
    return math.isclose(math.hypot(*vector), 1, rel_tol=1e-3)


@EACH
@pytest.mark.parametrize("encoding", ["float", "base64"])
async def test_openai_reads_vectors(address: str, row: str, wire: str, encoding: Any) -> None:
    texts = ["one"] if wire == "titan-embeddings" else ["one", "two", "one"]
    async with openai.AsyncOpenAI(api_key="k", base_url=f"{address}/v1", max_retries=0) as client:
        got = await client.embeddings.create(
            model=asked(row, wire), input=texts, encoding_format=encoding
        )
    assert [one.index for one in got.data] == list(range(len(texts)))
    assert got.data[-1].embedding == got.data[0].embedding
    if encoding == "float":
        assert all(unit(one.embedding) for one in got.data)
    assert got.usage.prompt_tokens >= 0


@EACH
async def test_google_genai_reads_vectors(address: str, row: str, wire: str) -> None:
    texts: Any = ["one"] if wire == "titan-embeddings" else ["one", "two"]
    client = genai.Client(api_key="k", http_options=types.HttpOptions(base_url=address))
    try:
        got = await client.aio.models.embed_content(model=asked(row, wire), contents=texts)
    finally:
        await client.aio.aclose()
    vectors = [one.values for one in got.embeddings or ()]
    assert len(vectors) == len(texts)
    assert all(unit(vector) for vector in vectors)


@EACH
async def test_boto3_reads_a_vector(address: str, row: str, wire: str) -> None:
    sdk = connect(address)

    def ask() -> Any:
        model = f"amazon.titan-embed-{asked(row, wire)}"
        got = sdk.invoke_model(modelId=model, body=json.dumps({"inputText": "one"}))
        return json.loads(got["body"].read())

    try:
        assert unit((await asyncio.to_thread(ask))["embedding"])
    finally:
        sdk.close()
