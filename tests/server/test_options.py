"""What clients set by headers, and what they are told when they may not or cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.server.doors import DOORS
from trunkline.errors import RequestError
from trunkline.server.options import options_of

if TYPE_CHECKING:
    from tests.server.conftest import Begin

pytestmark = pytest.mark.anyio

CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
PATH = "/v1/chat/completions"


def test_each_header_is_an_option() -> None:
    said = {
        "x-request-timeout-ms": "1500",
        "x-trunkline-fallback": "none",
        "x-trunkline-cache": " bypass ",
        "x-trunkline-metadata": '{"tier": "gold", "seats": 3}',
        "x-trunkline-trace-id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "x-something-else": "not ours",
    }
    assert options_of(said) == {
        "timeout": 1.5,
        "fallback": "none",
        "cache": "bypass",
        "metadata": {"tier": "gold", "seats": 3},
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }
    assert options_of({}) == {}


WRONG = [
    ("x-request-timeout-ms", "0", "milliseconds"),
    ("x-request-timeout-ms", "-5", "milliseconds"),
    ("x-request-timeout-ms", "1.5", "milliseconds"),
    ("x-request-timeout-ms", "1e3", "milliseconds"),
    ("x-request-timeout-ms", "", "milliseconds"),
    ("x-request-timeout-ms", "9" * 400, "milliseconds"),
    ("x-request-timeout-ms", "\u0665", "milliseconds"),
    ("x-trunkline-fallback", "off", "`none`"),
    ("x-trunkline-fallback", "none, none", "`none`"),
    ("x-trunkline-cache", "no-store", "`bypass`"),
    ("x-trunkline-metadata", "tier=gold", "JSON object"),
    ("x-trunkline-metadata", "[1]", "JSON object"),
    ("x-trunkline-trace-id", "", "printable"),
    ("x-trunkline-trace-id", "a\x00b", "printable"),
    ("x-trunkline-trace-id", "x" * 129, "printable"),
    ("x-trunkline-fallbacks", "none", "x-trunkline-fallback,"),
]


@pytest.mark.parametrize(("name", "value", "said"), WRONG)
def test_a_value_that_it_cannot_have_is_refused_and_told_what_is_wanted(
    name: str, value: str, said: str
) -> None:
    with pytest.raises(RequestError) as caught:
        options_of({name: value})
    assert caught.value.status == 400
    assert name in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("door", DOORS)
async def test_a_wrong_header_is_a_400_in_the_doors_own_words(gateway: Begin, door: str) -> None:
    served = await gateway(("openai-chat",))
    path, body = DOORS[door]
    async with httpx.AsyncClient(base_url=served.address) as client:
        got = await client.post(path, json=body, headers={"x-trunkline-fallback": "off"})
    value = got.json()
    assert got.status_code == 400
    assert "must be `none`" in (value.get("error") or value)["message"]
    assert served.upstream.count == 0


@pytest.mark.parametrize(
    ("name", "value", "option"),
    [
        ("x-request-timeout-ms", "5000", "timeout"),
        ("x-trunkline-fallback", "none", "fallback"),
        ("x-trunkline-cache", "bypass", "cache"),
        ("x-trunkline-metadata", "{}", "metadata"),
        ("x-trunkline-trace-id", "t-1", "trace_id"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_what_the_route_does_not_allow_is_refused_and_what_it_allows_is_done(
    gateway: Begin, name: str, value: str, option: str, stream: bool
) -> None:
    closed = await gateway(("openai-chat",))
    opened = await gateway(("openai-chat",), routes=allowing(option))
    for served, status in ((closed, 400), (opened, 200)):
        async with httpx.AsyncClient(base_url=served.address) as client:
            got = await client.post(PATH, json={**CHAT, "stream": stream}, headers={name: value})
        assert got.status_code == status, got.text
        assert served.upstream.count == (1 if status == 200 else 0)
        if status == 400:
            assert f"`{option}`" in got.json()["error"]["message"]


def allowing(*options: str) -> Any:
    """Rewrites a route file so that its routes let callers set these."""

    def rewritten(text: str) -> str:
        return text.replace("]}\n", f"], allow: [{', '.join(options)}]}}\n")

    return rewritten


async def test_metadata_of_a_header_is_seen_by_expressions_and_goes_nowhere(
    gateway: Begin,
) -> None:
    def routes(text: str) -> str:
        return allowing("metadata")(text).replace(
            "allow:", 'response: {headers: {x-tier: "{{ metadata.tier }}"}}, allow:'
        )

    served = await gateway(("openai-chat",), routes=routes)
    async with httpx.AsyncClient(base_url=served.address) as client:
        told = {"x-trunkline-metadata": '{"tier": "gold-4711"}'}
        got = await client.post(PATH, json=CHAT, headers=told)
    assert got.headers["x-tier"] == "gold-4711"
    seen = served.upstream.seen[0]
    assert b"gold-4711" not in seen.body
    assert not any("gold-4711" in value for _, value in seen.headers)


async def test_a_client_lowers_the_time_and_never_raises_it(gateway: Begin) -> None:
    from trunkline.simulator import Fault

    def routes(text: str) -> str:
        return allowing("timeout")(text).replace("allow:", "timeouts: {total: 2s}, allow:")

    served = await gateway(("openai-chat", Fault(stall_after=0)), routes=routes)
    async with httpx.AsyncClient(base_url=served.address, timeout=30) as client:
        for milliseconds, seconds in (("1200", 1.2), ("60000", 2.0)):
            got = await client.post(PATH, json=CHAT, headers={"x-request-timeout-ms": milliseconds})
            assert got.status_code == 504, got.text
            assert seconds * 0.9 < got.elapsed.total_seconds() < seconds + 1.5
