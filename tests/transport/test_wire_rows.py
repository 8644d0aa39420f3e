"""Every face against servers that misbehave in every way of RFC 9112."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

from tests.transport.rows import ANSWERS, BREAKS, BROKEN
from trunkline.errors import UpstreamError
from trunkline.ports import HttpRequest, Timeouts
from trunkline.transport import HttpxTransport, NativeTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trunkline.ports import Transport

pytestmark = pytest.mark.anyio

TIMES = Timeouts(first_byte=5, first_token=5, idle=5)

H11_READS: Final = frozenset(
    {
        # It reads any version, and says which.
        "version 2", "version 1.2",
        # It forgives what old servers did: lone LF, folded lines, equal lengths, blanks.
        "lines that end in LF", "one line that ends in LF", "a folded line", "a folded trailer",
        "two lengths that agree", "a list of lengths", "a size before a blank",
        # Chunks win over a length (RFC 9112, 6.3, allows that), in any version.
        "a length and chunks", "chunks of the old version",
        # It does not look into trailers, extensions, reasons and most control characters.
        "a length in a trailer", "a NUL in an extension", "a DEL in a value",
        "an escape in a value", "a control character in the reason",
        # It counts what it holds, not what it has read, and no reason.
        "a status line too long", "much around little",
    }
)  # fmt: skip
"""Rows that h11, which is what httpx reads with, takes for an answer."""


@pytest.fixture(params=["native", "httpx"])
async def transport(request: pytest.FixtureRequest) -> AsyncIterator[Transport]:
    """The face with h11 stands for those with a given client: they read with it as well."""
    client = httpx.AsyncClient(trust_env=False, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    native = request.param == "native"
    face: Transport = NativeTransport() if native else HttpxTransport(client)
    yield face
    await face.aclose()
    await client.aclose()


async def result(transport: Transport, served: Any, data: bytes) -> tuple[str, int, bytes]:
    """What becomes of this answer, followed by the connection's end."""

    async def play(peer: Any, _: Any) -> None:
        await peer.request()
        await peer.send(data)
        peer.writer.write_eof()
        await peer.gone()

    async with served(play) as server:
        try:
            request = HttpRequest("POST", server.url, (), b"{}")
            response = await transport.send(request, TIMES)
            return "ok", response.status, b"".join([part async for part in response.chunks()])
        except UpstreamError as error:
            assert error.stage in ("sent", "head")
            return error.kind, 0, b""


@pytest.mark.parametrize("row", ANSWERS)
async def test_a_proper_answer_is_read(transport: Transport, served: Any, row: str) -> None:
    data, status, body = ANSWERS[row]
    assert await result(transport, served, data) == ("ok", status, body)


@pytest.mark.parametrize("row", BREAKS)
async def test_an_answer_that_breaks_the_rules_is_refused(
    transport: Transport, served: Any, row: str
) -> None:
    data, kind = BREAKS[row]
    found = (await result(transport, served, data))[0]
    if isinstance(transport, NativeTransport):
        assert found == kind
    elif row in H11_READS:
        assert found == "ok"
    else:
        assert found in ("server_error", BROKEN)
