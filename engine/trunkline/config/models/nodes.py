"""Nodes: a string, a list, or a mapping with exactly one strategy key."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, model_validator
from typing_extensions import TypeAliasType

from trunkline.config.models.settings import Settings
from trunkline.config.models.words import (
    MESSAGE,
    Expression,
    Glob,
    Name,
    NodeText,
    Period,
    PeriodOrAuto,
    Strict,
)
from trunkline.errors import ErrorKind

KINDS: Final = ("target", "fallback", "balance", "switch", "hedge", "cache", "mirror")
"""The strategy keys: a node written as a mapping has exactly one of them."""

IGNORES_WEIGHTS: Final = ("round_robin", "least_connections", "lowest_latency", "lowest_cost")

Capability = Literal[
    "tools",
    "vision",
    "audio",
    "pdf",
    "json_object",
    "json_schema",
    "reasoning",
    "streaming",
    "prefill",
    "embeddings",
]
"""What a model can do."""


class Fallback(Strict):
    """Try in order; the next one is asked when one fails."""

    of: list[Node] = Field(min_length=1)
    """The members, in order."""
    on: list[ErrorKind | Annotated[int, Field(ge=400, le=599)] | Literal["default"]] | None = Field(
        default=None, min_length=1, examples=[["default", "content_filter"]]
    )
    """Error kinds or statuses that move on to the next member; `default` is the nine kinds that
    are nobody's fault but the provider's."""


def _by(*strategies: str) -> dict[str, Any]:
    """The schema of a balance by one of these."""
    return {
        "type": "object",
        "properties": {"by": {"enum": list(strategies)}},
        "required": ["by"],
    }


class Balance(Strict):
    """Pick one by strategy; a failed pick moves on inside the group before the group fails."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {
                    "if": _by(*IGNORES_WEIGHTS),
                    "then": {
                        "properties": {
                            "of": {
                                "items": {
                                    "not": {"type": "object", "required": ["weight"]},
                                    MESSAGE: "`weight` means nothing to this strategy",
                                }
                            }
                        }
                    },
                },
                {
                    "if": _by("sticky"),
                    "then": {
                        "required": ["key"],
                        "properties": {
                            "key": {"description": "requests with the same key go to one member"}
                        },
                    },
                    "else": {
                        "not": {"type": "object", "required": ["key"]},
                        MESSAGE: "`key` is for `by: sticky`",
                    },
                },
            ]
        }
    )

    by: Literal[
        "weighted",
        "round_robin",
        "random",
        "least_connections",
        "lowest_latency",
        "lowest_cost",
        "sticky",
    ] = "weighted"
    """How one is picked; `weighted`, `random` and `sticky` go by the members' weights."""
    of: list[Member] = Field(min_length=1)
    """The members."""
    key: Expression | None = None
    """What `sticky` goes by, and only it: requests with the same key go to the same member."""

    @model_validator(mode="after")
    def _fits(self) -> Balance:
        if (self.by == "sticky") != (self.key is not None):
            raise ValueError("`sticky` and `key` need each other")
        if self.by in IGNORES_WEIGHTS:
            for member in self.of:
                if isinstance(member, MemberMap) and member.weight is not None:
                    raise ValueError("`weight` means nothing to this strategy")
        return self


class Arm(Strict):
    """One arm of a switch."""

    when: Expression | None = None
    """The condition; only the last arm may do without."""
    to: Node
    """Where requests go for which the condition is true."""


class Hedge(Strict):
    """A second request to another target when the first content is late."""

    of: Node
    """Who is asked: a group, so that the second request goes to another target."""
    after: PeriodOrAuto | None = None
    """How late is late; `auto`, which holds where nothing is said, is when 95 of 100 answers have
    begun, and never under 500ms."""
    max: Annotated[int, Field(ge=1, le=3)] | None = None
    """At most this many extra requests; without it 1."""
    share: Annotated[float, Field(ge=0, le=1)] | None = None
    """At most this share of requests gets an extra one, from 0 to 1; without it 0.05."""


class Cache(Strict):
    """Answer a repeated request from the store."""

    of: Node
    """Who answers a request that is not in the store."""
    ttl: Period
    """How long an answer is kept."""
    key: Expression | None = None
    """What makes two requests the same; without it the whole request."""
    shared: bool | None = None
    """Let callers see answers given to others."""


class Mirror(Strict):
    """Copy a share of requests elsewhere and ignore the answers."""

    of: Node
    """Who answers."""
    to: Node
    """Who gets the copies."""
    sample: Annotated[float, Field(ge=0, le=1)] | None = None
    """The share that is copied, from 0 to 1; without it all."""
    at_once: Annotated[int, Field(ge=1)] | None = None
    """At most this many copies at a time, without it 20; what comes then is not copied."""


class NodeMap(Settings):
    """A node with its strategy key and, beside it, settings for all below it."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [kind]} for kind in KINDS],
            "dependentRequired": {"dialect": ["target"], "capabilities": ["target"]},
        }
    )

    target: NodeText | None = Field(default=None, examples=["openai/gpt-4o"])
    """A named target, a provider, or `provider/model`."""
    fallback: Fallback | None = None
    """Try in order."""
    balance: Balance | None = None
    """Pick one by strategy."""
    switch: list[Arm] | None = Field(
        default=None,
        min_length=1,
        json_schema_extra={"x-trunkline-only-last-without": "when"},
    )
    """The first arm whose condition is true."""
    hedge: Hedge | None = None
    """A second request when the first is late."""
    cache: Cache | None = None
    """Answer repeated requests from the store."""
    mirror: Mirror | None = None
    """Copy a share of requests elsewhere."""
    dialect: Name | None = None
    """The wire language for this target, instead of the provider's own choice."""
    capabilities: list[Capability] | None = None
    """What this target can do, instead of what is known of the model."""

    @property
    def kind(self) -> str:
        """The strategy key that is there."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @model_validator(mode="after")
    def _one_kind(self) -> NodeMap:
        if sum(getattr(self, kind) is not None for kind in KINDS) != 1:
            raise ValueError(f"exactly one of {', '.join(KINDS)}")
        if self.target is None and (self.dialect is not None or self.capabilities is not None):
            raise ValueError("`dialect` and `capabilities` stand only beside `target`")
        if self.switch and any(arm.when is None for arm in self.switch[:-1]):
            raise ValueError("only the last arm may lack `when`")
        return self


class MemberMap(NodeMap):
    """A member of a balance: a node that may have a weight."""

    weight: Annotated[float, Field(ge=0)] | None = None
    """How often this member is picked, compared with the others; without it 1."""


Node = TypeAliasType("Node", "NodeText | Annotated[list[Node], Field(min_length=1)] | NodeMap")
"""`provider/model`, a list (a fallback chain), or a mapping with one strategy key."""

Member = TypeAliasType(
    "Member", "NodeText | Annotated[list[Node], Field(min_length=1)] | MemberMap"
)
"""A member of a balance: a node that may have a `weight` beside its strategy key."""


class Match(Strict):
    """Which requests a route is for; all that is said must hold."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    model: Glob | Annotated[list[Glob], Field(min_length=1)] | None = None
    """The model's name: a pattern, or a list of which one must fit."""
    operation: Literal["chat", "embeddings"] | None = None
    """What is asked for; without it, whatever the targets can be asked for. A route for
    embeddings leads to one model only: vectors of different models do not mix."""
    when: Expression | None = None
    """A condition on the request."""

    @model_validator(mode="after")
    def _something(self) -> Match:
        if not self.model_fields_set:
            raise ValueError("a match says something")
        return self


class Route(Settings):
    """Which requests go where."""

    match: Glob | Annotated[list[Glob], Field(min_length=1)] | Match
    """Which requests: a model name or pattern, a list of them, or a mapping."""
    to: Node
    """Where they go."""
    priority: int | None = None
    """Routes with a higher number are tried first; without one 0; then by their order."""
    allow: list[Literal["timeout", "fallback", "cache", "metadata", "trace_id"]] | None = None
    """What a caller may set for a request: a shorter time, `fallback: none`, not to be answered
    from a cache, metadata, a trace id. Without it, nothing."""
    description: str | None = None
    """A sentence for people."""
    labels: dict[Name, str] | None = None
    """Words for metrics and decision records."""


__all__ = [
    "KINDS",
    "Arm",
    "Balance",
    "Cache",
    "Capability",
    "Fallback",
    "Hedge",
    "Match",
    "MemberMap",
    "Mirror",
    "Node",
    "NodeMap",
    "Route",
]
