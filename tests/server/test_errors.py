"""What clients are told when it goes wrong: the code, the wait, and nothing that is not theirs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.server.conftest import KEY
from tests.server.doors import DOORS
from trunkline.catalog import dialect
from trunkline.errors import CallError, RequestError, UpstreamError
from trunkline.server.incoming import Incoming
from trunkline.server.outgoing import send_error
from trunkline.simulator import Fault

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from tests.server.conftest import Begin
    from trunkline.errors import ErrorKind

pytestmark = pytest.mark.anyio

CODES: list[tuple[ErrorKind, int, str]] = [
    ("limit", 429, "rate_limited"),
    ("budget", 429, "budget_exceeded"),
    ("quota", 429, "upstream_quota"),
    ("auth", 502, "upstream_auth_error"),
    ("interrupted", 502, "upstream_interrupted"),
    ("overloaded", 503, "overloaded"),
]


async def told(wire: str, error: CallError) -> tuple[int, dict[str, str], Any]:
    """Status, headers and body of an error at a door."""
    sent: list[MutableMapping[str, Any]] = []

    async def send(event: MutableMapping[str, Any]) -> None:
        sent.append(event)

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    door = dialect(wire).door
    assert door is not None
    await send_error(send, Incoming(scope, receive), door, error)
    head, body = sent
    headers = {name.decode(): value.decode() for name, value in head["headers"]}
    return head["status"], headers, json.loads(body["body"])


@pytest.mark.parametrize(
    ("kind", "after", "said"),
    [
        ("limit", 0.2, "1"),
        ("limit", 0.0, "1"),
        ("limit", 2.0, "2"),
        ("limit", 2.01, "3"),
        ("limit", 90_000.0, "90000"),
        ("limit", None, None),
        ("budget", 30.5, "31"),
        ("budget", 3600.0, "3600"),
        ("budget", 3601.0, None),
    ],
)
async def test_a_wait_is_whole_seconds_and_for_a_budget_no_more_than_an_hour(
    kind: ErrorKind, after: float | None, said: str | None
) -> None:
    status, headers, _ = await told("openai-chat", RequestError(kind, "no", retry_after=after))
    assert (status, headers.get("retry-after")) == (429, said)


@pytest.mark.parametrize("wire", ["openai-chat", "openai-responses", "openai-embeddings"])
@pytest.mark.parametrize(("kind", "status", "code"), CODES)
async def test_openais_wires_say_the_code(
    wire: str, kind: ErrorKind, status: int, code: str
) -> None:
    got, _, body = await told(wire, UpstreamError(kind, "no"))
    assert (got, body["error"]["code"]) == (status, code)


@pytest.mark.parametrize(("kind", "status", "code"), CODES)
async def test_geminis_wire_says_it_as_a_reason(kind: ErrorKind, status: int, code: str) -> None:
    got, headers, body = await told("gemini-generate", UpstreamError(kind, "no"))
    details = body["error"]["details"]
    reasons = [] if kind == "overloaded" else [code.upper()]
    assert got == status
    assert [one["reason"] for one in details if "ErrorInfo" in one["@type"]] == reasons
    assert [one["requestId"] for one in details if "RequestInfo" in one["@type"]] == [
        headers["x-request-id"]
    ]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("limit", "ThrottlingException"),
        ("quota", "ThrottlingException"),
        ("auth", "InternalServerException"),
        ("overloaded", "ServiceUnavailableException"),
    ],
)
async def test_awss_wire_names_an_exception_and_no_failed_sign_in_of_its_client(
    kind: ErrorKind, name: str
) -> None:
    _, headers, _ = await told("bedrock-converse", UpstreamError(kind, "no"))
    assert headers["x-amzn-errortype"] == name


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("upstream", [401, 403])
async def test_a_key_that_the_provider_refuses_is_not_the_clients_and_not_told(
    gateway: Begin, door: str, upstream: int
) -> None:
    fault = Fault(
        status=upstream,
        message=f"Incorrect API key provided: {KEY}.",
        headers=(("www-authenticate", f"Bearer {KEY}"),),
    )
    served = await gateway(("openai-chat", fault))
    path, body = DOORS[door]
    async with httpx.AsyncClient(base_url=served.address) as client:
        got = await client.post(path, json=body)
    assert got.status_code == 502
    assert KEY not in got.text
    assert not any(KEY in value for value in got.headers.values())
    assert "www-authenticate" not in got.headers


async def test_spent_credit_at_the_provider_is_no_limit_of_the_client(gateway: Begin) -> None:
    served = await gateway(("openai-chat", Fault(status=402)))
    async with httpx.AsyncClient(base_url=served.address) as client:
        path, body = DOORS["openai-chat"]
        got = await client.post(path, json=body)
    assert (got.status_code, got.json()["error"]["code"]) == (429, "upstream_quota")
