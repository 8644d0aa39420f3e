"""Answers from a script, on a clock that the test cranks."""

from __future__ import annotations

import json

import pytest

from trunkline.errors import EngineClosed, InternalError, UpstreamError
from trunkline.ports import HttpRequest, Timeouts
from trunkline.transport import Canned, DryTransport, ScriptedTransport, on_the_wire

pytestmark = pytest.mark.anyio

REQUEST = HttpRequest("POST", "https://a.test/v1", (("x-key", "k"),), b"{}", frozenset({"x-key"}))


class CrankedClock:
    """Sleeping takes no time but is counted."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def test_answers_come_in_order_and_requests_are_kept_as_sent() -> None:
    transport = ScriptedTransport(
        [Canned(body=(b"a", b"b")), Canned.of_json({"a": 1}, 429, retry_after="3")]
    )
    first = await transport.send(REQUEST, Timeouts())
    assert [chunk async for chunk in first.chunks()] == [b"a", b"b"]
    second = await transport.send(REQUEST, Timeouts())
    assert (second.status, second.headers["retry-after"]) == (429, "3")
    assert json.loads(b"".join([chunk async for chunk in second.chunks()])) == {"a": 1}
    assert transport.requests == [on_the_wire(REQUEST)] * 2
    with pytest.raises(InternalError, match="no answer for request 3"):
        await transport.send(REQUEST, Timeouts())


async def test_a_function_answers_each_request() -> None:
    transport = ScriptedTransport(lambda request: Canned(status=len(request.body)))
    assert (await transport.send(REQUEST, Timeouts())).status == 2
    await transport.aclose()
    with pytest.raises(EngineClosed):
        await transport.send(REQUEST, Timeouts())


async def test_delays_and_timeouts_are_exact_on_the_clock() -> None:
    clock = CrankedClock()
    limits = Timeouts(first_byte=5, first_token=2, idle=2)
    transport = ScriptedTransport(
        [Canned(delay=4, body=(b"a", 1.5, b"b", 3.0, b"c")), Canned(delay=60)], clock
    )
    response = await transport.send(REQUEST, limits)
    assert clock.now == 4
    chunks = response.chunks()
    assert [await anext(chunks), await anext(chunks)] == [b"a", b"b"]
    assert clock.now == 5.5
    with pytest.raises(UpstreamError) as caught:
        await anext(chunks)
    assert (caught.value.kind, clock.now) == ("timeout", 7.5)
    assert (response.read, response.closed) == (False, True)
    with pytest.raises(UpstreamError, match="no answer for 5 s"):
        await transport.send(REQUEST, limits)
    assert clock.now == 12.5


async def test_errors_are_raised_where_the_script_has_them() -> None:
    refused, cut = UpstreamError("connect", "refused"), UpstreamError("server_error", "cut")
    transport = ScriptedTransport([Canned(error=refused), Canned(body=(b"a", cut, b"b"))])
    with pytest.raises(UpstreamError, match="refused"):
        await transport.send(REQUEST, Timeouts())
    response = await transport.send(REQUEST, Timeouts())
    chunks = response.chunks()
    assert await anext(chunks) == b"a"
    with pytest.raises(UpstreamError, match="cut"):
        await anext(chunks)


async def test_a_test_can_see_whether_a_response_was_read_or_closed() -> None:
    transport = ScriptedTransport(lambda _: Canned(body=(b"a",)))
    read = await transport.send(REQUEST, Timeouts())
    assert [chunk async for chunk in read.chunks()] == [b"a"]
    left = await transport.send(REQUEST, Timeouts())
    await left.aclose()
    assert [(r.read, r.closed) for r in transport.responses] == [(True, True), (False, True)]


async def test_a_dry_run_keeps_the_request_and_sends_nothing() -> None:
    transport = DryTransport()
    with pytest.raises(UpstreamError, match="dry run") as caught:
        await transport.send(REQUEST, Timeouts())
    assert caught.value.kind == "overloaded"
    assert transport.requests == [on_the_wire(REQUEST)]
    await transport.aclose()
