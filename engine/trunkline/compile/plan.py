"""The plan: a route file that can be performed. Immutable, without keys, without network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from trunkline.policy.pattern import captured

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trunkline.chat import JSON
    from trunkline.config.source import Document, Path
    from trunkline.config.spec import Spec
    from trunkline.diagnostics import Diagnostic
    from trunkline.dialect import Dialect
    from trunkline.embeddings import Operation
    from trunkline.graph import CallerBudget, CallerLimit, FetchRules, Node, Provider
    from trunkline.policy.limits import LimitRule
    from trunkline.policy.match import Matcher

__all__ = ["Found", "Plan", "Route"]


@dataclass(frozen=True, slots=True)
class Route:
    """Which requests go where. `view` is what expressions see as `route`; `total` is the time
    for a whole request in seconds; `when_text` is the condition as written. `operation` is what
    it is for, None for whatever its targets can be asked; `mixed` names the models whose vectors
    would mix if it were asked for embeddings. `allow` names what callers may set, `limits` is how
    much may go by this route; `lone` tells that it has one target only, and `try_soonest` that one
    is asked even when all are out."""

    id: str
    name: str
    patterns: tuple[str, ...]
    to: Node
    max_sends: int
    total: float | None
    view: Mapping[str, Any]
    when: Callable[..., Any] | None = None
    when_text: str = ""
    operation: Operation | None = None
    mixed: tuple[str, ...] = ()
    allow: frozenset[str] = frozenset()
    limits: LimitRule | None = None
    lone: bool = False
    try_soonest: bool = False


class Found(NamedTuple):
    """The route of a request, why it is that one, and what its pattern's `*` stands for."""

    route: Route
    why: str
    capture: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a route file says, compiled.

    `targets` are the named nodes, as far as they stand on their own; `dialects` those that the
    file declares; `warnings` is what was
    found that is no error; `late` are the places of values that the graph depends on and only
    an environment can give (see `settle`); `fetch` is which files may be fetched; `reads_tokens`
    and `reads_time` say what conditions need to know.
    """

    name: str
    spec: Spec
    routes: tuple[Route, ...]
    matcher: Matcher[int]
    providers: Mapping[str, Provider]
    targets: Mapping[str, Node]
    warnings: tuple[Diagnostic, ...] = ()
    dialects: Mapping[str, Dialect] = field(default_factory=dict)
    late: tuple[Path, ...] = ()
    fetch: FetchRules | None = None
    reads_tokens: bool = False
    reads_time: bool = False
    limits: tuple[CallerLimit, ...] = ()
    budgets: tuple[CallerBudget, ...] = ()

    @property
    def document(self) -> Document:
        """The document that it was compiled from."""
        return self.spec.document

    def find(
        self,
        model: str,
        seen: Mapping[str, JSON],
        headers: Mapping[str, str],
        metadata: Mapping[str, JSON],
        caller: Mapping[str, JSON],
        time: JSON,
        operation: Operation = "chat",
    ) -> Found | None:
        """The first route whose pattern and condition fit; None if there is none.

        `seen` is the request as conditions see it.
        """
        for _, pattern, number in self.matcher.match(model):
            route = self.routes[number]
            if route.operation is not None and route.operation != operation:
                continue
            why = f"the name `{model}`" if pattern == model else f"the pattern `{pattern}`"
            if route.when is not None:
                if not route.when(seen, headers, metadata, caller, route.view, time):
                    continue
                why += f", and `{route.when_text}` holds"
            return Found(route, why, captured(pattern, model) or "")
        return None
