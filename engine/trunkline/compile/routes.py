"""Routes: what they match, and where they lead."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from trunkline.compile.inherit import DEFAULT_SENDS
from trunkline.compile.nodes import MOST_LEAVES, node_id
from trunkline.compile.plan import Route
from trunkline.compile.policies import limit_rule
from trunkline.compile.vectors import mixed_models, without_vectors
from trunkline.config.models import Match, NodeMap
from trunkline.policy.match import Matcher
from trunkline.policy.pattern import MAX_COSTLY, PatternError, captured, is_costly, problem

if TYPE_CHECKING:
    from trunkline.compile.inherit import Inherited
    from trunkline.compile.nodes import Nodes
    from trunkline.compile.overlays import Overlays
    from trunkline.compile.report import Report
    from trunkline.config.models import Route as RouteModel
    from trunkline.config.models import RouteFile
    from trunkline.config.source import Path
    from trunkline.graph import Node

__all__ = ["compile_routes", "matcher_of"]


def compile_routes(
    file: RouteFile, report: Report, nodes: Nodes, overlays: Overlays, inherited: Inherited
) -> list[Route | None]:
    """The routes in file order; None for one with a mistake, which is reported."""
    return [
        _Routing(file, report, nodes, overlays).route(index, model, inherited)
        for index, model in enumerate(file.routes or ())
    ]


class _Routing:
    def __init__(self, file: RouteFile, report: Report, nodes: Nodes, overlays: Overlays) -> None:
        self.file = file
        self.report = report
        self.nodes = nodes
        self.overlays = overlays

    def route(self, index: int, model: RouteModel, inherited: Inherited) -> Route | None:
        path: Path = ("routes", index)
        patterns, places = self._patterns(model, path)
        self._check_patterns(patterns, places)
        when = None
        text = ""
        if isinstance(model.match, Match) and model.match.when is not None:
            text = model.match.when
            when = self.overlays.condition((*path, "match", "when"))
        inner = inherited.below(model, self.overlays.settings(model, path))
        inner = _capturing(inner, patterns)
        to = self.nodes.build(model.to, (*path, "to"), inner)
        sends = self._sends(model)
        if to is None or not self._possible(to, sends, (*path, "to")):
            return None
        operation = model.match.operation if isinstance(model.match, Match) else None
        mixed = mixed_models(to, patterns)
        if operation == "embeddings" and not self._embeds(to, mixed, (*path, "to")):
            return None
        identity = node_id(path, self.nodes.names)
        view = {"name": model.name or identity, "labels": dict(model.labels or {})}
        if model.description is not None:
            view["description"] = model.description
        return Route(
            identity,
            model.name or identity,
            tuple(patterns),
            to,
            sends,
            inner.total(),
            view,
            when,
            text,
            operation,
            mixed,
            allow=frozenset(model.allow or ()),
            limits=limit_rule(f"route {identity}", model.limits, caller=True),
            lone=len(self.nodes.leaves(to)) == 1,
            try_soonest=self._retry(model, "when_all_out") == "try_soonest",
        )

    def _embeds(self, to: Node, mixed: tuple[str, ...], path: Path) -> bool:
        """Whether a route for embeddings can keep to one model, at providers that have some."""
        for target in without_vectors(to):
            self.report.error(
                "TL308",
                f"`{target.provider.name}` has no dialect for embeddings",
                path,
                "let the route lead to a provider that has one (`trunkline providers`), or name "
                "it with `dialect:`",
            )
            return False
        if mixed:
            self.report.error(
                "TL411",
                f"this route can answer from {' and from '.join(mixed)}, whose vectors do not mix",
                path,
                "fall back and balance between providers of one model; where they call it "
                "differently, `models:` of the provider says so",
            )
        return not mixed

    def _patterns(self, model: RouteModel, path: Path) -> tuple[list[str], list[Path]]:
        """The patterns and their places; `*` for a route that names no model."""
        match, at = model.match, (*path, "match")
        if isinstance(match, Match):
            if match.model is None:
                return ["*"], [at]
            match, at = match.model, (*at, "model")
        if isinstance(match, str):
            return [match], [at]
        return list(match), [(*at, index) for index in range(len(match))]

    def _check_patterns(self, patterns: list[str], places: list[Path]) -> None:
        for pattern, place in zip(patterns, places, strict=True):
            wrong = problem(pattern)
            if wrong is not None:
                message = f"RE2 cannot read this expression: {wrong}"
                self.report.error("TL409", message, place, _RE2_HINT)

    def _sends(self, model: RouteModel) -> int:
        sends: int | None = self._retry(model, "max_sends")
        return DEFAULT_SENDS if sends is None else sends

    def _retry(self, model: RouteModel, key: str) -> Any:
        """What `retry` says for a whole request: the strongest word among defaults, route and the
        route's own node."""
        defaults = self.file.defaults.retry if self.file.defaults is not None else None
        node = model.to.retry if isinstance(model.to, NodeMap) else None
        for retry in (node, model.retry, defaults):
            if retry is not None and getattr(retry, key) is not None:
                return getattr(retry, key)
        return None

    def _possible(self, to: Any, sends: int, path: Path) -> bool:
        count = self.nodes.count(to)
        if count > MOST_LEAVES:
            self.report.error(
                "TL408",
                f"{count:,} ways lead from this route to a target; {MOST_LEAVES:,} is the most",
                path,
                "let fewer groups lead to the same groups",
            )
            return False
        if to.need > sends:
            self.nodes.too_many(to.need, sends, path)
            return False
        return True


_RE2_HINT: Final = "RE2 has no lookaround and no backreferences, which is why it is always fast"


def _capturing(inherited: Inherited, patterns: list[str]) -> Inherited:
    return replace(inherited, captures=all(captured(p, p) is not None for p in patterns))


def matcher_of(file: RouteFile, routes: list[Route], report: Report) -> Matcher[int] | None:
    """The patterns of all routes with their numbers: higher priority first, then file order.
    None if one of them has a mistake, which is reported."""
    models = file.routes or []
    order = sorted(range(len(routes)), key=lambda number: -(models[number].priority or 0))
    ranked = [(pattern, number) for number in order for pattern in routes[number].patterns]
    costly = sum(is_costly(pattern) for pattern, _ in ranked)
    if costly > MAX_COSTLY:
        report.error(
            "TL406",
            f"{costly:,} patterns are searched for in every name; {MAX_COSTLY:,} is the most",
            ("routes",),
            "begin or end patterns with plain characters instead of `*`, and avoid `re:`",
            key=True,
        )
        return None
    try:
        return Matcher(ranked)
    except PatternError:
        return None
