"""Serve the route file, and ask it as a client of Ollama would."""

import asyncio
import json

import httpx

from trunkline import Engine
from trunkline.server import serve

QUESTION = {"model": "pretend", "messages": [{"role": "user", "content": "hello"}]}


async def main() -> None:
    ready = asyncio.get_running_loop().create_future()
    async with Engine.open("trunkline.yaml") as engine:
        served = asyncio.create_task(serve(engine, port=0, ready=ready.set_result))
        async with httpx.AsyncClient(base_url=await ready) as client:
            whole = await client.post("/api/chat", json={**QUESTION, "stream": False})
            print(json.dumps(whole.json(), indent=2, ensure_ascii=False))
            async with client.stream("POST", "/api/chat", json=QUESTION) as answer:
                lines = [json.loads(line) async for line in answer.aiter_lines()]
            print(len(lines), "lines, the last with", lines[-1]["done_reason"])
        served.cancel()


asyncio.run(main())
