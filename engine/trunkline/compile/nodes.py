"""Nodes: strings, lists and mappings of a route file become the graph."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from trunkline.catalog import rows
from trunkline.compile.inherit import DEFAULT_SENDS
from trunkline.compile.kept import marked, open_below, read_below
from trunkline.compile.weights import whole_weights
from trunkline.errors import DEFAULT_KINDS
from trunkline.graph import Arm, Balance, Cache, Fallback, Hedge, Mirror, Switch, Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trunkline.compile.dialects import Dialects
    from trunkline.compile.inherit import Inherited
    from trunkline.compile.overlays import Overlays
    from trunkline.compile.providers import Declared
    from trunkline.compile.report import Report
    from trunkline.config.models import Cache as CacheModel
    from trunkline.config.models import Fallback as FallbackModel
    from trunkline.config.models import Hedge as HedgeModel
    from trunkline.config.models import Mirror as MirrorModel
    from trunkline.config.models import NodeMap, RouteFile
    from trunkline.config.source import Path
    from trunkline.embeddings import Operation
    from trunkline.graph import Node
    from trunkline.graph.provider import Binding, Provider

__all__ = ["MOST_LEAVES", "MOST_LEVELS", "Nodes", "node_id"]

MOST_LEVELS: Final = 64
"""Nodes within nodes, named ones included."""

MOST_LEAVES: Final = 10_000
"""Leaves that one route may lead to, each counted as often as there are ways to it."""


def node_id(path: Path, names: Mapping[int, str]) -> str:
    """A path as text: `routes.smart.to.fallback.of[0]`. Routes that have a name go by it, so that
    a route added above them leaves their ids alone."""
    text = ""
    steps = list(path)
    if steps[:1] == ["routes"] and isinstance(steps[1], int) and steps[1] in names:
        steps[1] = names[steps[1]]
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


@dataclass(frozen=True, slots=True)
class _Group:
    """Members that were compiled, and whether all of them were."""

    nodes: tuple[Node, ...]
    whole: bool


class Nodes:
    """Compiles nodes. A named node is compiled once for each different inheritance."""

    def __init__(
        self,
        file: RouteFile,
        report: Report,
        providers: Mapping[str, Declared],
        dialects: Dialects,
        overlays: Overlays,
    ) -> None:
        self.targets: Mapping[str, Any] = file.targets or {}
        self.report = report
        self.providers = providers
        self.dialects = dialects
        self.overlays = overlays
        self.names = {
            index: route.name for index, route in enumerate(file.routes or ()) if route.name
        }
        self._built: dict[tuple[str, Inherited], Node | None] = {}
        self._open: list[str] = []
        self._depth = 0
        self._leaves: dict[int, tuple[Node, tuple[str, ...]]] = {}
        self._counts: dict[int, tuple[Node, int]] = {}

    def named(self, name: str, inherited: Inherited) -> Node | None:
        """The entry of `targets` of this name, under these settings."""
        key = (name, inherited)
        if key not in self._built:
            self._open.append(name)
            self._built[key] = self.build(self.targets[name], ("targets", name), inherited)
            self._open.pop()
        return self._built[key]

    def build(self, node: Any, path: Path, inherited: Inherited) -> Node | None:
        """A node of any form; None where it has a mistake, which is reported."""
        if self._depth >= MOST_LEVELS:
            if not any(finding.code == "TL408" for finding in self.report.found):
                message = f"nodes within nodes, {MOST_LEVELS} deep"
                hint = "let fewer named targets lead to one another"
                self.report.error("TL408", message, path, hint)
            return None
        self._depth += 1
        try:
            if isinstance(node, str):
                return self._text(node, path, path, inherited, {})
            if isinstance(node, list):
                return self._fallback(node, path, path, None, inherited, "")
            return self._map(node, path, inherited)
        finally:
            self._depth -= 1

    def _map(self, node: NodeMap, path: Path, inherited: Inherited) -> Node | None:
        overlays = self.overlays.settings(node, path)
        inner = inherited.below(node, overlays, node=self._id(path))
        name = node.name or ""
        kind = node.kind
        at = (*path, kind)
        if node.target is not None:
            return self._text(node.target, at, path, inner, self._facts(node), node.dialect)
        if node.fallback is not None:
            of = (*at, "of")
            return self._fallback(node.fallback.of, of, path, node.fallback, inner, name)
        if node.balance is not None:
            return self._balance(node, path, inner, name)
        if node.switch is not None:
            return self._switch(node, path, inner, name)
        if node.hedge is not None:
            return self._hedge(node.hedge, path, inner, name)
        if node.cache is not None:
            return self._cache(node.cache, path, inner, name)
        assert node.mirror is not None
        return self._mirror(node.mirror, path, inner, name)

    def _id(self, path: Path) -> str:
        return node_id(path, self.names)

    def _facts(self, node: NodeMap) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        if node.name is not None:
            facts["name"] = node.name
        if node.capabilities is not None:
            facts["capabilities"] = list(node.capabilities)
        return facts

    def _text(
        self,
        text: str,
        path: Path,
        at: Path,
        inherited: Inherited,
        facts: Mapping[str, Any],
        dialect: str | None = None,
    ) -> Node | None:
        """`provider/model`, a provider, or a named target, written at `path` by the node `at`."""
        provider, slash, model = text.partition("/")
        if not slash and text in self.targets:
            return self._reference(text, path, inherited, facts, dialect)
        declared = self.providers.get(provider)
        if declared is None:
            self._unknown(provider, bool(slash), path)
            return None
        if declared.provider is None:
            return None
        if "*" in model and not inherited.captures:
            self.report.error(
                "TL405",
                f"the `*` of `{text}` stands for what the route's pattern matched, but not every "
                "pattern of the route has exactly one `*`",
                path,
                "name the model, or match by patterns with one `*` each",
            )
            return None
        return self._leaf(declared, model, path, at, inherited, facts, dialect)

    def _unknown(self, name: str, has_model: bool, path: Path) -> None:
        if has_model and name in self.targets:
            self.report.error(
                "TL309",
                f"`{name}` is a named target, which has its models already",
                path,
                f"write `{name}` alone",
            )
        elif has_model:
            known = f"declared providers: {', '.join(sorted(self.providers)) or 'none'}"
            if name in rows.providers():
                known = f"declare it: `providers: {{{name}: …}}`; {known}"
            self.report.unknown("TL302", "provider", name, path, self.providers, known)
        else:
            known_names = [*self.targets, *self.providers]
            self.report.unknown(
                "TL303",
                "target or provider",
                name,
                path,
                known_names,
                f"declared: {', '.join(sorted(known_names)) or 'none'}",
            )

    def _reference(
        self,
        name: str,
        path: Path,
        inherited: Inherited,
        facts: Mapping[str, Any],
        dialect: str | None,
    ) -> Node | None:
        if name in self._open:
            circle = " → ".join([*self._open[self._open.index(name) :], name])
            self.report.error(
                "TL401",
                f"a target that leads back to itself: {circle}",
                path,
                "let one of them lead elsewhere",
            )
            return None
        if dialect is not None or "capabilities" in facts:
            self.report.error(
                "TL309",
                f"`{name}` is a named target; `dialect` and `capabilities` belong to its leaves",
                path,
                f"write them under `targets.{name}`",
            )
            return None
        return self.named(name, inherited)

    def _leaf(
        self,
        declared: Declared,
        model: str,
        path: Path,
        at: Path,
        inherited: Inherited,
        facts: Mapping[str, Any],
        dialect_name: str | None,
    ) -> Node | None:
        provider = declared.provider
        assert provider is not None
        dialect = None
        if dialect_name is not None:
            dialect = self.dialects.get(dialect_name, (*path[:-1], "dialect"))
            if dialect is None:
                return None
        self._check_credential(provider, inherited, path)
        settings = inherited.target(declared.times, declared.model_times.get(model, ()))
        node = Target(self._id(at), provider, settings, dialect=dialect, facts=facts)
        if not model or "*" in model:
            own = {
                name: inherited.target(declared.times, times)
                for name, times in declared.model_times.items()
            }
            node = replace(node, by_model=own)
        if not model:
            return node
        if "*" in model:
            return replace(node, model=model)
        node = replace(node, model=model)
        binding = provider.bind(model, dialect, **facts)
        vectors = provider.bind(model, dialect, "embeddings", **facts)
        if binding is None and vectors is None:
            known = ", ".join(rule.pattern for rule in provider.rules)
            self.report.error(
                "TL308",
                f"`{provider.name}` has no dialect for `{model}`",
                path,
                f"its dialects are for {known}; name one with `dialect:`",
            )
            return None
        others: dict[Operation, Binding] = {} if vectors is None else {"embeddings": vectors}
        return replace(node, binding=binding, others=others)

    def _check_credential(self, provider: Provider, inherited: Inherited, path: Path) -> None:
        """An overlay on the header that the provider's key stands in would come to nothing."""
        for wire in inherited.wires:
            for name, _, _ in wire.headers.shape if wire.headers is not None else ():
                if name in provider.credential_headers:
                    self.report.error(
                        "TL312",
                        f"`{name}` carries the credential of `{provider.name}`, so an overlay of "
                        "this node cannot set it",
                        path,
                        "take it out of `wire: {headers: …}`; `api_key` and `auth` say what it is",
                    )

    def _members(self, nodes: Sequence[Any], path: Path, each: Sequence[Inherited]) -> _Group:
        built = [
            self.build(node, (*path, index), inherited)
            for index, (node, inherited) in enumerate(zip(nodes, each, strict=True))
        ]
        members = tuple(node for node in built if node is not None)
        return _Group(members, len(members) == len(built))

    def _fallback(
        self,
        members: Sequence[Any],
        path: Path,
        at: Path,
        model: FallbackModel | None,
        inherited: Inherited,
        name: str,
    ) -> Node | None:
        on = (model.on if model is not None else None) or ["default"]
        kinds = frozenset(kind for kind in on if isinstance(kind, str) and kind != "default")
        if "default" in on:
            kinds |= DEFAULT_KINDS
        statuses = frozenset(kind for kind in on if isinstance(kind, int))
        inner = replace(inherited, filter_moves=inherited.filter_moves or "content_filter" in kinds)
        group = self._members(members, path, [*[inner] * (len(members) - 1), inherited])
        if not group.whole:
            return None
        needs = [node.need for node in group.nodes]
        after = tuple(sum(needs[index + 1 :]) for index in range(len(needs)))
        node = Fallback(self._id(at), group.nodes, after, kinds, statuses, inherited.sends, name)
        return self._affordable(node, at, inherited)

    def _balance(self, node: NodeMap, path: Path, inherited: Inherited, name: str) -> Node | None:
        model = node.balance
        assert model is not None
        group = self._members(model.of, (*path, "balance", "of"), [inherited] * len(model.of))
        if not group.whole:
            return None
        weights = _weights(model.of)
        leaves = tuple(self.leaves(member) for member in group.nodes)
        key = None
        if model.key is not None:
            key = self.overlays.condition((*path, "balance", "key"))
        sends = inherited.sends
        balance = Balance(self._id(path), group.nodes, weights, model.by, leaves, sends, name, key)
        return self._affordable(balance, path, inherited)

    def _switch(self, node: NodeMap, path: Path, inherited: Inherited, name: str) -> Node | None:
        arms: list[Arm] = []
        whole = True
        for index, arm in enumerate(node.switch or ()):
            at = (*path, "switch", index)
            when = None if arm.when is None else self.overlays.condition((*at, "when"))
            to = self.build(arm.to, (*at, "to"), inherited)
            if to is None:
                whole = False
            else:
                arms.append(Arm(to, when, arm.when or ""))
        return Switch(self._id(path), tuple(arms), name) if whole else None

    def _hedge(self, model: HedgeModel, path: Path, inherited: Inherited, name: str) -> Node | None:
        of = self.build(model.of, (*path, "hedge", "of"), inherited)
        if of is None:
            return None
        after = None if model.after in (None, "auto") else model.after
        return Hedge(
            self._id(path),
            of,
            self.leaves(of),
            after,  # type: ignore[arg-type]  # seconds: the model has read them
            extra=1 if model.max is None else model.max,
            share=0.05 if model.share is None else model.share,
            sends=inherited.sends,
            name=name,
        )

    def _cache(self, model: CacheModel, path: Path, inherited: Inherited, name: str) -> Node | None:
        at = (*path, "cache")
        of = self.build(model.of, (*at, "of"), inherited)
        key = None if model.key is None else self.overlays.condition((*at, "key"))
        if of is None:
            return None
        return Cache(
            self._id(path),
            of,
            model.ttl,
            marked(of, self.leaves(of), model.key),
            key,
            shared=model.shared is True,
            open=open_below(of),
            varies=read_below(of),
            name=name,
        )

    def _mirror(
        self, model: MirrorModel, path: Path, inherited: Inherited, name: str
    ) -> Node | None:
        at = (*path, "mirror")
        of = self.build(model.of, (*at, "of"), inherited)
        to = self.build(model.to, (*at, "to"), inherited)
        if of is None or to is None:
            return None
        sends = DEFAULT_SENDS if inherited.sends is None else inherited.sends
        if to.need > sends:
            self.too_many(to.need, sends, (*at, "to"))
            return None
        return Mirror(
            self._id(path),
            of,
            to,
            sample=1.0 if model.sample is None else model.sample,
            at_once=20 if model.at_once is None else model.at_once,
            sends=sends,
            lone=len(self.leaves(to)) == 1,
            name=name,
        )

    def _affordable(self, node: Node, path: Path, inherited: Inherited) -> Node | None:
        """The node, if the `max_sends` that stands on or above it lets it reach every tier."""
        if inherited.sends is not None and node.need > inherited.sends:
            self.too_many(node.need, inherited.sends, path)
            return None
        return node

    def too_many(self, need: int, sends: int, path: Path) -> None:
        """Report a node whose last tier could never be reached."""
        self.report.error(
            "TL404",
            f"reaching the last member takes {need} sends, and `max_sends` allows {sends}",
            path,
            f"write `retry: {{max_sends: {need}}}`, or take members out",
        )

    def leaves(self, node: Node) -> tuple[str, ...]:
        """The leaf ids below a node, each once."""
        known = self._leaves.get(id(node))
        if known is None:
            below = (leaf for child in node.children for leaf in self.leaves(child))
            leaves = (node.leaf,) if isinstance(node, Target) else tuple(dict.fromkeys(below))
            known = self._leaves[id(node)] = (node, leaves)
        return known[1]

    def count(self, node: Node) -> int:
        """The leaves below a node, counted once for each way that leads to them."""
        known = self._counts.get(id(node))
        if known is None:
            below = (*node.children, node.to) if isinstance(node, Mirror) else node.children
            known = self._counts[id(node)] = (node, sum(map(self.count, below)) or 1)
        return known[1]


def _weights(members: Sequence[Any]) -> tuple[int, ...]:
    """The weights of a balance's members."""
    return whole_weights([getattr(member, "weight", None) for member in members])
