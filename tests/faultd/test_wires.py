"""Every wire of faultd, read by its vendor's own SDK."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import botocore.exceptions
import openai
import pytest
from google.genai import errors

from tests.faultd import Break, Play, faultd
from tests.sdks.anthropic_sdk import BedrockMessages, Messages, VertexMessages
from tests.sdks.asking import Ask
from tests.sdks.boto3_sdk import Converse
from tests.sdks.cohere_http import Cohere, CohereError
from tests.sdks.google_sdk import Gemini, GeminiArray, VertexGemini
from tests.sdks.openai_sdk import Chat, Responses

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sdks.asking import Client, Said

pytestmark = [
    pytest.mark.anyio,
    # google-genai subclasses a session of aiohttp, which aiohttp discourages
    pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning"),
]

CLIENTS: dict[str, tuple[Callable[..., Any], str, str]] = {
    "openai-chat": (Chat, "openai-chat", "key-of-the-client"),
    "openai-responses": (Responses, "openai-responses", "key-of-the-client"),
    "anthropic-messages": (Messages, "anthropic-messages", "key-of-the-client"),
    "vertex-anthropic": (VertexMessages, "vertex-anthropic", "token-of-the-client"),
    "gemini-generate": (Gemini, "gemini-generate", "key-of-the-client"),
    "gemini array": (GeminiArray, "gemini-generate", "key-of-the-client"),
    "vertex gemini": (VertexGemini, "gemini-generate", "token-of-the-client"),
    "bedrock-converse": (Converse, "bedrock-converse", "AKIDEXAMPLE"),
    "bedrock-invoke-claude": (BedrockMessages, "bedrock-invoke-claude", "AKIDEXAMPLE"),
    "cohere-chat": (Cohere, "cohere-chat", ""),
}
FAILURES = (
    openai.APIError,
    anthropic.APIError,
    errors.APIError,
    botocore.exceptions.ClientError,
    botocore.exceptions.EventStreamError,
    CohereError,
)
both = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
every = pytest.mark.parametrize("name", CLIENTS)


async def ask(name: str, url: str, *, stream: bool) -> Said:
    """What the vendor's SDK makes of the answer."""
    client: Client = CLIENTS[name][0](url)
    try:
        question = Ask(text="hello [id:r-1]")
        return await client.send(client.user(question), question, stream=stream)
    finally:
        await client.aclose()


@every
@both
async def test_the_vendors_sdk_reads_an_answer(name: str, stream: bool) -> None:
    async with faultd(Play(chunks=5)) as server:
        said = await ask(name, server.url, stream=stream)
    [seen] = server.seen
    assert said.text == "000 001 002 003 004 "
    assert said.usage == (9, 5)
    assert said.finish.lower() in {"stop", "end_turn", "complete", "completed"}
    assert said.pieces == 5 or not stream
    _, dialect, key = CLIENTS[name]
    if name != "gemini array" or stream:
        assert seen.stream is stream
    assert (seen.dialect, seen.model, seen.id) == (dialect, "m-1", "r-1")
    assert seen.key == ("" if name == "gemini array" and stream else key)
    assert (seen.status, seen.outcome, seen.chunks, seen.tokens) == (200, "complete", 5, 5)


@every
@both
async def test_the_vendors_sdk_reads_a_text_that_is_given(name: str, stream: bool) -> None:
    async with faultd(Play(text="Größe: 5 µm 🙂\n\n", piece=3, slices=7)) as server:
        said = await ask(name, server.url, stream=stream)
    assert said.text == "Größe: 5 µm 🙂\n\n"


STATUSES = {
    "bedrock": {401: "UnrecognizedClientException", 429: "ThrottlingException"},
    "gemini": {401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED"},
    "vertex": {401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED"},
    "openai": {401: "invalid_api_key", 429: "rate_limit_exceeded"},
    "anthropic": {401: "authentication_error", 429: "rate_limit_error"},
    "cohere": {401: "invalid api token", 429: "rate limited"},
}


@every
@both
@pytest.mark.parametrize("status", [401, 429])
async def test_the_vendors_sdk_reads_a_refusal(name: str, stream: bool, status: int) -> None:
    async with faultd(Play(status=status)) as server:
        with pytest.raises(FAILURES) as raised:
            await ask(name, server.url, stream=stream)
    found = raised.value
    shown = f"{found!r} {getattr(found, 'response', '')} {getattr(found, 'body', '')}"
    if name == "bedrock-invoke-claude":  # its SDK shows the body alone
        assert "message" in shown
        return
    assert STATUSES[name.replace(" ", "-").split("-")[0]][status] in shown


@pytest.mark.parametrize("name", [name for name in CLIENTS if name != "openai-responses"])
async def test_the_vendors_sdk_reads_an_error_within_a_stream(name: str) -> None:
    async with faultd(Play(chunks=4, breaks=Break("error", 2), message="it broke")) as server:
        with pytest.raises((*FAILURES, ValueError, json.JSONDecodeError)) as raised:
            await ask(name, server.url, stream=True)
    assert "it broke" in str(raised.value) or name == "bedrock-invoke-claude"
    assert [(one.outcome, one.chunks) for one in server.seen] == [("error", 2)]


async def test_openais_sdk_gives_an_error_within_a_stream_of_responses_as_an_event() -> None:
    async with faultd(Play(chunks=4, breaks=Break("error", 2), message="it broke")) as server:
        settings: Any = {"api_key": "k", "base_url": f"{server.url}/v1", "max_retries": 0}
        async with openai.AsyncOpenAI(**settings) as client:
            stream = await client.responses.create(model="m", input="hi", stream=True)
            events = [event async for event in stream]
    last = events[-1]
    assert last.type == "error"
    assert (last.message, last.sequence_number) == ("it broke", 6)
    assert [event.type for event in events].count("response.output_text.delta") == 2


async def test_openais_sdk_reads_vectors_and_the_list_of_models() -> None:
    async with faultd() as server:
        settings: Any = {"api_key": "k", "base_url": f"{server.url}/v1", "max_retries": 0}
        async with openai.AsyncOpenAI(**settings) as client:
            found = await client.embeddings.create(model="e-1", input=["a", "b"])
            models = [one.id async for one in client.models.list()]
    assert [one.embedding for one in found.data] == [[1, 0, 0], [1, 0, 1]]
    assert found.usage.prompt_tokens == 9
    assert models == ["m-1"]


async def test_usage_can_be_missing_zero_and_wrong() -> None:
    async with faultd() as server:
        server.script(Play(usage=False), first=1)
        server.script(Play(input_tokens=0, output_tokens=0), first=1)
        settings: Any = {"api_key": "k", "base_url": f"{server.url}/v1", "max_retries": 0}
        asked: Any = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        async with openai.AsyncOpenAI(**settings) as client:
            usages = [(await client.chat.completions.create(**asked)).usage for _ in range(3)]
    assert usages[0] is None
    assert [(one.prompt_tokens, one.completion_tokens) for one in usages[1:] if one] == [
        (0, 0),
        (9, 3),
    ]
