"""Settings on their way down: what a node hands to those below it, settled at compile time.

Weakest first: built-in, `defaults`, provider, its `models` entry, route, outer to inner node,
leaf. Overlays do not replace one another: all apply, the outermost first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final

from trunkline.compile.policies import RetryShare, limit_rule, retry_rules, retry_share
from trunkline.config.references import Join, Reference
from trunkline.errors import DEFAULT_KINDS
from trunkline.graph.target import TargetSettings
from trunkline.policy.retry import RetryRules
from trunkline.ports import Timeouts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import BaseModel

    from trunkline.compile.overlays import OverlaySet
    from trunkline.config.models import Defaults, Retry, Streaming
    from trunkline.config.models import Settings as SettingsModel
    from trunkline.graph.overlay import Overlay
    from trunkline.graph.target import Wire
    from trunkline.policy.limits import LimitRule

__all__ = ["DEFAULT_SENDS", "Inherited", "Times", "times_of"]

DEFAULT_SENDS: Final = 4
"""Sends that a request may cost, over all targets."""

Times = tuple[tuple[str, float | None], ...]
"""What one place says about timeouts: name and seconds, None for no limit."""

_TIMES: Final = frozenset(entry.name for entry in fields(Timeouts))


def times_of(model: BaseModel | None) -> Times:
    """The timeouts that a model sets. Those that wait for an environment are left out."""
    if model is None:
        return ()
    said = ((name, getattr(model, name)) for name in sorted(model.model_fields_set & _TIMES))
    return tuple(
        (name, None if value == math.inf else value)
        for name, value in said
        if not isinstance(value, Reference | Join)
    )


@dataclass(frozen=True, slots=True)
class Inherited:
    """What reaches a node from above. Hashable, so that a named node is built once for each
    different inheritance. `base` are the timeouts of `defaults`, `times` those of the route and
    the nodes: a provider's own stand between the two. `sends` is the nearest inner
    `max_sends`; `captures` tells whether every pattern of the route captures for a `*`."""

    base: Times = ()
    times: Times = ()
    same_target: int = 1
    retry_on: frozenset[str | int] | None = None
    prefer_same: bool = False
    retry_rules: RetryRules = field(default_factory=RetryRules)
    retry_budget: RetryShare | None = RetryShare()  # noqa: RUF009 a tuple does not change
    limits: tuple[LimitRule, ...] = ()
    unsupported: str = "skip"
    hold: int | None = 1
    on_interrupt: str = "error"
    skip_malformed: bool = False
    drain: bool = False
    upstream_stream: bool = False
    requests: tuple[Overlay, ...] = ()
    wires: tuple[Wire, ...] = ()
    replies: tuple[Overlay, ...] = ()
    filter_moves: bool = False
    captures: bool = True
    sends: int | None = None

    def defaults(self, defaults: Defaults | None) -> Inherited:
        """With the document's `defaults`."""
        if defaults is None:
            return self
        return replace(
            self,
            base=times_of(defaults.timeouts),
            unsupported=defaults.unsupported or self.unsupported,
            **self._retry(defaults.retry),
            **self._streaming(defaults.streaming),
        )

    def below(
        self, model: SettingsModel, overlays: OverlaySet, *, node: str | None = None
    ) -> Inherited:
        """With the settings of a route, or of an inner node, which is then named."""
        inner = node is not None
        limit = limit_rule(f"node {node}", model.limits, caller=False) if inner else None
        request, wire, reply = overlays.request, overlays.wire, overlays.reply
        sends = model.retry.max_sends if inner and model.retry is not None else None
        return replace(
            self,
            times=_laid(self.times, times_of(model.timeouts)),
            unsupported=model.unsupported or self.unsupported,
            requests=self.requests if request is None else (*self.requests, request),
            wires=self.wires if wire is None else (*self.wires, wire),
            replies=self.replies if reply is None else (*self.replies, reply),
            sends=self.sends if sends is None else sends,
            limits=self.limits if limit is None else (*self.limits, limit),
            **self._retry(model.retry),
            **self._streaming(model.streaming),
        )

    def _retry(self, retry: Retry | None) -> dict[str, Any]:
        said: dict[str, Any] = {}
        if retry is None:
            return said
        if retry.same_target is not None:
            said["same_target"] = retry.same_target
        if retry.on is not None:
            usual = DEFAULT_KINDS if "default" in retry.on else frozenset()
            said["retry_on"] = usual.union(retry.on)
        if retry.prefer is not None:
            said["prefer_same"] = retry.prefer == "same_target"
        said["retry_rules"] = retry_rules(retry, self.retry_rules)
        said["retry_budget"] = retry_share(retry, self.retry_budget)
        return said

    def _streaming(self, streaming: Streaming | None) -> dict[str, Any]:
        said: dict[str, Any] = {}
        if streaming is None:
            return said
        commit = streaming.commit
        if isinstance(commit, str):
            said["hold"] = None if commit == "complete" else 1
        elif commit is not None:
            said["hold"] = commit.tokens
        if streaming.on_interrupt is not None:
            said["on_interrupt"] = streaming.on_interrupt
        if streaming.on_malformed is not None:
            said["skip_malformed"] = streaming.on_malformed == "skip"
        if streaming.on_disconnect is not None:
            said["drain"] = streaming.on_disconnect == "drain"
        if streaming.upstream_stream is not None:
            said["upstream_stream"] = streaming.upstream_stream
        return said

    def target(self, provider: Times, model: Times) -> TargetSettings:
        """The settings of a leaf, with what its provider and model say of timeouts."""
        times = dict(_laid(self.base, provider, model, self.times))
        streamed = Timeouts(**times)
        whole = replace(
            streamed,
            first_byte=times.get("first_byte", streamed.attempt),
            first_token=streamed.attempt,
            idle=streamed.attempt,
        )
        same = self.same_target if self.sends is None else min(self.same_target, self.sends - 1)
        return TargetSettings(
            timeouts=streamed,
            whole_timeouts=whole,
            same_target=same,
            retry_on=self.retry_on,
            prefer_same=self.prefer_same,
            retry_rules=self.retry_rules,
            retry_budget=self.retry_budget,
            limits=self.limits,
            on_interrupt=self.on_interrupt,  # type: ignore[arg-type]  # the model's own words
            skip_malformed=self.skip_malformed,
            drain=self.drain,
            upstream_stream=self.upstream_stream,
            unsupported=self.unsupported,  # type: ignore[arg-type]  # the model's own words
            hold=self.hold,
            filter_moves=self.filter_moves,
            requests=self.requests,
            wires=self.wires,
            replies=self.replies,
        )

    def total(self) -> float | None:
        """Seconds for a whole request."""
        times = dict(_laid(self.base, self.times))
        return times["total"] if "total" in times else Timeouts().total


def _laid(*layers: Iterable[tuple[str, float | None]]) -> Times:
    """Later layers over earlier ones, name by name."""
    return tuple({name: value for layer in layers for name, value in layer}.items())
