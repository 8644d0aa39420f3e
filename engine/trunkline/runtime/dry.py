"""A rehearsal: the same plan, nodes and dialects, with nothing sent, no keys and no network."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from trunkline.errors import UpstreamError
from trunkline.graph import SkippedError
from trunkline.runtime.engine import Engine
from trunkline.runtime.generation import Counters, Generation
from trunkline.runtime.upstreams import dry_upstreams
from trunkline.state import MemoryStore
from trunkline.transport import DryFetcher, DryTransport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.compile import Plan
    from trunkline.ports import HttpRequest, HttpResponse, Random, Timeouts

__all__ = ["DryEngine"]


class _Passing(DryTransport):
    """Keeps each request, and lets the graph go on as if the target could not carry it."""

    async def send(self, request: HttpRequest, timeouts: Timeouts) -> HttpResponse:
        """Keep the request; always raises `SkippedError`."""
        try:
            return await super().send(request, timeouts)
        except UpstreamError as error:
            raise SkippedError(error.message, target="") from None


class DryEngine(Engine):
    """An engine whose calls are passed over by every target, after showing what it would be sent.

    So every target is seen, whatever `on:` says. `requests` are those of the last call, in order,
    as they would go on the wire, credentials masked. References that the environment does not
    hold are shown as they are written.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        environ: Mapping[str, str] | None = None,
        chance: Random | None = None,
    ) -> None:
        environ = os.environ if environ is None else environ
        dry = _Passing()
        super().__init__(transport=lambda: dry, chance=chance, environ=environ)
        self._dry = dry
        counters = Counters(MemoryStore(self._clock), None).hold()
        upstreams = dry_upstreams(plan, environ)
        self._generation = Generation(0, plan, upstreams, dry, counters, (), DryFetcher())
        self._generation.background.closed = True

    @property
    def requests(self) -> list[HttpRequest]:
        """See the class."""
        return self._dry.requests

    async def rehearse(self, request: Mapping[str, Any], **options: Any) -> None:
        """Perform a call, streamed if the request says so; one that has `input` and no `messages`
        asks for embeddings. Raises the `CallError` that ends it:
        a `RequestError` of kind `unsupported` if all went well."""
        self._dry.requests.clear()
        if "input" in request and "messages" not in request:
            await self.embed(request, **options)
        elif request.get("stream"):
            async with self.stream(request, **options):
                pass
        else:
            await self.chat(request, **options)
