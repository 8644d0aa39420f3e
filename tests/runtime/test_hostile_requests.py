"""Requests that cannot be sent as they are: they are refused, and never become something else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.graph.making import HELLO, opened, plan, said
from trunkline import RequestError

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": float("nan")},
        {"top_p": float("inf")},
        {"logit_bias": {"7": float("-inf")}},
        {"metadata": {"deep": [{"er": float("nan")}]}},
        {"extra": {"openai-chat": {"own": float("inf")}}},
        {"metadata": {"thing": object()}},
    ],
)
async def test_what_json_cannot_say_is_refused_and_not_sent_as_null(fields: Any) -> None:
    engine, transport = await opened(plan("  - {match: m, to: a}"), [said()])
    with pytest.raises(RequestError) as raised:
        await engine.chat({"model": "m", "messages": HELLO, **fields})
    assert (raised.value.kind, raised.value.status) == ("bad_request", 400)
    assert not transport.requests


async def test_a_value_without_an_end_is_refused() -> None:
    endless: dict[str, Any] = {}
    endless["inside"] = endless
    tools = [{"type": "function", "function": {"name": "f", "parameters": endless}}]
    for to in ("a", '{switch: [{when: "request.tokens > 3", to: a}, {to: b}]}'):
        engine, transport = await opened(plan(f"  - {{match: m, to: {to}}}"), [said()])
        with pytest.raises(RequestError) as raised:
            await engine.chat(model="m", messages=HELLO, tools=tools)
        assert raised.value.kind == "bad_request"
        assert not transport.requests


@pytest.mark.parametrize("user", ["a\r\nx-evil: 1", "a\nb", "a\x00b", "a\x7fb", "a\ud800b"])
async def test_a_header_made_of_a_callers_text_cannot_be_split(user: str) -> None:
    routes = '  - {match: m, to: a, wire: {headers: {x-user: "{{ request.user }}"}}}'
    engine, transport = await opened(plan(routes), [said()])
    with pytest.raises(RequestError, match="header"):
        await engine.chat(model="m", messages=HELLO, user=user)
    assert not transport.requests
