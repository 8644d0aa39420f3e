"""The harness: every dialect answers through it, and what it measures is so."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING

import anyio
import pytest

from tests.faultd import Play
from tests.scenarios.harness import CHATS, KEY, bench, load, percentile
from tests.scenarios.harness_processes import gateway

if TYPE_CHECKING:
    from pathlib import Path

    from tests.state.redis_server import RedisServer

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("dialect", CHATS)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_engine_reads_faultd(dialect: str, stream: bool) -> None:
    async with bench(dialect, usual=Play(chunks=5)) as found:
        heard = await found.hear(stream=stream, text="hello [id:r-1]")
    assert (heard.text, heard.error) == ("000 001 002 003 004 ", "")
    assert (heard.finish, heard.pieces) == ("stop", 5 if stream else 1)
    assert heard.attempts == [("a", "ok")]
    [seen] = found.servers[0].seen
    assert (seen.dialect, seen.stream, seen.id, seen.key) == (dialect, stream, "r-1", KEY)
    assert (heard.usage["input"], heard.usage["output"]) == (9, 5)


async def test_load_is_an_open_loop() -> None:
    async def ask(number: int) -> tuple[int, float]:
        asked = anyio.current_time()
        await anyio.sleep(0.3)
        return number, asked

    begun = anyio.current_time()
    found = await load(ask, 50, 0.4)
    assert [number for number, _ in found] == list(range(20))
    assert 0.38 <= found[-1][1] - begun < 0.8


def test_percentiles() -> None:
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, share) for share in (0.5, 0.99, 1.0)] == [50, 99, 100]
    assert percentile([3.0], 0.99) == 3


async def test_the_gateway_runs_as_a_process(tmp_path: Path) -> None:
    async with bench("openai-chat") as found, gateway(found.document, tmp_path, {"KEY": KEY}) as at:
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        request = urllib.request.Request(
            f"{at.address}/v1/chat/completions",
            json.dumps(body).encode(),
            {"content-type": "application/json"},
        )

        def ask() -> str:
            with urllib.request.urlopen(request, timeout=30) as response:
                text: str = json.load(response)["choices"][0]["message"]["content"]
            return text

        assert await anyio.to_thread.run_sync(ask) == "000 001 002 "


def test_redis_is_started_emptied_frozen_and_forbidden(redis_server: RedisServer) -> None:
    assert redis_server.run("SET", "k", "v") == b"+OK\r\n"
    redis_server.stop()
    with pytest.raises(OSError):
        redis_server.run("PING")
    redis_server.start()
    assert redis_server.run("GET", "k") == b"$-1\r\n"
    redis_server.freeze()
    with pytest.raises(TimeoutError):
        redis_server.run("PING", timeout=0.1)
    redis_server.thaw()
    assert redis_server.run("PING") == b"+PONG\r\n"
    redis_server.acl("-eval", "-script")
    assert redis_server.run("EVAL", "return 1", "0").startswith(b"-NOPERM")
