"""What is particular to the httpx face: the client of a user, and the pool of our own."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import httpx
import pytest

from trunkline.errors import InternalError, UpstreamError
from trunkline.ports import HttpRequest, Timeouts
from trunkline.transport import HttpxTransport

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nset-cookie: a=b\r\n\r\nok"


def get(url: str) -> HttpRequest:
    return HttpRequest("GET", url, (("x-key", "k"),), b"")


async def whole(transport: HttpxTransport, url: str) -> bytes:
    response = await transport.send(get(url), Timeouts())
    return b"".join([chunk async for chunk in response.chunks()])


async def test_nothing_of_the_given_client_is_sent(served: Any) -> None:
    seen = []

    async def play(peer: Any, _: Any) -> None:
        while True:
            seen.append(await peer.request())
            await peer.send(OK)

    client = httpx.AsyncClient(
        auth=("user", "secret"), headers={"x-mine": "1"}, cookies={"c": "1"}, trust_env=False
    )
    async with served(play) as server, client:
        transport = HttpxTransport(client)
        for _ in range(2):
            assert await whole(transport, server.url) == b"ok"
    host = server.url.removeprefix("http://")
    head = f"GET / HTTP/1.1\r\nhost: {host}\r\nx-key: k\r\naccept-encoding: identity\r\n"
    assert seen == [head.encode() + b"user-agent: trunkline\r\n\r\n"] * 2


async def test_a_client_that_changes_the_url_is_refused(served: Any) -> None:
    async with served(None) as server, httpx.AsyncClient(params={"a": "b"}) as client:
        with pytest.raises(InternalError, match="nothing was sent"):
            await HttpxTransport(client).send(get(server.url + "/v1"), Timeouts())
        assert server.connections == 0


async def test_a_given_client_stays_open_after_aclose(served: Any) -> None:
    async with httpx.AsyncClient() as client:
        await HttpxTransport(client).aclose()
        assert not client.is_closed


async def test_a_users_own_transport_is_used_and_its_errors_are_typed() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/broken":
            raise OSError("no route")
        return httpx.Response(201, text="made")

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        transport = HttpxTransport(client)
        assert await whole(transport, "https://provider.test/v1") == b"made"
        with pytest.raises(UpstreamError, match="no route") as caught:
            await whole(transport, "https://provider.test/broken")
    assert caught.value.kind == "server_error"


async def test_the_environments_proxy_is_used_only_if_asked(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(peer: Any, _: Any) -> None:
        await peer.request()
        await peer.send(OK)

    async with served(play) as proxy, served(play) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        for trust_env in (False, True):
            transport = HttpxTransport(trust_env=trust_env)
            assert await whole(transport, server.url) == b"ok"
            await transport.aclose()
        assert (server.connections, proxy.connections) == (1, 1)


async def test_a_storm_of_cancelled_calls_leaves_the_transport_usable(served: Any) -> None:
    async def play(peer: Any, _: Any) -> None:
        while True:
            await peer.request()
            await asyncio.wait([asyncio.ensure_future(asyncio.Event().wait())], timeout=0.005)
            await peer.send(OK)

    async with served(play) as server:
        transport = HttpxTransport()
        for round_ in range(12):
            calls = [asyncio.create_task(whole(transport, server.url)) for _ in range(50)]
            for turn in range(round_):
                await asyncio.wait(calls, timeout=0.001 * turn)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        assert len(transport._ours) <= 1
        for _ in range(10):
            async with asyncio.timeout(5):
                assert await whole(transport, server.url) == b"ok"
        await transport.aclose()
        assert not transport._ours


def test_httpx_is_not_imported_before_it_is_needed() -> None:
    import subprocess

    program = "import sys, trunkline.transport; print('httpx' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
