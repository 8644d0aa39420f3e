"""CPU of a call through the engine, beside the same call through bare httpx.

`python -m tests.benchmarks.engine` prints medians in microseconds of CPU of this process; the
provider runs in another one. Rounds of both take turns, so that what slows the machine slows
both. The parts are measured alone, on the same request and answer.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx

from trunkline.dialect import check_request
from trunkline.graph import Account, Call, Scope
from trunkline.graph.render import Rendering
from trunkline.ports import Decision, Timeouts
from trunkline.runtime import Engine
from trunkline.wire.jsontext import loads

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ROUNDS = 9
CALLS = 300
CHUNKS = 100

REQUEST: dict[str, Any] = {
    "model": "smart",
    "messages": [
        {"role": "system", "content": "You are a helpful assistant. " * 20},
        *[{"role": ("user", "assistant")[n % 2], "content": "Some words. " * 30} for n in range(7)],
    ],
    "temperature": 0.2,
    "max_tokens": 400,
    "tools": [
        {
            "type": "function",
            "function": {
                "name": f"tool_{n}",
                "description": "What it does, in a sentence or two.",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
            },
        }
        for n in range(4)
    ],
}
ROUTES = """
version: 1
providers:
  near: {type: openai, base_url: "http://127.0.0.1:%d/v1", api_key: a-key-of-some-length}
routes:
  - {match: "gpt-*", to: near}
  - {match: smart, to: [near/gpt-4o, near/gpt-4o-mini]}
"""

PROVIDER = """
import asyncio, json, sys
text = "Some words of an answer. " * 20
head = {"id": "chatcmpl-1", "created": 1, "model": "gpt-4o"}
usage = {"prompt_tokens": 300, "completion_tokens": 100, "total_tokens": 400}
choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
answer = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
body = json.dumps(answer).encode()
begin = b"HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\n"
whole = b"%bcontent-length: %d\\r\\n\\r\\n%b" % (begin, len(body), body)
def event(delta, finish=None):
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    value = {**head, "object": "chat.completion.chunk", "choices": choices}
    data = b"data: %b\\n\\n" % json.dumps(value).encode()
    return b"%x\\r\\n%b\\r\\n" % (len(data), data)
begin = b"HTTP/1.1 200 OK\\r\\ncontent-type: text/event-stream\\r\\n"
begin += b"transfer-encoding: chunked\\r\\n\\r\\n"
pieces = [begin, *[event({"content": "word "})] * int(sys.argv[1]), event({}, "stop")]
done = b"data: [DONE]\\n\\n"
stream = b"".join([*pieces, b"%x\\r\\n%b\\r\\n" % (len(done), done), b"0\\r\\n\\r\\n"])
async def serve(reader, writer):
    try:
        while True:
            request = await reader.readuntil(b"\\r\\n\\r\\n")
            size = int(request.lower().partition(b"content-length:")[2].partition(b"\\r")[0])
            asked = await reader.readexactly(size)
            writer.write(stream if b'"stream":true' in asked else whole)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


async def cpu(perform: Callable[[], Awaitable[None]], calls: int) -> float:
    """Microseconds of CPU for one of so many calls."""
    before = time.process_time()
    for _ in range(calls):
        await perform()
    return (time.process_time() - before) / calls * 1e6


async def medians(
    cases: dict[str, Callable[[], Awaitable[None]]], calls: int, rounds: int = ROUNDS
) -> dict[str, float]:
    """The median of the rounds of each case, which take turns; a first round warms up."""
    figures: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(rounds + 1):
        for name, perform in cases.items():
            figure = await cpu(perform, calls)
            if turn:
                figures[name].append(figure)
    return {name: statistics.median(found) for name, found in figures.items()}


class Bench:
    """A provider, an engine and a client of httpx before it."""

    def __init__(self, engine: Engine, client: httpx.AsyncClient, port: int) -> None:
        self.engine = engine
        self.client = client
        self.url = f"http://127.0.0.1:{port}/v1/chat/completions"
        self.headers = {"authorization": "Bearer a-key-of-some-length"}

    async def engine_whole(self) -> None:
        assert (await self.engine.chat(REQUEST)).text

    async def httpx_whole(self) -> None:
        asked = json.dumps({**REQUEST, "model": "gpt-4o"}).encode()
        answer = await self.client.post(self.url, content=asked, headers=self.headers)
        assert json.loads(answer.content)["choices"][0]["message"]["content"]

    async def engine_stream(self) -> None:
        async with self.engine.stream(REQUEST) as stream:
            pieces = [delta.text async for delta in stream]
        assert len(pieces) > CHUNKS

    async def httpx_stream(self) -> None:
        asked = json.dumps({**REQUEST, "stream": True}, separators=(",", ":")).encode()
        pieces = []
        async with self.client.stream(
            "POST", self.url, content=asked, headers=self.headers
        ) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: {"):
                    delta = json.loads(line[6:])["choices"][0]["delta"]
                    pieces.append(delta.get("content", ""))
        assert len(pieces) > CHUNKS

    def parts(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """The steps of a whole answer, each alone."""
        generation: Any = self.engine._generation
        plan = generation.plan
        target: Any = plan.find("smart", REQUEST, {}, {}, {}, {}).route.to.children[0]
        upstream = generation.upstreams["near"]
        call = Call(
            decision=Decision(),
            operation="chat",
            door="",
            seen=REQUEST,
            scope=Scope({}, {}, {}, {}, {}),
            upstreams=generation.upstreams,
            transport=generation.transport,
            clock=self.engine._clock,
            random=self.engine._random,
            state=self.engine._state,
            account=Account(generation.store, "parts", time.time(), None),
            started=0.0,
            deadline=None,
            cap=4,
        )

        def rendered() -> Any:
            return Rendering(target.settings, target.binding, upstream, call, REQUEST).http()

        unsigned = rendered()
        answer = json.dumps(
            {
                "id": "x",
                "model": "m",
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": "Some words. " * 40},
                        "finish_reason": "stop",
                    }
                ],
                "usage": {"prompt_tokens": 300, "completion_tokens": 100},
            }
        ).encode()

        async def check() -> None:
            check_request(REQUEST)

        async def find() -> None:
            plan.find("smart", REQUEST, {}, {}, {}, {})

        async def render() -> None:
            rendered()

        async def sign() -> None:
            await upstream.credentials[0].signer.sign(unsigned)

        async def send() -> None:
            signed = await upstream.credentials[0].signer.sign(unsigned)
            response = await generation.transport.send(signed, Timeouts())
            async for _ in response.chunks():
                pass
            await response.aclose()

        async def read() -> None:
            target.binding.dialect.read_reply(loads(answer), upstream.view).reply()

        return {
            "check the request": check,
            "find the route": find,
            "render it": render,
            "sign it": sign,
            "sign, send, receive": send,
            "read the reply": read,
        }


def show(title: str, figures: dict[str, float]) -> None:
    """Print a table."""
    print(f"{title}")
    for name, figure in figures.items():
        print(f"  {name:24}{figure:>10.1f} µs")


async def measure(port: int) -> None:
    """Print all tables."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    async with (
        Engine.open(ROUTES % port) as engine,
        httpx.AsyncClient(trust_env=False, limits=limits) as client,
    ):
        bench = Bench(engine, client, port)
        whole = await medians(
            {"httpx and json": bench.httpx_whole, "engine": bench.engine_whole}, CALLS
        )
        show("a whole answer", whole)
        print(f"  {'ratio':24}{whole['engine'] / whole['httpx and json']:>10.2f}")
        streams = await medians(
            {"httpx and json": bench.httpx_stream, "engine": bench.engine_stream}, CALLS // 4
        )
        show(f"a stream of {CHUNKS} chunks", streams)
        print(f"  {'ratio':24}{streams['engine'] / streams['httpx and json']:>10.2f}")
        show("the parts of a whole answer", await medians(bench.parts(), CALLS))


def main() -> None:
    """Run the provider, and measure."""
    with subprocess.Popen(
        [sys.executable, "-c", PROVIDER, str(CHUNKS)], stdout=subprocess.PIPE, text=True
    ) as provider:
        assert provider.stdout is not None
        try:
            asyncio.run(measure(int(provider.stdout.readline())))
        finally:
            provider.kill()


if __name__ == "__main__":
    main()
