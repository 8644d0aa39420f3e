"""`target`: a provider and a model, the leaf that performs the call.

::

    to: claude/claude-sonnet-4-5
    to: {target: claude, timeouts: {first_token: 20s}, request: {temperature: 0.2}}

Refuses a model name that a caller made up to look like a path, a request that the wire cannot
carry (the target is skipped), and to be sent more often than `max_sends` allows.

How often it is sent, and what happens when that fails, is `trunkline.graph.asking`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from trunkline.errors import RequestError
from trunkline.graph.asking import Asking, acts, in_time
from trunkline.graph.batches import in_batches
from trunkline.graph.bound import owners, references
from trunkline.graph.gate import Gate
from trunkline.graph.render import Rendering, skipped
from trunkline.policy.retry import RetryRules
from trunkline.ports import Timeouts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from trunkline.dialect import Dialect
    from trunkline.embeddings import Operation
    from trunkline.graph.node import Call, Node, SkippedError
    from trunkline.graph.overlay import Overlay
    from trunkline.graph.provider import Binding, Provider
    from trunkline.graph.reply import Reply
    from trunkline.policy.limits import LimitRule

__all__ = ["Target", "TargetSettings", "Wire"]

_MODEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,255}")
"""Model names that a caller may bring: they end up in URLs and log lines."""

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
    `on_interrupt` says what happens when a committed stream breaks off, `skip_malformed` whether
    events that cannot be read are left out, `drain` whether an answer is read to its end when its
    caller goes away, `upstream_stream` whether whole answers are asked for as streams.
    `whole_timeouts` are those of a whole answer, whose first byte comes when it is finished.
    `retry_budget` is the share of first attempts that may be retried, and how many a second
    without any; `limits` are those of the nodes above. `requests`, `wires` and `replies` are
    overlays, outermost first.
    """

    timeouts: Timeouts = field(default_factory=Timeouts)
    whole_timeouts: Timeouts = field(default_factory=Timeouts)
    same_target: int = 1
    retry_on: frozenset[str | int] | None = None
    prefer_same: bool = False
    retry_rules: RetryRules = field(default_factory=RetryRules)
    retry_budget: tuple[float, float] | None = (0.1, 1.0)
    limits: tuple[LimitRule, ...] = ()
    unsupported: Literal["skip", "drop", "refuse"] = "skip"
    hold: int | None = 1
    on_interrupt: Literal["error", "restart", "resume"] = "error"
    skip_malformed: bool = False
    drain: bool = False
    upstream_stream: bool = False
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

    def exits(self, request: Mapping[str, Any], call: Call, *, panic: bool = False) -> bool:
        """Whether it can be asked now."""
        gate = self.gate(request, call)
        return gate is None or gate.opens(panic=panic)

    def gate(self, request: Mapping[str, Any], call: Call) -> Gate | None:
        """The gate before it for this request; None if it cannot be asked such a thing anyway."""
        bound = self._bound(request, call)
        return None if bound is None else self._gate(call, *bound)

    async def call(self, request: Mapping[str, Any], call: Call) -> Reply:
        """Render, sign, send, and return a reply once its first content has come."""
        in_time(call)
        bound = self._bound(request, call)
        if bound is None:
            raise self._unspoken(request, call)
        binding, settings = bound
        upstream = call.upstreams[self.provider.name]
        call.decision.targets.append(binding.id)
        if call.pin and call.pin != self.provider.name:
            why = f"the request refers to what `{call.pin}` has, and no other provider can read it"
            raise skipped(call, binding.id, why)
        window = binding.view.get("context")
        if window is not None and window <= call.too_long_for:
            why = f"its window of {window:,} tokens is no larger than one that was too small"
            raise skipped(call, binding.id, why)
        gate = self._gate(call, binding, settings)
        if call.operation == "embeddings":

            def ask(batch: Mapping[str, Any]) -> Awaitable[Reply]:
                return self._ask(Rendering(settings, binding, upstream, call, batch), gate)

            return await in_batches(request, call, binding, upstream.view, ask)
        return await self._ask(Rendering(settings, binding, upstream, call, request), gate)

    def _gate(self, call: Call, binding: Binding, settings: TargetSettings) -> Gate:
        common = self.model is None or "*" in self.model
        leaf = self.leaf if common else binding.id
        return Gate(call, binding, self.provider, leaf, settings.limits, common=common)

    def _bound(
        self, request: Mapping[str, Any], call: Call
    ) -> tuple[Binding, TargetSettings] | None:
        """How this request is asked here, and what was inherited for its model; None where no
        dialect is spoken for it."""
        binding = self.binding if call.operation == "chat" else self.others.get(call.operation)
        if binding is not None and (self.dialect or self.provider.keeps(binding, call.door)):
            return binding, self.settings
        asked = self._asked(request, call)
        found = self.provider.bind(asked, self.dialect, call.operation, call.door, **self.facts)
        return None if found is None else (found, self.by_model.get(asked, self.settings))

    async def _ask(self, rendering: Rendering, gate: Gate) -> Reply:
        """Render, get in, and send."""
        call = rendering.call
        if rendering.binding.dialect.carries.takes_addresses:
            unsigned = rendering.http()
        else:
            unsigned = await rendering.http_with_bytes()
        if not call.pin and (call.more or call.picker is not None):
            _pin(rendering, self.provider.name)
        if acts(rendering.request):
            unsigned = replace(unsigned, replayable=False)
        passage = await gate.enter(rendering.request)
        return await Asking(rendering, gate, unsigned).reply(passage)

    def _unspoken(self, request: Mapping[str, Any], call: Call) -> SkippedError:
        asked = self._asked(request, call)
        what = "" if call.operation == "chat" else f" {call.operation} with"
        why = f"{self.provider.name} speaks no dialect for{what} `{asked}`"
        return skipped(call, f"{self.provider.name}/{asked}", why)

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
