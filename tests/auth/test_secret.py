"""Secrets do not show themselves and go only where they belong."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.auth import ApiKey, Secret, SecretError, Unsigned, origin_of
from trunkline.ports import HttpRequest

pytestmark = pytest.mark.anyio

BASE = "https://api.example.com/v1"


def request(url: str = f"{BASE}/chat") -> HttpRequest:
    return HttpRequest("POST", url, (("content-type", "application/json"),), b"{}")


@given(st.text(min_size=4).filter(lambda text: text not in "***"))
def test_a_secret_shows_only_a_mask(text: str) -> None:
    secret = Secret(text, origin_of(BASE))
    assert {str(secret), repr(secret), f"{secret}", f"{secret:>40}"} == {"***"}


def test_a_secret_cannot_be_pickled_copied_or_dumped() -> None:
    secret = Secret("sk-1234", origin_of(BASE))
    for act in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError):
            act(secret)


def test_a_secret_is_revealed_for_its_origin_alone() -> None:
    secret = Secret("sk-1234", origin_of(BASE))
    assert secret.reveal(origin_of("https://API.example.com:443/elsewhere")) == "sk-1234"
    for other in ("http://api.example.com", "https://api.example.com:8443", "https://evil.test"):
        with pytest.raises(SecretError) as raised:
            secret.reveal(origin_of(other))
        assert "sk-1234" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["ftp://host", "host/path", "https://", "https://a@b/", "http://h:99999/", ""]
)
def test_a_url_without_a_plain_origin_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        origin_of(url)


def test_an_ipv6_origin_keeps_its_brackets() -> None:
    assert origin_of("http://[::1]:8080/v1") == "http://[::1]:8080"


@pytest.mark.parametrize(("header", "prefix"), [("Authorization", "Bearer "), ("api-key", "")])
async def test_an_api_key_goes_into_its_header(header: str, prefix: str) -> None:
    signer = ApiKey(Secret("sk-1234", origin_of(BASE)), BASE, header, prefix)
    signed = await signer.sign(request())
    assert dict(signed.headers)[header.lower()] == prefix + "sk-1234"
    assert signed.secret_headers == {header.lower()}
    assert signed.headers[0] == ("content-type", "application/json")
    assert "sk-1234" not in repr(signer) + repr(signed)


async def test_an_api_key_replaces_a_header_of_its_name() -> None:
    signer = ApiKey(Secret("sk-1234", origin_of(BASE)), BASE, "api-key")
    mine = HttpRequest("POST", f"{BASE}/chat", (("api-key", "theirs"),), b"")
    assert (await signer.sign(mine)).headers == (("api-key", "sk-1234"),)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com.evil.test/v1/chat",
        "https://api.example.com/v1evil",
        "http://api.example.com/v1/chat",
        "https://api.example.com:444/v1/chat",
    ],
)
async def test_an_api_key_is_never_sent_to_another_place(url: str) -> None:
    signer = ApiKey(Secret("sk-1234", origin_of(BASE)), BASE, "api-key")
    with pytest.raises(SecretError):
        await signer.sign(request(url))


@pytest.mark.parametrize("key", ["sk\r\nx-evil: 1", "sk\0", "schlüssel"])
def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(ValueError, match="no header can carry") as raised:
        ApiKey(Secret(key, origin_of(BASE)), BASE, "api-key")
    assert key not in str(raised.value)


async def test_unsigned_changes_nothing() -> None:
    assert await Unsigned().sign(request()) == request()
