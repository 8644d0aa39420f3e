"""Entra tokens by client credentials, from a token server on this machine."""

from __future__ import annotations

import importlib.util
import json
import time
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.auth.loopback import Asked, serving
from trunkline.auth import Hiding, SecretError, cloud_signer
from trunkline.auth.entra import ENTRA_SCOPE, ClientCredentials
from trunkline.auth.renewing import NoCredentialsError
from trunkline.errors import UpstreamError
from trunkline.ports import HttpRequest

pytestmark = pytest.mark.anyio

BASE = "https://mine.openai.azure.com"
SECRET = "entra-secret-canary"
APPLICATION = {"tenant_id": "contoso.test", "client_id": "app-1", "client_secret": SECRET}


def request(url: str = f"{BASE}/openai/v1/chat/completions") -> HttpRequest:
    return HttpRequest("POST", url, (("api-key", "x"),), b"{}")


async def test_an_application_asks_for_a_token_and_keeps_it() -> None:
    def answer(_: Asked) -> Any:
        return {"token_type": "Bearer", "expires_in": 3599, "access_token": "token-canary-1"}

    hide = Hiding(())
    with serving(answer) as server:
        said = {**APPLICATION, "authority": f"{server.origin}/"}
        signer = cloud_signer("entra", said, BASE, hide)
        signed = [await signer.sign(request()) for _ in range(3)]
    assert {dict(one.headers)["authorization"] for one in signed} == {"Bearer token-canary-1"}
    (asked,) = server.asked
    assert asked.path == "/contoso.test/oauth2/v2.0/token"
    form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
    assert form == {
        "grant_type": "client_credentials",
        "client_id": "app-1",
        "client_secret": SECRET,
        "scope": ENTRA_SCOPE,
    }
    assert hide("said token-canary-1") == "said ***"


async def test_a_token_is_never_sent_to_another_place() -> None:
    signer = cloud_signer("entra", APPLICATION, BASE, Hiding(()))
    with pytest.raises(SecretError):
        await signer.sign(request("https://mine.openai.azure.com.evil.test/openai"))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((401, {}, json.dumps({"error_description": "AADSTS7000215: wrong"}).encode()), "AADSTS"),
        ((200, {}, b'{"expires_in": 3599}'), "no token"),
        ((200, {}, b'{"access_token": "a\\r\\nb"}'), "no token"),
        ((200, {}, b"[1]"), "no token"),
        ((500, {}, b"<html>"), "500 and no JSON"),
        ((307, {"location": "http://127.0.0.1:9/"}, b"{}"), "answered 307"),
    ],
)
async def test_a_refusal_is_told_in_its_words(answer: Any, why: str) -> None:
    with serving(lambda _: answer) as server:
        signer = cloud_signer(
            "entra", {**APPLICATION, "authority": server.origin}, BASE, Hiding(())
        )
        with pytest.raises(UpstreamError, match=why) as raised:
            await signer.sign(request())
    assert raised.value.kind == "auth"
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(("seconds", "lives"), [(3599, 3599), ("86399", 86399), (None, 300)])
def test_a_token_lives_as_long_as_it_is_said_to(seconds: Any, lives: int) -> None:
    with serving(lambda _: {"access_token": "t", "expires_in": seconds}) as server:
        before = time.time()
        lease = ClientCredentials("t", "c", "s", authority=server.origin)()
    assert lease.expires is not None
    assert before + lives <= lease.expires <= time.time() + lives


def test_a_tenant_is_one_segment_of_the_path() -> None:
    with serving(lambda _: {"access_token": "t"}) as server:
        ClientCredentials("a/../b", "c", "s", authority=server.origin)()
    assert server.asked[0].path == "/a%2F..%2Fb/oauth2/v2.0/token"


@pytest.mark.skipif(
    importlib.util.find_spec("azure") is not None, reason="azure-identity is installed"
)
async def test_the_machine_s_identity_needs_the_extra() -> None:
    signer = cloud_signer("entra", {}, BASE, Hiding(()))
    with pytest.raises(UpstreamError, match=r'pip install "trunkline\[azure\]"'):
        await signer.sign(request())


def test_an_authority_must_be_a_url() -> None:
    with pytest.raises(ValueError, match="not an http"):
        cloud_signer("entra", {**APPLICATION, "authority": "login.test"}, BASE, Hiding(()))


def test_a_server_that_is_gone_is_named() -> None:
    with serving(lambda _: {}) as server:
        pass
    with pytest.raises(NoCredentialsError, match="cannot be reached"):
        ClientCredentials("t", "c", "s", authority=server.origin)()
