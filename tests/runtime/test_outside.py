"""What others hand to an engine, or have it tell them, does not break the answers of callers."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.graph.making import HELLO, Crank, failing, ids, opened, plan, said
from trunkline.errors import RequestError
from trunkline.runtime import Engine
from trunkline.transport import ScriptedTransport

if TYPE_CHECKING:
    from trunkline.ports import HttpRequest
    from trunkline.transport import Canned

pytestmark = pytest.mark.anyio

CHAIN = "  - {match: m, to: [a/m, b/m], allow: [timeout]}"


def broken(_: Any) -> None:
    raise ZeroDivisionError("text of somebody else")


def answers(request: HttpRequest) -> Canned:
    return failing(429, retry_after="20") if "//a." in request.url else said()


async def test_an_alert_that_cannot_be_given_stops_no_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    transport, clock = ScriptedTransport(answers), Crank()
    async with Engine.open(
        plan(CHAIN),
        transport=lambda: transport,
        clock=clock,
        chance=random.Random(7),
        environ={},
        alert=broken,
    ) as engine:
        with caplog.at_level(logging.ERROR, "trunkline.health"):
            assert (await engine.chat(model="m", messages=HELLO)).text == "hi"
        assert ids(transport) == ["a", "b"]
        assert [record.getMessage() for record in caplog.records] == [
            "an alert could not be given: ZeroDivisionError"
        ]


async def test_a_record_that_cannot_be_kept_takes_no_answer_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    transport = ScriptedTransport(answers)
    async with Engine.open(
        plan(CHAIN), transport=lambda: transport, environ={}, ledger=broken
    ) as engine:
        with caplog.at_level(logging.ERROR, "trunkline.ledger"):
            reply = await engine.chat(model="m", messages=HELLO, request_id="req_1")
        assert reply.text == "hi"
        assert [record.getMessage() for record in caplog.records] == [
            "the record of req_1 was not kept: ZeroDivisionError"
        ]


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 10**400},
        {"timeout": float("inf")},
        {"timeout": float("nan")},
        {"timeout": 0},
        {"timeout": True},
        {1: 2},
        "timeout",
    ],
    ids=str,
)
async def test_options_that_make_no_sense_are_refused_and_are_no_bug(options: Any) -> None:
    engine, transport = await opened(plan(CHAIN), [])
    with pytest.raises(RequestError) as caught:
        await engine.chat(model="m", messages=HELLO, options=options)
    assert caught.value.kind == "bad_request"
    assert not transport.requests
