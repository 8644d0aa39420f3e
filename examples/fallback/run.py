"""Ask once; the first provider is down, so the second one answers."""

import asyncio
from pathlib import Path

from trunkline import Engine

ROUTES = Path(__file__).parent / "trunkline.yaml"


async def main() -> None:
    async with Engine.open(ROUTES) as engine:
        reply = await engine.chat(
            model="careful", messages=[{"role": "user", "content": "Is anybody there?"}]
        )
    print(reply.text)
    for attempt in reply.decision.attempts:
        print(f"{attempt.target}: {attempt.status} {attempt.outcome}")


asyncio.run(main())
