"""Plans without files, upstreams without networks, and a clock that only moves when told."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from trunkline.compile import Plan, load_plan
from trunkline.runtime import Engine
from trunkline.transport import Canned, ScriptedTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trunkline.ports import HttpRequest

__all__ = ["HELLO", "Crank", "chunk", "failing", "ids", "opened", "plan", "said", "streamed"]

PROVIDERS = "\n".join(
    f'  {name}: {{type: openai-compatible, base_url: "http://{name}.test/v1"}}'
    for name in ("a", "b", "c", "d", "e")
)
HELLO: list[dict[str, Any]] = [{"role": "user", "content": "hello"}]


def plan(routes: str, more: str = "") -> Plan:
    """A plan over the providers a to e; `routes` and `more` are YAML."""
    return load_plan(f"version: 1\nproviders:\n{PROVIDERS}\n{more}\nroutes:\n{routes}\n")


class Crank:
    """A clock that waits for nobody: sleeping moves it."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_800_000_000.0 + self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def said(text: str = "hi", finish: str = "stop") -> Canned:
    """A whole answer."""
    return Canned.of_json(
        {
            "id": "x",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text},
                    "finish_reason": finish,
                }
            ],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        }
    )


def failing(status: int, **headers: str) -> Canned:
    """A refusal."""
    return Canned.of_json(
        {"error": {"message": f"status {status}", "type": "x"}}, status, **headers
    )


def chunk(text: str | None = None, finish: str | None = None) -> bytes:
    """One event of a stream."""
    delta = {} if text is None else {"content": text}
    value = {
        "id": "x",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def streamed(*steps: Any) -> Canned:
    """A stream: text is a chunk of it, anything else is played as it is."""
    body = [chunk(step) if isinstance(step, str) else step for step in steps]
    return Canned(200, {"content-type": "text/event-stream"}, tuple(body))


async def opened(
    compiled: Plan,
    script: Iterable[Canned] | Callable[[HttpRequest], Canned],
    clock: Crank | None = None,
) -> tuple[Engine, ScriptedTransport]:
    """An engine whose upstreams answer by the script."""
    transport = ScriptedTransport(script, clock)
    engine = await Engine.open(
        compiled, transport=lambda: transport, clock=clock, chance=random.Random(7), environ={}
    )
    return engine, transport


def ids(transport: ScriptedTransport) -> list[str]:
    """Which provider each request went to, in order."""
    return [request.url.split("/")[2].split(".")[0] for request in transport.requests]
