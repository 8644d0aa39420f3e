"""What an environment gives: needed only to open an engine, bound to its place, never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.graph.making import HELLO, said
from trunkline import ConfigError, Engine, load_plan
from trunkline.transport import ScriptedTransport

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

TEXT = """
version: 1
providers:
  one:
    type: openai-compatible
    base_url: {join: ["https://", "${env:HOST}", "/v1"]}
    api_key: ${env:KEY}
    headers: {x-team: "${env:TEAM:-search}"}
    models: {house: "${env:DEPLOYMENT}"}
    timeouts: {first_token: "${env:PATIENCE:-7s}"}
routes:
  - {match: "*", to: one/house}
"""
ENVIRON = {"HOST": "one.test", "KEY": "sk-canary-0123456789", "DEPLOYMENT": "prod-7"}


async def test_what_an_environment_gives_is_put_in_when_an_engine_opens() -> None:
    transport = ScriptedTransport([said()])
    async with Engine.open(TEXT, environ=ENVIRON, transport=lambda: transport) as engine:
        reply = await engine.chat(model="m", messages=HELLO)
        target: Any = engine.plan.routes[0].to
    [request] = transport.requests
    assert request.url == "https://one.test/v1/chat/completions"
    headers = dict(request.headers)
    assert headers["authorization"] == "Bearer sk-canary-0123456789"
    assert request.secret_headers == {"authorization"}
    assert headers["x-team"] == "search"
    assert b'"prod-7"' in request.body
    assert reply.decision.targets == ["one/prod-7"]
    assert target.settings.timeouts.first_token == 7


async def test_all_that_is_missing_is_named_at_once_with_its_place() -> None:
    with pytest.raises(ConfigError) as raised:
        await Engine.open(TEXT, environ={"DEPLOYMENT": "x"})
    assert [(d.code, d.span.line) for d in raised.value.diagnostics] == [("TL310", 6), ("TL310", 7)]
    assert "HOST" in raised.value.diagnostics[0].message
    with pytest.raises(ConfigError, match="DEPLOYMENT"):
        await Engine.open(TEXT, environ={})


async def test_a_base_url_is_checked_once_it_is_known() -> None:
    with pytest.raises(ConfigError) as raised:
        await Engine.open(TEXT, environ={**ENVIRON, "HOST": "me:pw@one.test"})
    assert [d.code for d in raised.value.diagnostics] == ["TL310"]


async def test_a_key_that_no_header_can_carry_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigError) as raised:
        await Engine.open(TEXT, environ={**ENVIRON, "KEY": "sk-canary\r\nx: y"})
    assert "canary" not in str(raised.value)


def test_a_plan_needs_no_environment() -> None:
    assert load_plan(TEXT).late


async def test_a_secret_is_in_no_record_and_no_repr() -> None:
    transport = ScriptedTransport([said()])
    async with Engine.open(TEXT, environ=ENVIRON, transport=lambda: transport) as engine:
        reply = await engine.chat(model="m", messages=HELLO)
        shown = repr((reply, reply.decision, reply.data, engine.plan, vars(engine._generation)))
    assert "canary" not in shown


async def test_templates_never_see_secrets() -> None:
    text = TEXT + '    request: {user: "{{ provider.api_key }}"}\n'
    with pytest.raises(ConfigError):
        load_plan(
            text.replace("to: one/house}", "to: one/house,").replace("    request", "    request")
        )


async def test_a_file_of_state_that_cannot_be_used_is_a_mistake_with_a_place(
    tmp_path: Path,
) -> None:
    file = tmp_path / "routes.yaml"
    (tmp_path / "plain").write_text("no database")
    for where in ("plain", "plain/below", "."):
        file.write_text(
            f"version: 1\nproviders: {{sim: {{type: simulated, as: openai}}}}\n"
            f'routes: [{{match: "*", to: sim}}]\nstate: {{file: {where}}}\n'
        )
        with pytest.raises(ConfigError) as caught:
            await Engine.open(file)
        (found,) = caught.value.diagnostics
        assert (found.code, found.span.line) == ("TL310", 4)
        assert "cannot be used" in found.message


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://x.test",
        "redis://me:canary@h.test:99999/0",
        "redis://me:can/ary@h.test/0",
        "redis://me:canary@[::1/0",
        "redis://me:canary@h.test/0?unknown=1",
        "redis://me:canary@h.test/0?socket_timeout=long",
    ],
)
async def test_an_address_of_state_that_is_none_is_a_mistake_and_not_shown(url: str) -> None:
    text = (
        "version: 1\nproviders: {sim: {type: simulated, as: openai}}\n"
        'routes: [{match: "*", to: sim}]\nstate: {redis: {url: "${env:STATE}"}}\n'
    )
    with pytest.raises(ConfigError, match="address of shared state") as caught:
        await Engine.open(text, environ={"STATE": url})
    assert "can" not in str(caught.value).replace("cannot", "")
    assert caught.value.diagnostics[0].span.line == 4
