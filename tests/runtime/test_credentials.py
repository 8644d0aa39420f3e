"""Credentials that are looked up: they sign, are renewed when refused, and stay with us."""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.auth.loopback import Asked, Loopback, serving
from tests.graph.making import HELLO
from trunkline import CallError, ConfigError, Engine, load_plan
from trunkline.auth.sigv4 import canonical_request, signing_key, string_to_sign
from trunkline.explain import explain, render_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.anyio

SECRET = "aws-secret-canary-0123456789"
REPLY = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
EXPIRED = (
    403,
    {"content-type": "application/json", "x-amzn-errortype": "ExpiredTokenException"},
    b'{"message": "The security token included in the request is expired"}',
)


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that offers no credentials."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        monkeypatch.delenv(name, raising=False)


def session(number: int) -> dict[str, str]:
    return {
        "AccessKeyId": "ASIACONTAINER",
        "SecretAccessKey": SECRET,
        "Token": f"session-canary-{number}",
        "Expiration": "2099-01-01T00:00:00Z",
    }


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """Credentials that end in an hour, another session with every question."""

    with serving(lambda _: session(len(server.asked))) as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.origin}/creds")
        yield server


def routes(origin: str, auth: str, more: str = "", route: str = "to: a/m") -> str:
    region = ", region: eu-west-1" if "aws" in auth else ""
    return f"""
version: 1
providers:
  a: {{type: openai-compatible, base_url: "{origin}/v1", auth: {auth}{region}{more}}}
  spare: {{type: openai-compatible, base_url: "{origin}/spare"}}
routes:
  - {{match: m, {route}}}
"""


AWS = "{aws: {service: bedrock}}"


def sinks(error: CallError) -> str:
    """All that a caller may print of an error."""
    chain: list[Any] = []
    one: BaseException | None = error
    while one is not None:
        chain.append((str(one), repr(one), one.args, vars(one)))
        one = one.__cause__ or one.__context__
    assert error.decision is not None
    return repr(chain) + json.dumps(error.decision.to_json()) + repr(error.decision)


def signature(asked: Asked, origin: str) -> str:
    """What AWS would compute of a request as it came."""
    authorization = asked.headers["authorization"]
    found = re.search(r"SignedHeaders=([^,]+)", authorization)
    assert found is not None
    covered = [(name, asked.headers[name]) for name in found[1].split(";")]
    canonical, _ = canonical_request(asked.method, origin + asked.path, covered, asked.body)
    moment = asked.headers["x-amz-date"]
    key = signing_key(SECRET, moment[:8], "eu-west-1", "bedrock")

    text = string_to_sign(canonical, moment, "eu-west-1", "bedrock")
    return hmac.digest(key, text.encode(), "sha256").hex()


async def test_what_arrives_is_what_was_signed(container: Loopback) -> None:
    with serving(lambda _: REPLY) as upstream:
        async with Engine.open(routes(upstream.origin, AWS)) as engine:
            for _ in range(2):
                await engine.chat(model="m", messages=HELLO)
    assert len(container.asked) == 1
    for asked in upstream.asked:
        assert asked.headers["authorization"].endswith(signature(asked, upstream.origin))


@pytest.mark.parametrize(
    "model",
    [
        "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc",
    ],
)
async def test_a_model_id_is_signed_as_it_is_sent(container: Loopback, model: str) -> None:
    said = {
        "output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
    }
    with serving(lambda _: said) as upstream:
        text = f"""
version: 1
providers:
  bedrock: {{region: eu-west-1, base_url: "{upstream.origin}"}}
routes:
  - {{match: m, to: "bedrock/{model}"}}
"""
        async with Engine.open(text, environ={}) as engine:
            reply = await engine.chat(model="m", messages=HELLO)
    assert reply.text == "hi"
    (asked,) = upstream.asked
    assert ":" not in asked.path
    assert asked.headers["authorization"].endswith(signature(asked, upstream.origin))


async def test_expired_credentials_are_renewed_and_the_request_is_sent_again(
    container: Loopback,
) -> None:
    def answer(asked: Asked) -> Any:
        return EXPIRED if asked.headers["x-amz-security-token"].endswith("-1") else REPLY

    with serving(answer) as upstream:
        settings = "to: a/m, retry: {max_sends: 1}"
        async with Engine.open(routes(upstream.origin, AWS, route=settings)) as engine:
            reply = await engine.chat(model="m", messages=HELLO)
    assert reply.text == "hi"
    first, second = reply.decision.attempts
    assert (first.outcome, first.status, second.outcome) == ("auth", 403, "ok")
    assert first.message.endswith("(sent again with other credentials)")
    assert "canary" not in json.dumps(reply.decision.to_json())


async def test_what_is_refused_twice_is_refused(container: Loopback) -> None:
    with serving(lambda _: EXPIRED) as upstream:
        async with Engine.open(routes(upstream.origin, AWS)) as engine:
            with pytest.raises(CallError) as raised:
                await engine.chat(model="m", messages=HELLO)
            assert (raised.value.kind, len(upstream.asked)) == ("auth", 2)
            with pytest.raises(CallError, match="credential was refused") as raised:
                await engine.chat(model="m", messages=HELLO)
            assert (raised.value.status, len(upstream.asked)) == (503, 2)
    assert len(container.asked) == 2


async def test_a_fixed_key_that_is_refused_is_sent_once() -> None:
    with serving(lambda _: (401, {}, b"{}")) as upstream:
        text = routes(upstream.origin, "{header: x-any, prefix: ''}", ', api_key: "${env:KEY}"')
        async with Engine.open(text, environ={"KEY": "key-canary-0123"}) as engine:
            with pytest.raises(CallError, match="401"):
                await engine.chat(model="m", messages=HELLO)
    assert [asked.headers["x-any"] for asked in upstream.asked] == ["key-canary-0123"]


@pytest.mark.parametrize(
    "auth",
    [
        AWS,
        "{google: {credentials_file: /nowhere/google.json}}",
        '{google: {credentials: "${env:JSON}"}}',
        "{entra: {tenant_id: t, client_id: c, client_secret: s, authority: 'http://127.0.0.1:9'}}",
    ],
)
async def test_without_credentials_the_next_target_is_asked(auth: str) -> None:
    with serving(lambda _: REPLY) as upstream:
        text = routes(upstream.origin, auth, route="to: [a/m, spare/m]")
        async with Engine.open(text, environ={"JSON": "{}"}) as engine:
            reply = await engine.chat(model="m", messages=HELLO)
    first, second = reply.decision.attempts
    assert (first.outcome, first.status, second.outcome) == ("auth", None, "ok")
    assert [asked.path for asked in upstream.asked] == ["/spare/chat/completions"]


async def test_secrets_that_were_looked_up_are_masked_when_repeated(container: Loopback) -> None:
    def answer(asked: Asked) -> Any:
        said = f"bad {asked.headers['x-amz-security-token']} of {SECRET}"
        return 400, {"content-type": "application/json"}, json.dumps({"message": said}).encode()

    with serving(answer) as upstream:
        async with Engine.open(routes(upstream.origin, AWS)) as engine:
            with pytest.raises(CallError) as raised:
                await engine.chat(model="m", messages=HELLO)
            assert engine._generation is not None
            assert "canary" not in repr(engine._generation.upstreams)
    assert "canary" not in sinks(raised.value)
    assert "***" in sinks(raised.value)


async def test_a_redirect_to_another_place_takes_no_credential_along(container: Loopback) -> None:
    with serving(lambda _: REPLY) as evil:
        answer = (307, {"location": f"{evil.origin}/v1/chat/completions"}, b"{}")
        with serving(lambda _: answer) as upstream:
            key = ', api_key: "${env:KEY}"'
            for auth, more in ((AWS, ""), ("{header: x-api-key, prefix: ''}", key)):
                text = routes(upstream.origin, auth, more)
                async with Engine.open(text, environ={"KEY": "key-canary-0123"}) as engine:
                    with pytest.raises(CallError):
                        await engine.chat(model="m", messages=HELLO)
    assert evil.asked == []
    assert upstream.asked[-1].headers["x-api-key"] == "key-canary-0123"


@pytest.mark.parametrize(
    ("auth", "shown"),
    [
        (AWS, ["authorization: AWS4-HMAC-SHA256 ***", "x-amz-date: ***"]),
        ("{google: {credentials_file: /nowhere}}", ["authorization: Bearer ***"]),
        (
            '{entra: {tenant_id: t, client_id: c, client_secret: "${env:UNSET}"}}',
            ["authorization: Bearer ***"],
        ),
    ],
)
async def test_explaining_needs_no_credentials(auth: str, shown: list[str]) -> None:
    plan = load_plan(routes("http://a.test", auth))
    text = render_text(await explain(plan, {"model": "m", "messages": HELLO}, environ={}))
    for line in shown:
        assert f"   {line}\n" in text


async def test_a_bearer_key_in_the_environment_comes_before_the_chain() -> None:
    auth = "{aws: {service: bedrock, bearer_env: BEARER}}"
    with serving(lambda _: REPLY) as upstream:
        for environ in ({"BEARER": "bearer-canary-1"}, {}):
            async with Engine.open(routes(upstream.origin, auth), environ=environ) as engine:
                if environ:
                    await engine.chat(model="m", messages=HELLO)
                    continue
                with pytest.raises(CallError, match="no AWS credentials were found"):
                    await engine.chat(model="m", messages=HELLO)
    assert [asked.headers["authorization"] for asked in upstream.asked] == [
        "Bearer bearer-canary-1"
    ]
    assert "x-amz-date" not in upstream.asked[0].headers


async def test_closing_does_not_wait_for_a_lookup(monkeypatch: pytest.MonkeyPatch) -> None:
    arrived, free = threading.Event(), threading.Event()

    def answer(_: Asked) -> Any:
        arrived.set()
        assert free.wait(10)
        return session(1)

    with serving(answer) as slow:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{slow.origin}/creds")
        try:
            engine = await Engine.open(routes("http://127.0.0.1:9", AWS))
            call = asyncio.create_task(engine.chat(model="m", messages=HELLO))
            assert await asyncio.to_thread(arrived.wait, 10)
            await engine.aclose()
            with pytest.raises(Exception, match="closed"):
                await call
        finally:
            free.set()


async def test_a_request_waits_for_credentials_no_longer_than_it_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    free = threading.Event()

    def answer(_: Asked) -> Any:
        assert free.wait(10)
        return session(1)

    with serving(answer) as slow:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{slow.origin}/creds")
        settings = "to: a/m, timeouts: {total: 50ms}"
        try:
            async with Engine.open(routes("http://127.0.0.1:9", AWS, route=settings)) as engine:
                with pytest.raises(CallError) as raised:
                    await engine.chat(model="m", messages=HELLO)
        finally:
            free.set()
    assert raised.value.kind == "deadline"


@pytest.mark.parametrize(
    ("auth", "more", "why"),
    [
        (AWS, ', api_key: "${env:KEY}"', "the API key signs, so nothing comes of `aws`"),
        (AWS, ", headers: {X-Amz-Date: x}", "`X-Amz-Date` carries the credential"),
        ("{google: {}}", ", headers: {authorization: x}", "`authorization` carries the credential"),
        ("{aws: {service: s}, google: {}}", "", "a provider is signed for in one way"),
        ("{aws: {access_key_id: x}}", "", "secret_access_key"),
        ("{aws: {access_key_id: x, secret_access_key: y, profile: z}}", "", "write one"),
        ("{entra: {tenant_id: x}}", "", "`tenant_id` stands only beside `client_id`"),
    ],
)
def test_what_contradicts_itself_is_refused_when_it_is_checked(
    auth: str, more: str, why: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        load_plan(routes("http://a.test", auth, more))
    assert why in "\n".join(found.one_line() for found in raised.value.diagnostics)


def test_an_overlay_cannot_set_what_a_signature_is_made_of() -> None:
    route = "to: a/m, wire: {headers: {x-amz-date: x}}"
    with pytest.raises(ConfigError, match="`x-amz-date` carries the credential"):
        load_plan(routes("http://a.test", AWS, route=route))


@pytest.mark.parametrize(
    ("auth", "why"),
    [
        ("{aws: {}}", "needs the service"),
        ('{aws: {service: bedrock, profile: "${env:UNSET}"}}', "UNSET is not set"),
        ('{google: {scopes: ["a", "${env:UNSET}"]}}', "UNSET is not set"),
        (
            "{entra: {tenant_id: t, client_id: c, client_secret: s, authority: nowhere}}",
            "not an http",
        ),
    ],
)
async def test_what_is_missing_is_told_when_an_engine_opens(auth: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        await Engine.open(routes("http://a.test", auth), environ={})
