"""Signatures are those that AWS computes: its own vectors, and botocore byte for byte."""

from __future__ import annotations

import hmac
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from trunkline.auth.aws import signed
from trunkline.auth.sigv4 import (
    Keys,
    canonical_request,
    host_of,
    signing_key,
    string_to_sign,
    time_text,
)
from trunkline.ports import HttpRequest

SUITE = json.loads(Path(__file__).with_name("sigv4_vectors.json").read_text("utf-8"))
GIVEN = SUITE["credentials"]
MOMENT = "20150830T123600Z"
SECRET = GIVEN["secret_key"]


def parsed(text: str) -> tuple[str, str, list[tuple[str, str]], str]:
    """Method, target, headers and body of a request of the suite."""
    head, _, body = text.partition("\n\n")
    first, *lines = head.split("\n")
    found = re.fullmatch(r"(\S+) (.*) HTTP/1\.1", first)
    assert found is not None
    headers: list[tuple[str, str]] = []
    for line in lines:
        if line[0] in " \t":
            headers[-1] = (headers[-1][0], f"{headers[-1][1]} {line}")
        else:
            name, _, value = line.partition(":")
            headers.append((name, value))
    return found[1], found[2], headers, body


@pytest.mark.parametrize("name", SUITE["vectors"])
def test_a_vector_of_the_suite_is_signed_as_aws_signs_it(name: str) -> None:
    vector = SUITE["vectors"][name]
    method, target, headers, body = parsed(vector["request"])
    names = re.search(r"SignedHeaders=([^,]+)", vector["authorization"])
    assert names is not None
    covered = [(key, value) for key, value in headers if key.lower() in names[1].split(";")]
    url = f"https://example.amazonaws.com{target}"
    canonical, signed_names = canonical_request(method, url, covered, body.encode())
    assert canonical == vector["canonical"]
    assert signed_names == names[1]
    key = signing_key(SECRET, MOMENT[:8], GIVEN["region"], GIVEN["service"])
    text = string_to_sign(canonical, MOMENT, GIVEN["region"], GIVEN["service"])
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    assert vector["authorization"].endswith(f"Signature={signature}")


def of_botocore(request: HttpRequest, keys: Keys, service: str) -> dict[str, Any]:
    """The headers that botocore signs the same request with."""
    known = AWSRequest(request.method, request.url, dict(request.headers), request.body)
    credentials = Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token)
    moment = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
    with mock.patch("botocore.auth.get_current_datetime", return_value=moment):
        botocore.auth.SigV4Auth(credentials, service, "eu-west-1").add_auth(known)
    return {name.lower(): value for name, value in known.headers.items()}


HOSTS = [
    "https://bedrock-runtime.eu-west-1.amazonaws.com",
    "https://bedrock-mantle.eu-west-1.api.aws:443",
    "http://127.0.0.1:8123",
    "http://[::1]:8123/base",
]
PATHS = [
    "/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/converse",
    "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream",
    "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Ainference-profile%2Fx/invoke",
    "/openai/v1/responses",
    "/v1/a~b/%E2%82%AC/c+d/e@f,(g)",
    "/",
]
signs = st.sampled_from([*"abz019-._~:@!$&'()*+,;=", "%3A", "%2F", "%20"])
segments = st.lists(signs, min_size=1, max_size=8).map("".join).filter(lambda text: text.strip("."))


@given(
    st.sampled_from(HOSTS),
    st.sampled_from(PATHS)
    | st.lists(segments, min_size=1, max_size=4).map("/".join).map("/{}".format),
    st.text(max_size=20).map(str.encode) | st.binary(max_size=20),
    st.none() | st.text("AbC0/+=", min_size=1, max_size=30),
    st.sampled_from(["bedrock", "bedrock-mantle"]),
    st.sampled_from([(), (("content-type", "application/json"),)]),
)
def test_a_request_is_signed_as_botocore_signs_it(
    host: str,
    path: str,
    body: bytes,
    token: str | None,
    service: str,
    headers: tuple[tuple[str, str], ...],
) -> None:
    keys = Keys("AKIDEXAMPLE", SECRET, token)
    request = HttpRequest("POST", host + path, headers, body)
    ours = dict(signed(request, keys, "eu-west-1", service, MOMENT).headers)
    assert ours == of_botocore(request, keys, service)


def test_other_headers_are_not_signed_and_stay() -> None:
    headers = (("content-type", "application/json"), ("x-team", "a"), ("authorization", "theirs"))
    request = HttpRequest("POST", HOSTS[0] + PATHS[0], headers, b"{}")
    sent = signed(request, Keys("ID", SECRET, "TOKEN"), "eu-west-1", "bedrock", MOMENT)
    found = dict(sent.headers)
    assert found["x-team"] == "a"
    assert (
        "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token," in found["authorization"]
    )
    assert [name for name, _ in sent.headers].count("authorization") == 1
    assert sent.secret_headers == {"authorization", "x-amz-security-token"}
    assert "TOKEN" not in repr(sent)
    assert SECRET not in repr(Keys("ID", SECRET, "TOKEN"))


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://A.test/x", "a.test"),
        ("https://a.test:443/x", "a.test"),
        ("http://a.test:443/x", "a.test:443"),
        ("http://[::1]:80/x", "[::1]"),
        ("http://[::1]:81/x", "[::1]:81"),
    ],
)
def test_the_host_is_signed_as_it_is_sent(url: str, host: str) -> None:
    assert host_of(url) == host


def test_a_query_has_one_canonical_form() -> None:
    texts = {
        canonical_request("GET", f"https://a.test/?{query}", [], b"")[0].split("\n")[2]
        for query in ("b=c:d&a=%e2%82%ac", "a=%E2%82%AC&b=c%3Ad", "&b=c%3ad&a=€")
    }
    assert texts == {"a=%E2%82%AC&b=c%3Ad"}


def test_a_moment_is_written_in_utc() -> None:
    assert time_text(1440938160.9) == MOMENT
