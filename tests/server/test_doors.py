"""Every door of the gateway when something is wrong, and while an answer is still on its way."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import anthropic
import httpx
import openai
import pytest
from botocore.exceptions import ClientError, EventStreamError
from google.genai import errors

from tests.sdks.asking import Ask
from tests.sdks.cohere_http import CohereError
from tests.sdks.wires import WIRES
from tests.server.conftest import serving
from tests.server.doors import CONTENTS, DOORS
from trunkline.runtime import Engine
from trunkline.simulator import Fault
from trunkline.wire import FRAMINGS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.sdks.asking import Client
    from tests.server.conftest import Begin

pytestmark = pytest.mark.anyio

CLIENTS = pytest.mark.parametrize(
    "client",
    [
        "openai-chat",
        "azure-chat",
        "openai-responses",
        "azure-responses",
        "anthropic-messages",
        "vertex-anthropic",
        "bedrock-anthropic",
        "gemini",
        "gemini-array",
        "vertex-gemini",
        "converse",
        "cohere",
        "titan",
        "llama",
    ],
)
RAISED = (openai.APIError, anthropic.APIError, errors.APIError, ClientError, CohereError)

EACH = pytest.mark.parametrize("door", DOORS)


def message_of(value: Any) -> str:
    """The words of an error, wherever the wire has them."""
    said = value.get("error") or value
    return str(said.get("message"))


@asynccontextmanager
async def before(begin: Begin, client: str, *faults: Fault) -> AsyncIterator[tuple[Ask, Client]]:
    """An SDK in front of a gateway, in front of a provider that fails so."""
    served = await begin(("openai-chat", *faults), reply="abcdefghij", chunk=1)
    sdk = WIRES[client].client(served.address)
    try:
        yield Ask(model=WIRES[client].model), sdk
    finally:
        await sdk.aclose()


@CLIENTS
async def test_a_model_that_no_route_takes_is_a_typed_error(client: str) -> None:
    file = "version: 1\nproviders: {up: {type: openai, api_key: k}}\nroutes: [{match: no, to: up}]"
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(Engine.open(file, environ={}))
        sdk = WIRES[client].client(await stack.enter_async_context(serving(engine)))
        stack.push_async_callback(sdk.aclose)
        ask = Ask(model=WIRES[client].model)
        for stream in (False, True):
            with pytest.raises(RAISED, match="no route") as caught:
                await sdk.send(sdk.user(ask), ask, stream=stream)
            assert status_of(caught.value) == 404


def status_of(error: Any) -> int:
    if isinstance(error, ClientError):
        response: Any = error.response
        status: int = response["ResponseMetadata"]["HTTPStatusCode"]
    elif isinstance(error, errors.APIError):
        status = error.code
    else:
        status = error.status if isinstance(error, CohereError) else error.status_code
    return status


@pytest.mark.parametrize(("upstream", "status"), [(400, 400), (401, 502), (429, 429), (529, 503)])
@CLIENTS
async def test_an_error_of_the_provider_is_typed(
    gateway: Begin, client: str, upstream: int, status: int
) -> None:
    fault = Fault(status=upstream, message="as scripted", retry_after=90)
    async with before(gateway, client, fault) as (ask, sdk):
        with pytest.raises(RAISED) as caught:
            await sdk.send(sdk.user(ask), ask, stream=upstream == 429)
    assert status_of(caught.value) == status
    if isinstance(caught.value, ClientError):
        known = caught.value.response["Error"]["Code"]
        assert known.endswith("Exception")
        assert known != "UnknownException"


@pytest.mark.parametrize(
    "fault",
    [Fault(error_after=3, status=503), Fault(cut_after=3), Fault(end_after=3)],
    ids=["error", "cut", "end"],
)
@CLIENTS
async def test_a_break_in_mid_stream_is_raised(gateway: Begin, client: str, fault: Fault) -> None:
    async with before(gateway, client, fault) as (ask, sdk):
        with pytest.raises((*RAISED, EventStreamError)):
            await sdk.send(sdk.user(ask), ask, stream=True)


@EACH
async def test_what_is_no_request_is_refused_in_the_doors_own_words(
    gateway: Begin, door: str
) -> None:
    served = await gateway(("openai-chat",))
    path, body = DOORS[door]
    tried: list[tuple[bytes, int]] = [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'"hi"', 400),
        (b"{}", 400),
        (json.dumps(dict.fromkeys(body, 1)).encode(), 400),
        (b'{"a": 1, "a": 2}', 400),
    ]
    async with httpx.AsyncClient(base_url=served.address) as client:
        for data, status in tried:
            got = await client.post(path, content=data)
            assert got.status_code == status, (data, got.text)
            assert message_of(got.json()) not in ("", "None")
        for method, allowed in (("GET", "POST"), ("PUT", "POST"), ("DELETE", "POST")):
            got = await client.request(method, path)
            assert got.status_code == 405
            assert got.headers["allow"] == allowed
            assert f"not {method}" in message_of(got.json())
    assert served.upstream.count == 0


@EACH
async def test_a_stream_arrives_while_it_is_being_said(gateway: Begin, door: str) -> None:
    """The provider falls silent for good after three words. They must have come by then."""
    served = await gateway(("openai-chat", Fault(stall_after=3)), reply="abcdefghij", chunk=1)
    path, body = DOORS[door]
    got = b""
    async with (
        asyncio.timeout(20),
        httpx.AsyncClient(base_url=served.address) as client,
        client.stream("POST", path, json=body) as response,
    ):
        assert response.status_code == 200, await response.aread()
        async for piece in response.aiter_raw():
            got += piece
            if b'"c"' in text_of(door, got):
                break
    assert b'"d"' not in text_of(door, got)
    await served.upstream.seen[0].over()


def text_of(door: str, data: bytes) -> bytes:
    """The JSON that has come so far, without its frames."""
    if not door.startswith("bedrock"):
        return data
    decoder = FRAMINGS["aws-eventstream"].decoder()
    texts = []
    for event in decoder.feed(data):
        value = json.loads(event.data)
        inside = value.get("bytes")
        texts.append(base64.b64decode(inside) if inside else event.data)
    return b"".join(texts)


async def test_googles_stream_is_an_array_or_events_as_the_client_asks(gateway: Begin) -> None:
    served = await gateway(("openai-chat",), reply="abc", chunk=1)
    path = "/v1beta/models/m:streamGenerateContent"
    async with httpx.AsyncClient(base_url=served.address) as client:
        array = await client.post(path, json=CONTENTS)
        events = await client.post(f"{path}?alt=sse&alt=json", json=CONTENTS)
    assert array.headers["content-type"] == "application/json"
    assert events.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in events.text.splitlines() if line]
    streamed = [json.loads(line.removeprefix("data: ")) for line in lines]
    said = [
        ["".join(p["text"] for p in one["candidates"][0]["content"].get("parts", ())) for one in of]
        for of in (array.json(), streamed)
    ]
    assert [[text for text in one if text] for one in said] == [["a", "b", "c"]] * 2
