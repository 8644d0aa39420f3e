"""`python -m tests.faultd`: the server in a process of its own.

The first line on stdout is JSON, `{"url", "control", "pid"}`. On the control port one line of JSON
is one order, and gets one line back: `{"result": …}` or `{"error": …}`. Orders have a `do`:
`script` (a `rule`), `usual` (a `play`), `heal`, `clear`, `seen` (those `since` a number), `counts`,
`deaf`, `down`, `up`. The process ends with its stdin.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from typing import Any

from tests.faultd.play import Play, Rule
from tests.faultd.server import Faultd, faultd


async def obey(server: Faultd, order: dict[str, Any]) -> Any:
    """Perform one order of the control port."""
    match order.pop("do"):
        case "script":
            server.rules.append(Rule.of(order["rule"]))
        case "usual":
            server.usual = Play.of(order["play"])
        case "seen":
            return [one.to_json() for one in server.seen[order.get("since", 0) :]]
        case "counts":
            return {
                "requests": len(server.seen),
                "connections": server.connections,
                "open": server.open,
            }
        case "heal":
            server.heal()
        case "clear":
            server.clear()
        case "deaf" | "down" | "up" as what:
            await getattr(server, what)()
        case other:
            raise ValueError(f"there is no order {other!r}")
    return None


async def main() -> None:
    """Serve until stdin ends."""
    parser = argparse.ArgumentParser(prog="python -m tests.faultd", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--idle", type=float)
    args = parser.parse_args()

    async with faultd(port=args.port, seed=args.seed, idle=args.idle) as server:

        async def control(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while line := await reader.readline():
                try:
                    said = {"result": await obey(server, json.loads(line))}
                except (ValueError, TypeError, KeyError) as error:
                    said = {"error": f"{type(error).__name__}: {error}"}
                writer.write(json.dumps(said).encode() + b"\n")
            writer.close()

        listening = await asyncio.start_server(control, "127.0.0.1", 0, limit=2**24)
        where = listening.sockets[0].getsockname()[1]
        print(json.dumps({"url": server.url, "control": where, "pid": os.getpid()}), flush=True)
        await asyncio.to_thread(sys.stdin.buffer.read)


if __name__ == "__main__":
    asyncio.run(main())
