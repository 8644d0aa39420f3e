"""boto3 and Anthropic's Bedrock client against a simulated Bedrock on loopback: every door has
its own paths, and answers whole and in pieces."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import anthropic
import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from trunkline.catalog import dialect
from trunkline.simulator import Fault, Settings, start

pytestmark = pytest.mark.anyio

WIRES = ("converse", "invoke-claude", "invoke-titan", "invoke-llama")
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


def settings(*faults: Fault) -> Settings:
    doors = [dialect(f"bedrock-{wire}").door for wire in WIRES]
    return Settings(
        doors=[door for door in doors if door is not None], provider="acme", faults=faults
    )


def aws(origin: str) -> Any:
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=origin,
        region_name="us-east-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        config=Config(retries={"max_attempts": 0}),
    )


def native(client: Any, model: str, body: dict[str, Any]) -> tuple[Any, list[Any]]:
    """A model's own words, whole and in pieces."""
    asked = {"modelId": model, "body": json.dumps(body)}
    whole = json.loads(client.invoke_model(**asked)["body"].read())
    events = client.invoke_model_with_response_stream(**asked)["body"]
    return whole, [json.loads(event["chunk"]["bytes"]) for event in events]


async def test_converse_answers_whole_and_in_pieces() -> None:
    def ask(origin: str) -> None:
        client = aws(origin)
        asked = {"modelId": CLAUDE, "messages": [{"role": "user", "content": [{"text": "hi"}]}]}
        whole = client.converse(**asked)
        (block,) = whole["output"]["message"]["content"]
        events = list(client.converse_stream(**asked)["stream"])
        pieces = [one["contentBlockDelta"]["delta"] for one in events if "contentBlockDelta" in one]
        assert block["text"]
        assert "".join(piece["text"] for piece in pieces) == block["text"]
        assert events[-1]["metadata"]["usage"] == whole["usage"]
        client.close()

    async with await start(settings()) as simulated:
        await asyncio.to_thread(ask, simulated.origin)


async def test_each_family_is_answered_in_its_own_words() -> None:
    def ask(origin: str) -> None:
        client = aws(origin)
        whole, events = native(client, "amazon.titan-text-express-v1", {"inputText": "hi"})
        said = whole["results"][0]["outputText"]
        assert said
        assert "".join(event["outputText"] for event in events) == said
        whole, events = native(client, "meta.llama3-70b-instruct-v1:0", {"prompt": "hi"})
        assert whole["generation"]
        assert "".join(event["generation"] for event in events) == whole["generation"]
        client.close()
        with anthropic.AnthropicBedrock(
            api_key="k", aws_region="us-east-1", base_url=origin, max_retries=0
        ) as other:
            message = other.messages.create(
                model=CLAUDE, max_tokens=9, messages=[{"role": "user", "content": "hi"}]
            )
            assert message.content[0].type == "text"

    async with await start(settings()) as simulated:
        await asyncio.to_thread(ask, simulated.origin)


async def test_a_failure_has_the_name_that_aws_gives_it() -> None:
    def ask(origin: str) -> None:
        client = aws(origin)
        with pytest.raises(ClientError) as caught:
            client.converse(
                modelId=CLAUDE, messages=[{"role": "user", "content": [{"text": "hi"}]}]
            )
        assert caught.value.response["Error"]["Code"] == "ThrottlingException"
        client.close()

    async with await start(settings(Fault(status=429))) as simulated:
        await asyncio.to_thread(ask, simulated.origin)
