"""A provider as a plan knows it, and as an open engine knows it.

`Provider` needs no keys and no network: it says how a model that was asked for becomes a
`Binding`, which is the upstream's own name for it and the dialect it is spoken to in.
`Upstream` is what an engine makes of it when it opens: where it is, and how to sign.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trunkline.auth import Hiding, credential_headers, signing_settings
from trunkline.policy.breaker import BreakerRules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trunkline.auth import Signer
    from trunkline.dialect import Dialect
    from trunkline.embeddings import Operation
    from trunkline.policy.checks import CheckRules
    from trunkline.policy.health import Site
    from trunkline.policy.limits import LimitRule
    from trunkline.policy.price import Price
    from trunkline.template import Template

__all__ = ["Binding", "Credential", "DialectRule", "Key", "Model", "Provider", "Upstream"]


@dataclass(frozen=True, slots=True)
class Model:
    """One entry of a provider's `models`: what the upstream calls it, and what is known of it.

    `facts` are the keys that templates read as `target.…` (`context`, `max_output`,
    `capabilities`).
    """

    upstream: str
    dialect: Dialect | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DialectRule:
    """Models that match `pattern` are spoken to in `dialect`, at `path` if that is given.

    `path` and `query` are what `Dialect.write` takes for them; `lacks` are fields of a request
    that these models do not take.
    """

    pattern: str
    matches: Callable[[str], bool]
    dialect: Dialect
    path: Any = None
    query: Any = None
    lacks: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Binding:
    """A model at a provider: the leaf's id, what templates see of it, and how it is spoken to.
    `lacks` are fields of a request that it does not take."""

    id: str
    dialect: Dialect
    view: Mapping[str, Any]
    path: Any = None
    query: Any = None
    lacks: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Key:
    """One of a provider's credentials, as a plan knows it: how often it is used beside the
    others, and what it may be used for."""

    name: str
    weight: int = 1
    limits: LimitRule | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """Who is called and in which dialect. `settings` is the merged row, with references to
    secrets and environment still unresolved; `facts` are known of all its models. `base` makes its
    base URL of its settings, where that is a template; `lacks` is as in a rule, for all of them.

    `breaker` says when a target of it is taken out, `limits` how much may be sent to it, and
    `keys` are its credentials where it has several; `adaptive` whether it is found out how many
    sends at once it can take. `checks` says how it is asked whether it is
    there, None if it is not."""

    name: str
    type: str
    rules: tuple[DialectRule, ...]
    models: Mapping[str, Model]
    settings: Mapping[str, Any]
    facts: Mapping[str, Any] = field(default_factory=dict)
    base: Template | None = None
    lacks: frozenset[str] = frozenset()
    breaker: BreakerRules = field(default_factory=BreakerRules)
    limits: LimitRule | None = None
    keys: tuple[Key, ...] = ()
    adaptive: bool = False
    checks: CheckRules | None = None

    @property
    def credential_headers(self) -> frozenset[str]:
        """The headers that its credentials stand in, in lower case."""
        return credential_headers(self.settings)

    def dialects(self) -> list[Dialect]:
        """Every dialect that is spoken to it, those of its rules first."""
        spoken = [rule.dialect for rule in self.rules]
        spoken.extend(m.dialect for m in self.models.values() if m.dialect is not None)
        return list(dict.fromkeys(spoken))

    def reads(self) -> list[frozenset[tuple[str, ...]] | None]:
        """What the templates of its dialects and rules read of `provider`, by path; None in the
        list is all of it."""
        written = [t for rule in self.rules for t in (rule.path, rule.query) if t is not None]
        return [
            *(dialect.reads_of_provider() for dialect in self.dialects()),
            *(template.paths("provider") for template in written),
            *([self.base_reads()] if self.base is not None else ()),
            frozenset((name,) for name in signing_settings(self.settings)),
        ]

    def base_reads(self) -> frozenset[tuple[str, ...]] | None:
        """What the template of its base URL reads of `provider`, by path; nothing without one."""
        return frozenset() if self.base is None else self.base.paths("provider")

    def bind(
        self,
        model: str,
        dialect: Dialect | None = None,
        operation: Operation = "chat",
        door: str = "",
        **facts: Any,
    ) -> Binding | None:
        """The model that a caller or a target names, at this provider; None when no rule of
        `dialects` covers it. `dialect` and `facts` are what the target itself says; `door` is
        the dialect that the request came in, which is kept where the choice is free."""
        entry = self.models.get(model)
        upstream = model if entry is None else entry.upstream
        leaf = f"{self.name}/{upstream}"
        known = {**self.facts, **(entry.facts if entry is not None else {}), **facts}
        view = {"name": leaf, "id": leaf, "model": upstream, **known}
        chosen = dialect or (entry.dialect if entry is not None else None)
        if chosen is not None and chosen.operation != operation:
            chosen = None
        rule = self._rule(model, upstream, chosen, operation)
        if rule is not None and rule.pattern == "*" and chosen is None:
            rule = self._like(door) or rule
        if rule is not None:
            lacks = self.lacks | rule.lacks
            return Binding(leaf, rule.dialect, view, rule.path, rule.query, lacks)
        return None if chosen is None else Binding(leaf, chosen, view, lacks=self.lacks)

    def keeps(self, binding: Binding, door: str) -> bool:
        """Whether a request that came in the dialect `door` goes by this binding: not where the
        provider has both, and neither is for certain models only."""
        return not door or binding.dialect.name == door or self._like(door) is None

    def _like(self, door: str) -> DialectRule | None:
        """The rule for all models in the dialect of this name."""
        same = (rule for rule in self.rules if rule.dialect.name == door and rule.pattern == "*")
        return next(same, None) if door else None

    def _rule(
        self, model: str, upstream: str, dialect: Dialect | None, operation: Operation
    ) -> DialectRule | None:
        """The first rule for this model, under either of its names, in this dialect if one is
        asked for: its path and query belong to that dialect at this provider."""
        for rule in self.rules:
            if rule.dialect.operation != operation:
                continue
            if dialect is not None and rule.dialect is not dialect:
                continue
            if rule.matches(model) or rule.matches(upstream):
                return rule
        return None


@dataclass(frozen=True, slots=True)
class Credential:
    """One way to sign. `id` is what health and limits go by (`provider#name`), `name` what
    decision records show, empty where the provider has one only."""

    id: str
    signer: Signer
    name: str = ""
    limits: LimitRule | None = None


@dataclass(frozen=True, slots=True)
class Upstream:
    """A provider of an open engine.

    `base_url` has no slash at its end. `headers`, in lower case, go with every request, in place
    of a dialect's own. `view` is what templates see as `provider`: plain settings, never secrets.
    `credentials` are used by `weights`. `price` tells what a model costs, by the upstream's name
    for it. `hide` takes its secrets out of what it says. `sites` remembers under which names the
    health of its targets is kept.
    """

    base_url: str
    headers: Mapping[str, str] = field(repr=False)
    credentials: tuple[Credential, ...]
    view: Mapping[str, Any]
    simulated: bool = False
    hide: Hiding = field(default_factory=lambda: Hiding(()))
    weights: tuple[int, ...] = (1,)
    price: Callable[[str], Price | None] = field(default=lambda _model: None)
    sites: dict[tuple[str, str, str], Site] = field(default_factory=dict, repr=False)

    @property
    def origin(self) -> str:
        """Scheme, host and port: what connections to it have in common."""
        return "/".join(self.base_url.split("/", 3)[:3])
