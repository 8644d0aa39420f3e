"""A client that goes away takes its upstream request with it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from trunkline.simulator import Fault

if TYPE_CHECKING:
    from tests.server.conftest import Begin

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("wire", ["openai-chat", "anthropic-messages"]),
]


def asking(*, stream: bool) -> bytes:
    value = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    body = json.dumps(value).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize("abort", [False, True])
@pytest.mark.parametrize(("stream", "after"), [(False, 0), (True, 0), (False, 1), (True, 1)])
async def test_the_provider_sees_it_within_a_moment(
    gateway: Begin, wire: str, stream: bool, after: int, abort: bool
) -> None:
    served = await gateway((wire, Fault(on=(1,), stall_after=after)), reply="abc", chunk=1)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(asking(stream=stream))
    seen = await served.upstream.arrival()
    if stream and after:
        await reader.readuntil(b'"a"')
    assert seen.outcome == ""
    if abort:
        writer.transport.abort()
    else:
        writer.close()
    assert await asyncio.wait_for(seen.over(), 1) == "cancelled"
    assert served.upstream.count == 1
    async with served.openai() as client:
        answer = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "still there?"}]
        )
    assert answer.choices[0].message.content == "abc"


async def test_a_client_that_goes_away_stops_the_fallback(gateway: Begin, wire: str) -> None:
    served = await gateway((wire, Fault(stall_after=0)), (wire,))
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(asking(stream=True))
    seen = await served.upstream.arrival()
    writer.close()
    assert await asyncio.wait_for(seen.over(), 1) == "cancelled"
    assert served.upstreams[1].count == 0
