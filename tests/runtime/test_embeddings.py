"""Embeddings: texts in, one vector for each out, whichever wire they go over."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import openai
import pytest
from google import genai

from tests.server.conftest import serving
from trunkline import ConfigError, RequestError, UpstreamError
from trunkline.catalog import dialect
from trunkline.explain import explain
from trunkline.runtime import Engine
from trunkline.simulator import Fault, Settings, start
from trunkline.template import base64_vector

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trunkline.simulator import Simulated

pytestmark = pytest.mark.anyio

MODELS = {
    "openai-embeddings": "text-embedding-3-small",
    "gemini-embeddings": "gemini-embedding-001",
    "vertex-embeddings": "gemini-embedding-001",
    "titan-embeddings": "amazon.titan-embed-text-v2:0",
    "cohere-embeddings": "embed-v4.0",
    "cohere-embeddings-bedrock": "cohere.embed-english-v3",
}
UNCOUNTED = {"gemini-embeddings", "vertex-embeddings", "cohere-embeddings-bedrock"}
"""Wires on which a simulated provider, like the real one, says no usage in the body."""


@asynccontextmanager
async def opened(wire: str, routes: str = "") -> AsyncIterator[Any]:
    door = dialect(wire).door
    assert door is not None
    simulated = await start(Settings(provider="acme", doors=[door]))
    place = "project: p\n    location: l" if wire == "vertex-embeddings" else ""
    text = f"""
version: 1
providers:
  acme:
    type: {"anthropic" if wire == "anthropic-messages" else "openai-compatible"}
    dialect: {wire}
    base_url: {simulated.origin}
    api_key: k
    {place}
routes:
  {routes or '- {match: "*", to: acme}'}
"""
    async with simulated, Engine.open(text) as engine:
        yield engine, simulated


@pytest.mark.parametrize("wire", MODELS)
async def test_each_text_gets_its_vector_over_every_wire(wire: str) -> None:
    texts = ["hello", "world", "hello"]
    asked: dict[str, Any] = {"model": MODELS[wire], "input": texts}
    if wire != "vertex-embeddings":
        asked["dimensions"] = 8
    async with opened(wire) as (engine, _):
        found = await engine.embed(**asked)
    assert [len(vector) for vector in found.vectors] == [8 if "dimensions" in asked else 256] * len(
        texts
    )
    assert all(isinstance(number, float) for vector in found.vectors for number in vector)
    assert found.vectors[0] == found.vectors[-1]
    assert found.vectors[0] != found.vectors[1]
    if wire not in UNCOUNTED:
        assert found.usage is not None
        assert found.usage["input"] == 2 * len(texts)
    assert found.decision.attempts[0].outcome == "ok"


async def test_what_a_wire_cannot_carry_is_refused_with_its_reason() -> None:
    async with opened("gemini-embeddings") as (engine, simulated):
        with pytest.raises(RequestError, match="cannot carry token numbers"):
            await engine.embed(model="m", input=[[1, 2]])
        assert simulated.count == 0


async def test_many_texts_go_in_as_many_requests_as_the_wire_wants() -> None:
    texts = [f"text {number}" for number in range(205)]
    async with opened("gemini-embeddings") as (engine, simulated):
        found = await engine.embed(model="gemini-embedding-001", input=texts, dimensions=4)
        each = [
            (await engine.embed(model="gemini-embedding-001", input=text, dimensions=4)).vectors[0]
            for text in (texts[0], texts[100], texts[204])
        ]
    assert [len(seen.request["input"]) for seen in list(simulated.seen)[:3]] == [100, 100, 5]
    assert len(found.vectors) == 205
    assert [found.vectors[at] for at in (0, 100, 204)] == each
    assert len(found.decision.attempts) == 3
    async with opened("titan-embeddings") as (engine, _):
        found = await engine.embed(model="amazon.titan-embed-text-v2:0", input=["hello"] * 9)
    assert found.usage == {"input": 18}


async def test_a_batch_that_fails_fails_the_request_and_the_engine_can_be_reloaded() -> None:
    door = dialect("titan-embeddings").door
    assert door is not None
    settings = Settings(provider="acme", doors=[door], faults=(Fault(on=(3,), status=400),))
    async with await start(settings) as simulated:
        text = f"""
version: 1
providers:
  acme: {{type: openai-compatible, dialect: titan-embeddings, base_url: "{simulated.origin}"}}
routes:
  - {{match: "*", to: acme}}
"""
        async with Engine.open(text) as engine:
            with pytest.raises(UpstreamError) as failed:
                await engine.embed(model="amazon.titan-embed-x", input=["a", "b", "c", "d"])
            assert failed.value.decision is not None
            assert [one.outcome for one in failed.value.decision.attempts] == [
                "ok",
                "ok",
                "bad_request",
            ]
            await engine.reload()
            assert len((await engine.embed(model="amazon.titan-embed-x", input="a")).vectors) == 1


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({"input": []}, "at least one text"),
        ({"input": [1]}, r"input\[0\]"),
        ({"input": ["a"], "temperature": 1}, "no such field"),
        ({}, "input: is required"),
    ],
)
async def test_a_request_that_is_none_is_refused(request_: dict[str, Any], why: str) -> None:
    async with opened("openai-embeddings") as (engine, _):
        with pytest.raises(RequestError, match=why):
            await engine.embed(model="m", **request_)


async def test_a_provider_without_embeddings_is_passed_over() -> None:
    async with opened("anthropic-messages") as (engine, _):
        with pytest.raises(RequestError, match="speaks no dialect for embeddings with `m`"):
            await engine.embed(model="m", input=["a"])


async def test_embeddings_fall_back_between_providers_of_one_model() -> None:
    door = dialect("openai-embeddings").door
    assert door is not None
    failing = Settings(provider="one", doors=[door], faults=(Fault(status=503),))
    working = Settings(provider="two", doors=[door])
    async with await start(failing) as one, await start(working) as two:
        text = f"""
version: 1
providers:
  one: {{type: openai-compatible, dialect: openai-embeddings, base_url: "{one.origin}"}}
  two:
    type: openai-compatible
    dialect: openai-embeddings
    base_url: "{two.origin}"
    models: {{e: prod-e}}
routes:
  - {{match: {{operation: embeddings, model: e}}, to: [one, two/e]}}
"""
        async with Engine.open(text) as engine:
            found = await engine.embed(model="e", input="hello")
            assert found.decision.targets == ["one/e", "two/prod-e"]
            with pytest.raises(RequestError, match="no route for the model"):
                await engine.chat(model="e", messages=[{"role": "user", "content": "hi"}])


async def test_a_route_that_leads_to_several_models_is_not_asked_for_vectors() -> None:
    routes = '- {match: "*", to: [acme/a, acme/b]}'
    async with opened("openai-embeddings", routes) as (engine, simulated):
        with pytest.raises(RequestError, match="vectors do not mix") as error:
            await engine.embed(model="x", input=["a"])
        assert error.value.kind == "unsupported"
        assert simulated.count == 0


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("[acme/a, acme/b]", "TL411"),
        ("{balance: {of: [acme/a, acme/b]}}", "TL411"),
        ("[acme, acme/b]", "TL411"),
        ("chats", "TL308"),
    ],
)
async def test_a_route_for_embeddings_that_mixes_vectors_is_refused(to: str, code: str) -> None:
    text = f"""
version: 1
providers:
  acme: {{type: openai-compatible, dialect: openai-embeddings, base_url: "http://127.0.0.1:9/v1"}}
  chats: {{type: anthropic, api_key: "${{env:K}}"}}
routes:
  - {{match: {{operation: embeddings}}, to: {to}}}
"""
    with pytest.raises(ConfigError) as refused:
        Engine.open(text)
        await Engine.open(text)
    assert [finding.code for finding in refused.value.diagnostics] == [code]


@pytest.mark.parametrize(
    "to", ["[acme/e, acme/e]", "{switch: [{when: 1 > 2, to: acme/a}, {to: acme/b}]}"]
)
async def test_one_model_or_models_divided_by_the_author_are_fine(to: str) -> None:
    routes = f"- {{match: {{operation: embeddings}}, to: {to}}}"
    async with opened("openai-embeddings", routes) as (engine, _):
        assert len((await engine.embed(model="x", input=["a"])).vectors) == 1


async def test_an_overlay_changes_what_is_asked() -> None:
    routes = "- {match: {operation: embeddings}, to: acme, request: {dimensions: 16}}"
    async with opened("openai-embeddings", routes) as (engine, _):
        found = await engine.embed(model="x", input=["a"], dimensions=8)
    assert len(found.vectors[0]) == 16


async def test_explain_shows_what_would_be_sent() -> None:
    async with opened("openai-embeddings") as (engine, _):
        shown = await explain(engine.plan, {"model": "m", "input": ["a"]})
    assert shown.refusal is None
    assert shown.sendings[0].to_json()["body"] == {"model": "m", "input": ["a"]}


@asynccontextmanager
async def gateway(wire: str) -> AsyncIterator[tuple[str, Simulated]]:
    async with opened(wire) as (engine, simulated), serving(engine) as address:
        yield address, simulated


@pytest.mark.parametrize("wire", ["openai-embeddings", "gemini-embeddings"])
async def test_the_openai_sdk_reads_vectors_through_the_gateway(wire: str) -> None:
    async with gateway(wire) as (address, simulated):
        client = openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="k", max_retries=0)
        async with client:
            plain = await client.embeddings.create(
                model="e", input=["a", "b"], encoding_format="float", dimensions=4
            )
            packed = await client.embeddings.create(model="e", input=["a", "b"], dimensions=4)
            with pytest.raises(openai.BadRequestError, match="at least one text"):
                await client.embeddings.create(model="e", input=[])
        assert simulated.count == 2
    assert [one.index for one in plain.data] == [0, 1]
    for left, right in zip(plain.data, packed.data, strict=True):
        assert left.embedding == pytest.approx(right.embedding, abs=1e-6)


async def test_google_genai_reads_vectors_through_the_gateway() -> None:
    async with gateway("openai-embeddings") as (address, _):
        client = genai.Client(
            api_key="k",
            http_options=genai.types.HttpOptions(base_url=address, api_version="v1beta"),
        )
        found = await client.aio.models.embed_content(
            model="e",
            contents=["a", "b"],
            config=genai.types.EmbedContentConfig(output_dimensionality=4),
        )
        await client.aio.aclose()
    assert found.embeddings is not None
    assert [len(one.values or ()) for one in found.embeddings] == [4, 4]


async def test_vectors_in_base64_are_the_numbers_that_were_packed() -> None:
    assert base64_vector("AACAPwAAAEA=") == [1.0, 2.0]
