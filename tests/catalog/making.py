"""Engines on rows of the catalogue whose providers answer from a script."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trunkline.compile import load_plan
from trunkline.errors import CallError
from trunkline.runtime import Engine
from trunkline.transport import Canned, ScriptedTransport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.graph.reply import Reply
    from trunkline.ports import HttpRequest

__all__ = ["HELLO", "Exchange", "events", "exchange", "sent"]

HELLO: list[dict[str, Any]] = [{"role": "user", "content": "hello"}]
_OF_TRANSPORT = frozenset({"accept-encoding", "content-length", "host", "user-agent"})
_NOTHING = Canned.of_json({"error": {"message": "not now"}}, 503)


class Exchange:
    """What was sent, and what came of it: a reply, or an error."""

    def __init__(
        self, requests: list[HttpRequest], reply: Reply | None, error: CallError | None
    ) -> None:
        self.requests = requests
        self.reply = reply
        self.error = error

    @property
    def request(self) -> HttpRequest:
        """The first request that was sent."""
        return self.requests[0]

    @property
    def headers(self) -> dict[str, str]:
        """Its headers, but for those that every request has."""
        return {name: value for name, value in self.request.headers if name not in _OF_TRANSPORT}

    @property
    def body(self) -> Any:
        """Its body."""
        return json.loads(self.request.body)


async def exchange(
    entry: str,
    answer: Canned = _NOTHING,
    *,
    to: str = "it",
    environ: Mapping[str, str] | None = None,
    stream: bool = False,
    **request: Any,
) -> Exchange:
    """One call through the provider `it`, whose entry is given in YAML."""
    plan = load_plan(
        f'version: 1\nproviders:\n  it: {entry}\nroutes:\n  - match: "*"\n    to: {to}\n'
        "    retry: {same_target: 0}\n"
    )
    transport = ScriptedTransport([answer])
    engine = await Engine.open(plan, transport=lambda: transport, environ=environ or {})
    said = {"model": "m", "messages": HELLO, **request}
    async with engine:
        try:
            if not stream:
                return Exchange(transport.requests, await engine.chat(**said), None)
            async with engine.stream(**said) as running:
                async for _ in running:
                    pass
            return Exchange(transport.requests, running.reply, None)
        except CallError as error:
            return Exchange(transport.requests, None, error)


async def sent(entry: str, **request: Any) -> HttpRequest:
    """What one call through the provider sends."""
    return (await exchange(entry, **request)).request


def events(*values: Any, done: bool = True, named: bool = False) -> Canned:
    """A stream of server-sent events; `named` says their `type` as well."""
    texts = []
    for value in values:
        name = f"event: {value['type']}\n" if named else ""
        texts.append(f"{name}data: {json.dumps(value)}\n\n".encode())
    if done:
        texts.append(b"data: [DONE]\n\n")
    return Canned(200, {"content-type": "text/event-stream"}, tuple(texts))
