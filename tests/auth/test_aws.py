"""AWS credentials come from botocore's own chain, and what is signed with them is renewed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from tests.auth.loopback import SECRET, Loopback, serving
from trunkline.auth import Hiding, SecretError, cloud_signer
from trunkline.auth.aws import AwsLookup
from trunkline.auth.renewing import NoCredentialsError
from trunkline.errors import UpstreamError
from trunkline.ports import HttpRequest

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline.auth import Signer

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("bare")]

BASE = "https://bedrock-runtime.eu-west-1.amazonaws.com"
GIVEN = {"access_key_id": "AKIDGIVEN", "secret_access_key": SECRET}
ROLE = "arn:aws:iam::123456789012:role/models"


def request(url: str = f"{BASE}/model/a%3A0/converse") -> HttpRequest:
    return HttpRequest("POST", url, (("content-type", "application/json"),), b"{}")


def signer_of(said: dict[str, Any], hide: Hiding | None = None) -> Signer:
    whole = {"region": "eu-west-1", "service": "bedrock", **said}
    return cloud_signer("aws", whole, BASE, hide or Hiding(()))


async def signed_by(said: dict[str, Any]) -> dict[str, str]:
    return dict((await signer_of(said).sign(request())).headers)


def by(headers: dict[str, str]) -> str:
    """The id of the access key that a request was signed with."""
    return headers["authorization"].partition("Credential=")[2].partition("/")[0]


async def test_given_keys_sign() -> None:
    headers = await signed_by({**GIVEN, "session_token": "session-1"})
    scope = f"AKIDGIVEN/{headers['x-amz-date'][:8]}/eu-west-1/bedrock/aws4_request"
    assert headers["authorization"].startswith(f"AWS4-HMAC-SHA256 Credential={scope}, ")
    assert headers["x-amz-security-token"] == "session-1"
    assert abs(datetime.now(UTC) - _moment(headers)) < timedelta(minutes=1)


def _moment(headers: dict[str, str]) -> datetime:
    return datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


async def test_an_empty_session_token_is_none() -> None:
    signer = signer_of({**GIVEN, "session_token": ""})
    signed = await signer.sign(request())
    assert "x-amz-security-token" not in dict(signed.headers)
    assert not await signer.refused(signed)


async def test_the_environment_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    headers = await signed_by({})
    assert by(headers) == "AKIDENV"
    assert "x-amz-security-token" not in headers


async def test_a_profile_signs_and_one_that_changed_is_read_again(tmp_path: Path) -> None:
    def write(key: str) -> None:
        text = f"[models]\naws_access_key_id = {key}\naws_secret_access_key = {SECRET}\n"
        (tmp_path / "credentials").write_text(text, "utf-8")

    write("AKIDONE")
    signer = signer_of({"profile": "models"})
    first = await signer.sign(request())
    assert by(dict(first.headers)) == "AKIDONE"
    assert not await signer.refused(first)
    write("AKIDTWO")
    signer = signer_of({"profile": "models"})
    before = await signer.sign(request())
    write("AKIDTHREE")
    assert await signer.refused(before)
    assert by(dict((await signer.sign(request())).headers)) == "AKIDTHREE"


async def test_a_container_s_credentials_are_kept_and_renewed_when_refused(
    container: Loopback,
) -> None:
    hide = Hiding(())
    signer = signer_of({}, hide)
    signed = [await signer.sign(request()) for _ in range(3)]
    assert {dict(one.headers)["x-amz-security-token"] for one in signed} == {"session-canary-1"}
    assert len(container.asked) == 1
    assert await signer.refused(signed[0])
    again = await signer.sign(request())
    assert dict(again.headers)["x-amz-security-token"] == "session-canary-2"
    assert await signer.refused(signed[1])
    assert len(container.asked) == 2
    assert hide(f"{SECRET} session-canary-1 session-canary-2") == "*** *** ***"
    assert "canary" not in repr(again) + repr(signer)
    await signer.aclose()


@pytest.mark.parametrize("source", ["given", "environment"])
async def test_a_role_is_taken_on(
    sts: Loopback, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if source == "environment":
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDGIVEN")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    said = GIVEN if source == "given" else {}
    headers = await signed_by({**said, "role_arn": ROLE, "external_id": "ours"})
    assert by(headers) == "ASIAMODELS"
    assert headers["x-amz-security-token"] == "session-canary-role"
    (asked,) = sts.asked
    assert "Credential=AKIDGIVEN/" in asked.headers["authorization"]
    form = parse_qs(asked.body.decode())
    assert (form["RoleArn"], form["ExternalId"]) == ([ROLE], ["ours"])


def test_a_role_needs_credentials_to_ask_with(sts: Loopback) -> None:
    look = AwsLookup("eu-west-1", None, None, ROLE)
    with pytest.raises(NoCredentialsError, match="no AWS credentials were found"):
        look()
    assert sts.asked == []


async def test_without_any_it_says_where_it_looked_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UpstreamError) as raised:
        await signed_by({})
    assert raised.value.kind == "auth"
    for said in ("AWS_ACCESS_KEY_ID", str(tmp_path / "credentials"), "profile `default`"):
        assert said in raised.value.message


async def test_a_profile_that_is_not_there_is_named() -> None:
    with pytest.raises(UpstreamError, match="nobody"):
        await signed_by({"profile": "nobody"})


async def test_a_service_that_gives_no_role_is_told_in_its_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = (
        b'<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender'
        b"</Type><Code>AccessDenied</Code><Message>not yours</Message></Error></ErrorResponse>"
    )
    with serving(lambda _: (403, {"content-type": "text/xml"}, text)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.origin)
        with pytest.raises(UpstreamError, match=r"AccessDenied.*not yours") as raised:
            await signed_by({**GIVEN, "role_arn": ROLE})
    assert "canary" not in str(raised.value)


async def test_a_signature_is_for_one_place_alone() -> None:
    signer = signer_of(GIVEN)
    for url in (f"{BASE}.evil.test/x", "http://127.0.0.1/x", f"{BASE}:444/x"):
        with pytest.raises(SecretError):
            await signer.sign(request(url))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"region": None}, "region"),
        ({"service": None}, "service"),
        ({**GIVEN, "access_key_id": ""}, "`access_key_id` is empty"),
        ({"profile": ""}, "`profile` is empty"),
        ({**GIVEN, "session_token": "a\r\nb"}, "no header can carry"),
        ({**GIVEN, "access_key_id": "schlüssel"}, "no header can carry"),
    ],
)
def test_what_cannot_sign_is_refused_when_an_engine_opens(said: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        signer_of(said)
