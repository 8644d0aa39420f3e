"""What the vendors' own SDKs raise when a simulated provider fails as scripted."""

from __future__ import annotations

from typing import Any

import anthropic
import openai
import pytest
from botocore.exceptions import ClientError, EventStreamError
from google.genai import errors

from tests.sdks.asking import Ask
from tests.sdks.cohere_http import CohereError
from tests.sdks.wires import WIRES
from tests.simulator.test_vendors import BOTH, asked, simulated, wires
from trunkline.simulator import Fault

pytestmark = pytest.mark.anyio

OPENAI: dict[int, str] = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    429: "RateLimitError",
    500: "InternalServerError",
    503: "InternalServerError",
}
ANTHROPIC: dict[int, str] = {**OPENAI, 503: "ServiceUnavailableError", 529: "OverloadedError"}
AWS: dict[int, str] = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}
GOOGLE: dict[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
COHERE: dict[int, str] = dict.fromkeys(OPENAI, "CohereError")
TYPED: dict[str, dict[int, str]] = {
    "openai-chat": OPENAI,
    "openai-responses": OPENAI,
    "anthropic-messages": ANTHROPIC,
    "vertex-anthropic": ANTHROPIC,
    "gemini-generate": GOOGLE,
    "cohere-chat": COHERE,
}
"""By the dialect; those of AWS are the rest."""

RAISED = (openai.APIError, anthropic.APIError, errors.APIError, ClientError, CohereError)


def told(error: Any) -> tuple[int, str]:
    """The status of an SDK's error, and how it is typed."""
    if isinstance(error, ClientError):
        response: Any = error.response
        return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]
    if isinstance(error, errors.APIError):
        server = error.code >= 500
        assert isinstance(error, errors.ServerError if server else errors.ClientError)
        return error.code, error.status or ""
    status = error.status if isinstance(error, CohereError) else error.status_code
    return status, type(error).__name__


def statuses() -> Any:
    cases = []
    for name, wire in WIRES.items():
        typed = AWS if wire.dialect.startswith("bedrock") else TYPED.get(wire.dialect, {})
        if name == "bedrock-anthropic":
            typed = ANTHROPIC
        cases += [(name, status, kind) for status, kind in typed.items()]
    return pytest.mark.parametrize(("name", "status", "kind"), cases)


@statuses()
async def test_an_sdk_types_a_status(name: str, status: int, kind: str) -> None:
    fault = Fault(status=status, message="as scripted", retry_after=2)
    async with simulated(name, fault) as (wire, _, client):
        for stream in (False, True):
            with pytest.raises(RAISED, match="as scripted") as caught:
                await asked(client, Ask(model=wire.model), stream)
            assert told(caught.value) == (status, kind)


@BOTH
@wires()
async def test_an_sdk_is_told_when_to_come_back(name: str, stream: bool) -> None:
    async with simulated(name, Fault(status=429, retry_after=7)) as (wire, _, client):
        with pytest.raises(RAISED) as caught:
            await asked(client, Ask(model=wire.model), stream)
    error: Any = caught.value
    if isinstance(error, ClientError):
        headers = error.response["ResponseMetadata"]["HTTPHeaders"]
    elif isinstance(error, CohereError):
        return
    else:
        headers = error.response.headers
    assert headers["retry-after"] == "7"


@wires()
async def test_an_error_in_a_stream_is_raised_with_its_words(name: str) -> None:
    fault = Fault(error_after=3, status=503, message="as scripted")
    async with simulated(name, fault) as (wire, provider, client):
        with pytest.raises((*RAISED, EventStreamError), match="as scripted"):
            await asked(client, Ask(model=wire.model), True)
        assert provider.seen[0].outcome == "error"


@BOTH
@wires()
async def test_a_connection_that_breaks_is_an_error(name: str, stream: bool) -> None:
    async with simulated(name, Fault(cut_after=3)) as (wire, provider, client):
        with pytest.raises(Exception) as caught:
            await asked(client, Ask(model=wire.model), stream)
        assert provider.seen[0].outcome == "cut"
    assert not isinstance(caught.value, AssertionError | KeyError | TypeError), caught.value
