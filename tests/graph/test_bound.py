"""What one provider alone can read goes to one provider alone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.graph.making import failing, ids, opened, said
from trunkline.compile import load_plan
from trunkline.errors import RequestError, UpstreamError

pytestmark = pytest.mark.anyio

PROVIDERS = """version: 1
providers:
  a: {type: openai-compatible, dialect: stateful, base_url: "http://a.test/v1"}
  b: {type: openai-compatible, dialect: stateful, base_url: "http://b.test/v1"}
  c: {type: anthropic, api_key: "${env:K:-0123456789abcdef}", base_url: "http://c.test"}
dialects:
  stateful:
    extends: openai-chat
    bound: [earlier, prompt.id, tools.stores]
routes:
"""
FILE = {"type": "file", "file": {"file_id": "file-1"}}
PLAIN = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
STORED = {"model": "m", "messages": [{"role": "user", "content": [FILE]}]}
EARLIER = {**PLAIN, "extra": {"openai-chat": {"earlier": "resp_1"}}}
BALANCE = "{balance: {by: round_robin, of: [%s]}}"


async def asked(to: str, request: dict[str, Any], *script: Any) -> tuple[Any, list[str]]:
    """The reply or the error, and the providers that were asked."""
    plan = load_plan(f'{PROVIDERS}  - {{match: "*", to: {to}}}\n')
    engine, transport = await opened(plan, list(script) or (lambda _: said()))
    async with engine:
        try:
            return await engine.chat(request), ids(transport)
        except (UpstreamError, RequestError) as error:
            return error, ids(transport)


@pytest.mark.parametrize("request_", [STORED, EARLIER])
async def test_the_first_provider_in_order_is_taken_for_the_owner(request_: Any) -> None:
    reply, order = await asked("[a, b]", request_)
    assert (order, reply.decision.skipped) == (["a"], [])


@pytest.mark.parametrize("request_", [STORED, EARLIER])
async def test_no_other_provider_is_asked_when_it_fails(request_: Any) -> None:
    error, order = await asked("[a/x, b/x, a/y]", request_, failing(529), failing(529))
    assert order == ["a", "a"]
    assert error.kind == "overloaded"
    [skip] = error.decision.skipped
    assert skip.target == "b/x"
    assert "`a` has" in skip.reason


async def test_who_cannot_carry_it_is_not_its_owner() -> None:
    reply, order = await asked("[c, b, a]", EARLIER)
    assert order == ["b"]
    assert [skip.target for skip in reply.decision.skipped] == ["c/m"]


async def test_without_a_reference_everyone_is_asked() -> None:
    for request in (PLAIN, {**PLAIN, "extra": {"openai-chat": {"earlier": None, "else": "x"}}}):
        _, order = await asked("[a, b]", request, failing(529), said())
        assert order == ["a", "b"]


@pytest.mark.parametrize("request_", [STORED, EARLIER])
async def test_chance_does_not_pick_the_owner(request_: Any) -> None:
    error, order = await asked(BALANCE % "a, b", request_)
    assert order == []
    assert (error.kind, error.status) == ("unsupported", 400)
    assert "a balance would pick among `a` and `b`" in error.message
    assert "a route of their own" in error.message


async def test_a_balance_with_one_possible_owner_may_pick_it() -> None:
    """Two models of one provider, and another wire that could not carry the reference."""
    for _ in range(2):
        _, order = await asked(BALANCE % "a/x, a/y, c", EARLIER)
        assert order == ["a"]


async def test_what_stands_behind_a_balance_may_be_the_owner() -> None:
    reply, order = await asked(f"[{BALANCE % 'a, b'}, b]", EARLIER)
    assert order == ["b"]
    assert {skip.target for skip in reply.decision.skipped} == {"a/m", "b/m"}


async def test_an_overlay_that_takes_the_reference_out_frees_the_request() -> None:
    overlaid = "{balance: {by: round_robin, of: [a, b]}, request: {extra: null}}"
    _, order = await asked(overlaid, EARLIER, failing(529), said())
    assert len(set(order)) == 2


@pytest.mark.parametrize(
    ("extra", "bound"),
    [
        ({"earlier": "resp_1"}, True),
        ({"prompt": {"id": "pmpt_1"}}, True),
        ({"prompt": "pmpt_1"}, False),
        ({"earlier": {"type": "auto"}}, False),
        ({"earlier": {"id": "conv_1"}}, True),
        ({"earlier": ""}, False),
        ({"earlier": []}, False),
        ({"earlier": ["a"]}, True),
    ],
)
async def test_ids_are_references_and_settings_are_not(extra: Any, bound: bool) -> None:
    _, order = await asked(
        "[a, b]", {**PLAIN, "extra": {"openai-chat": extra}}, failing(529), said()
    )
    assert order == (["a"] if bound else ["a", "b"])


async def test_tools_of_a_wire_refer_too() -> None:
    tool = {"type": "wire", "dialect": "openai-chat", "block": {"type": "search", "stores": ["v1"]}}
    error, order = await asked("[a, b]", {**PLAIN, "tools": [tool]}, failing(529))
    assert (order, error.kind) == (["a"], "overloaded")
