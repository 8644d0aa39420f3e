"""`target`: a provider and a model, the leaf that performs the call.

::

    to: claude/claude-sonnet-4-5
    to: {target: claude, timeouts: {first_token: 20s}, request: {temperature: 0.2}}

Refuses a model name that a caller made up to look like a path, a request that the wire cannot
carry (the target is skipped), and to be sent more often than `max_sends` allows.

Sends at most `1 + same_target` times: again at once when no connection came about, after a
short wait when the provider answered with a status that passes by itself.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from trunkline.auth import SecretError
from trunkline.errors import CallError, DeadlineError, InternalError, RequestError, UpstreamError
from trunkline.graph.batches import in_batches
from trunkline.graph.bound import owners, references
from trunkline.graph.node import SkippedError
from trunkline.graph.render import Rendering, skipped
from trunkline.graph.send import Send
from trunkline.policy.retry import wait_before_retry
from trunkline.ports import Attempt, HttpRequest, Timeouts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from trunkline.dialect import Dialect
    from trunkline.embeddings import Operation
    from trunkline.graph.node import Call, Node
    from trunkline.graph.overlay import Overlay
    from trunkline.graph.provider import Binding, Provider, Upstream
    from trunkline.graph.reply import Reply

__all__ = ["Target", "TargetSettings", "Wire"]

_MODEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,255}")
"""Model names that a caller may bring: they end up in URLs and log lines."""

LEAST_TIME: Final = 1.0
"""Seconds that must be left of the request's total time for another send."""

_EMPTY_SEGMENTS: Final = frozenset({"", ".", ".."})


@dataclass(frozen=True, slots=True)
class Wire:
    """Overlays on what the provider will see."""

    headers: Overlay | None = None
    query: Overlay | None = None
    body: Overlay | None = None


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """What a leaf inherited, settled at compile time.

    `hold` is how many pieces of content must have come before a stream is committed, None for
    all of it. `filter_moves`: an answer stopped by a content filter goes to the next target.
    `whole_timeouts` are those of a whole answer, whose first byte comes when it is finished.
    `requests`, `wires` and `replies` are overlays, outermost first.
    """

    timeouts: Timeouts = field(default_factory=Timeouts)
    whole_timeouts: Timeouts = field(default_factory=Timeouts)
    same_target: int = 1
    retry_on: frozenset[str | int] | None = None
    prefer_same: bool = False
    unsupported: Literal["skip", "drop", "refuse"] = "skip"
    hold: int | None = 1
    filter_moves: bool = False
    requests: tuple[Overlay, ...] = ()
    wires: tuple[Wire, ...] = ()
    replies: tuple[Overlay, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """A leaf. `model` is what is asked for, with `*` for what the route's pattern captured, or
    None for the requested model as it is; `by_model` then has the settings of models that have
    some of their own. Where the model is settled at compile time, `binding` is how it is asked
    to chat, and `others` for what else it can be asked."""

    id: str
    provider: Provider
    settings: TargetSettings
    binding: Binding | None = None
    model: str | None = None
    dialect: Dialect | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    by_model: Mapping[str, TargetSettings] = field(default_factory=dict)
    others: Mapping[Operation, Binding] = field(default_factory=dict)
    need: int = 1

    @property
    def children(self) -> tuple[Node, ...]:
        """None: this is a leaf."""
        return ()

    @property
    def leaf(self) -> str:
        """The leaf's id, as far as it is known without a request."""
        for binding in (self.binding, *self.others.values()):
            if binding is not None:
                return binding.id
        return f"{self.provider.name}/{self.model or '*'}"

    async def call(self, request: Mapping[str, Any], call: Call) -> Reply:
        """Render, sign, send, and return a reply once its first content has come."""
        _in_time(call)
        binding, settings = self._bound(request, call)
        upstream = call.upstreams[self.provider.name]
        call.decision.targets.append(binding.id)
        if call.pin and call.pin != self.provider.name:
            why = f"the request refers to what `{call.pin}` has, and no other provider can read it"
            raise skipped(call, binding.id, why)
        if call.operation == "embeddings":

            def ask(batch: Mapping[str, Any]) -> Awaitable[Reply]:
                return self._ask(Rendering(settings, binding, upstream, call, batch))

            return await in_batches(request, call, binding, upstream.view, ask)
        return await self._ask(Rendering(settings, binding, upstream, call, request))

    def _bound(self, request: Mapping[str, Any], call: Call) -> tuple[Binding, TargetSettings]:
        """How this request is asked here, and what was inherited for its model."""
        binding = self.binding if call.operation == "chat" else self.others.get(call.operation)
        if binding is not None and (self.dialect or self.provider.keeps(binding, call.door)):
            return binding, self.settings
        asked = self._asked(request, call)
        return self._bind(asked, call), self.by_model.get(asked, self.settings)

    async def _ask(self, rendering: Rendering) -> Reply:
        """Render and send, again where that makes sense."""
        call, binding = rendering.call, rendering.binding
        if binding.dialect.carries.takes_addresses:
            unsigned = rendering.http()
        else:
            unsigned = await rendering.http_with_bytes()
        if not call.pin and (call.more or call.picker is not None):
            _pin(rendering, self.provider.name)
        sends = 0
        while True:
            sends += 1
            try:
                return await self._send(unsigned, rendering)
            except UpstreamError as error:
                wait = self._wait(error, sends, call)
                if wait is None:
                    raise
                if wait:
                    await call.clock.sleep(wait)

    def _asked(self, request: Mapping[str, Any], call: Call) -> str:
        """The model, where only the request names it."""
        asked: str = (
            request["model"] if self.model is None else self.model.replace("*", call.capture)
        )
        if not _MODEL.fullmatch(asked) or not _EMPTY_SEGMENTS.isdisjoint(asked.split("/")):
            raise RequestError(
                "bad_request", f"`{asked[:80]}` is not a model name that can be sent on"
            )
        return asked

    def _bind(self, asked: str, call: Call) -> Binding:
        provider, facts = self.provider, self.facts
        binding = provider.bind(asked, self.dialect, call.operation, call.door, **facts)
        if binding is None:
            leaf = f"{self.provider.name}/{asked}"
            what = "" if call.operation == "chat" else f" {call.operation} with"
            raise skipped(call, leaf, f"{self.provider.name} speaks no dialect for{what} `{asked}`")
        return binding

    async def _send(self, unsigned: HttpRequest, rendering: Rendering) -> Reply:
        """One attempt, and a second one where the provider refuses the credentials and there are
        others by then. The refused one got nothing done, so it is not counted as a send."""
        send = self._new_send(rendering)
        try:
            return await self._attempt(unsigned, send)
        except UpstreamError as error:
            if not await _renewed(error, send):
                raise
        send.attempt.message += " (sent again with other credentials)"
        rendering.call.sent -= 1
        return await self._attempt(unsigned, self._new_send(rendering))

    def _new_send(self, rendering: Rendering) -> Send:
        attempt = Attempt(rendering.binding.id, started=rendering.call.since_start())
        return Send(rendering, self.leaf, attempt)

    async def _attempt(self, unsigned: HttpRequest, send: Send) -> Reply:
        """From the signature to the commit, noted in the decision record."""
        call, attempt, upstream = send.call, send.attempt, send.rendering.upstream
        call.decision.attempts.append(attempt)
        call.decision.simulated = upstream.simulated
        call.sent += 1
        call.state.begin(self.leaf)
        try:
            return await send.perform(unsigned)
        except BaseException as error:
            call.state.end(self.leaf)
            attempt.seconds = call.since_start() - attempt.started
            if isinstance(error, SkippedError):
                call.sent -= 1
            raise _noted(error, attempt, upstream) from error.__cause__

    def _wait(self, error: UpstreamError, sends: int, call: Call) -> float | None:
        """Seconds until the same target is asked once more; None to leave it."""
        settings = self.settings
        if call.sent >= call.cap or sends > settings.same_target:
            return None
        left = None if call.deadline is None else call.deadline - call.clock.monotonic()
        return wait_before_retry(
            error.kind,
            error.upstream_status,
            error.retry_after,
            nth=sends,
            left=left,
            alone=not call.more,
            patient=settings.prefer_same,
            chance=call.random.random(),
            on=settings.retry_on,
        )


def _pin(rendering: Rendering, provider: str) -> None:
    """Settle whose it is, if the request refers to something that one provider alone can read."""
    call, request = rendering.call, rendering.request
    found = references(request, rendering.binding.dialect)
    if not found:
        return
    several = owners(call.picker, request) if call.picker is not None else []
    if len(several) > 1:
        names = " and ".join(f"`{name}`" for name in several)
        why = (
            f"the request refers to something (`{'`, `'.join(found)}`) that one provider alone can "
            f"read, and a balance would pick among {names}: send such requests to one of them, by "
            "a route of their own"
        )
        raise skipped(call, rendering.binding.id, why)
    call.pin = provider


def _in_time(call: Call) -> None:
    """A first send is always allowed; a further one needs a second to be of any use."""
    if not call.sent or call.deadline is None:
        return
    if call.deadline - call.clock.monotonic() < LEAST_TIME:
        raise DeadlineError("the request's total time does not allow another try")


async def _renewed(error: UpstreamError, send: Send) -> bool:
    """Whether a failure is one of credentials, and there are others now, with time to try them."""
    refused = error.kind == "auth" and error.upstream_status in (401, 403)
    if not refused or send.signed is None:
        return False
    call = send.call
    left = None if call.deadline is None else call.deadline - call.clock.monotonic()
    if left is not None and left < LEAST_TIME:
        return False
    try:
        async with asyncio.timeout(left):
            return await send.rendering.upstream.signer.refused(send.signed)
    except TimeoutError:
        return False


def _noted(error: BaseException, attempt: Attempt, upstream: Upstream) -> BaseException:
    """The error to raise for a failed attempt, written into its record."""
    if isinstance(error, SecretError):
        error = InternalError(str(error))
    if isinstance(error, CallError):
        error.target = attempt.target
        error.say(upstream.hide(error.message))
        attempt.outcome = error.kind
        attempt.message = error.message
    else:
        attempt.outcome = "cancelled"
    return error
