"""Google tokens, from a token server on this machine."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.auth.loopback import Asked, Loopback, serving
from trunkline.auth import Hiding, cloud_signer
from trunkline.auth.google import GOOGLE_SCOPE, GoogleLookup
from trunkline.auth.renewing import NoCredentialsError
from trunkline.errors import UpstreamError
from trunkline.ports import HttpRequest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

BASE = "https://europe-west4-aiplatform.googleapis.com"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()


def service_account(server: Loopback) -> dict[str, str]:
    return {
        "type": "service_account",
        "project_id": "theirs",
        "private_key_id": "k1",
        "private_key": PEM,
        "client_email": "models@theirs.iam.gserviceaccount.com",
        "token_uri": f"{server.origin}/token",
    }


def user(server: Loopback) -> dict[str, str]:
    return {
        "type": "authorized_user",
        "client_id": "client-1",
        "client_secret": "client-secret-canary",
        "refresh_token": "refresh-token-canary",
        "token_uri": f"{server.origin}/token",
    }


def request() -> HttpRequest:
    return HttpRequest("POST", f"{BASE}/v1/x", (("content-type", "application/json"),), b"{}")


def part(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=="))


async def test_a_service_account_signs_for_a_token(tokens: Loopback) -> None:
    said = {"credentials": json.dumps(service_account(tokens))}
    signer = cloud_signer("google", said, BASE, Hiding(()))
    signed = [await signer.sign(request()) for _ in range(3)]
    await signer.aclose()
    assert {dict(one.headers)["authorization"] for one in signed} == {"Bearer token-canary-1"}
    assert signed[0].secret_headers == {"authorization"}
    assert "canary" not in repr(signed[0]) + repr(signer)
    (asked,) = tokens.asked
    form = parse_qs(asked.body.decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    header, claims, signature = form["assertion"][0].split(".")
    assert part(claims)["scope"] == GOOGLE_SCOPE
    assert part(claims)["iss"] == "models@theirs.iam.gserviceaccount.com"
    KEY.public_key().verify(
        base64.urlsafe_b64decode(signature + "=="),
        f"{header}.{claims}".encode(),
        padding.PKCS1v15(),
        hashes.SHA256(),
    )


async def test_a_user_s_refresh_token_gives_a_token_and_quota_its_header(
    tokens: Loopback, tmp_path: Path
) -> None:
    file = tmp_path / "user.json"
    file.write_text(json.dumps({**user(tokens), "quota_project_id": "of-the-file"}), "utf-8")
    said: dict[str, Any] = {"credentials_file": str(file), "scopes": ["scope-a", "scope-b"]}
    for quota, project in ((None, "of-the-file"), ("mine", "mine")):
        signer = cloud_signer("google", {**said, "quota_project": quota}, BASE, Hiding(()))
        headers = dict((await signer.sign(request())).headers)
        assert headers["x-goog-user-project"] == project
    form = parse_qs(tokens.asked[0].body.decode())
    assert form["refresh_token"] == ["refresh-token-canary"]
    assert form["scope"] == ["scope-a scope-b"]


async def test_a_quota_project_in_the_provider_s_headers_stays(tokens: Loopback) -> None:
    said = {"credentials": json.dumps(user(tokens)), "quota_project": "mine"}
    signer = cloud_signer("google", said, BASE, Hiding(()))
    own = HttpRequest("POST", f"{BASE}/v1/x", (("x-goog-user-project", "own"),), b"")
    names = [header for header in (await signer.sign(own)).headers if "user-project" in header[0]]
    assert names == [("x-goog-user-project", "own")]


async def test_workload_identity_exchanges_its_token(tokens: Loopback, tmp_path: Path) -> None:
    (tmp_path / "subject").write_text("subject-canary", "utf-8")
    info = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{tokens.origin}/sts",
        "credential_source": {"file": str(tmp_path / "subject")},
    }
    lease = GoogleLookup(json.dumps(info))()
    assert lease.value.text == "token-canary-1"
    assert lease.expires is not None
    assert parse_qs(tokens.asked[0].body.decode())["subject_token"] == ["subject-canary"]


def test_the_default_credentials_are_found_where_google_says(
    tokens: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "adc.json"
    file.write_text(json.dumps(service_account(tokens)), "utf-8")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    assert GoogleLookup()().value.text == "token-canary-1"


def test_without_any_it_says_where_it_looked_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    with pytest.raises(NoCredentialsError) as raised:
        GoogleLookup()()
    for said in ("GOOGLE_APPLICATION_CREDENTIALS", "gcloud auth", "credentials_file"):
        assert said in str(raised.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nothing", "no JSON object"),
        ("[]", "no JSON object"),
        ("{}", "`type` is null"),
        ('{"type": "gdch"}', "`type` is .gdch"),
        ('{"type": "service_account"}', "missing fields"),
        ('{"type": "authorized_user", "client_secret": "secret-canary"}', "cannot be used"),
        ('{"type": "external_account"}', "."),
        ('{"type": {"a": 1}}', "."),
    ],
)
async def test_what_is_no_credentials_is_refused_in_words(text: str, why: str) -> None:
    signer = cloud_signer("google", {"credentials": text}, BASE, Hiding(()))
    with pytest.raises(UpstreamError, match=why) as raised:
        await signer.sign(request())
    assert raised.value.kind == "auth"
    assert "canary" not in str(raised.value)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(NoCredentialsError, match=r"/nowhere/x\.json cannot be read: No such file"):
        GoogleLookup(credentials_file="/nowhere/x.json")()


def test_a_token_server_that_refuses_shows_no_secret() -> None:
    def answer(asked: Asked) -> Any:
        said = {"error": "invalid_grant", "error_description": f"bad {asked.body.decode()}"}
        return 400, {"content-type": "application/json"}, json.dumps(said).encode()

    with (
        serving(answer) as server,
        pytest.raises(NoCredentialsError, match="invalid_grant") as raised,
    ):
        GoogleLookup(json.dumps(user(server)))()
    error: BaseException | None = raised.value
    while error is not None:
        assert "canary" not in str(error)
        error = error.__cause__ or error.__context__


def test_a_token_server_that_is_gone_is_named() -> None:
    with serving(lambda _: {}) as server:
        said = json.dumps(user(server))
    with pytest.raises(NoCredentialsError, match="cannot be reached"):
        GoogleLookup(said)()


def test_a_redirect_of_a_token_server_is_not_followed(tokens: Loopback) -> None:
    def answer(_: Asked) -> Any:
        return 307, {"location": f"{tokens.origin}/token"}, b""

    with serving(answer) as server, pytest.raises(NoCredentialsError):
        GoogleLookup(json.dumps(user(server)))()
    assert tokens.asked == []
