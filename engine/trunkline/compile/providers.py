"""Providers: what a route file says, laid over a row of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trunkline.auth import cloud_form, credential_headers, path_as_content
from trunkline.catalog import rows
from trunkline.compile.addresses import check_address
from trunkline.compile.inherit import Times, times_of
from trunkline.compile.origins import check_origin, check_required, check_settings
from trunkline.compile.policies import breaker_rules, check_rules, limit_rule
from trunkline.compile.roots import PROVIDER_FIELDS, REQUEST_FIELDS, closed_in_dialects
from trunkline.compile.settings import check_headers, check_models
from trunkline.compile.weights import whole_weights
from trunkline.config.models import SIMULATED, SimulatedProvider
from trunkline.config.models import Model as ModelEntry
from trunkline.config.source import merge
from trunkline.diagnostics import Diagnostic, did_you_mean
from trunkline.graph.provider import DialectRule, Key, Model, Provider
from trunkline.policy.breaker import BreakerRules
from trunkline.policy.pattern import PatternError, predicate
from trunkline.template import Library

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trunkline.compile.dialects import Dialects
    from trunkline.compile.report import Report
    from trunkline.config.models import Provider as RealProvider
    from trunkline.config.models import RouteFile
    from trunkline.config.source import Document, Path
    from trunkline.dialect import Dialect
    from trunkline.policy.checks import CheckRules
    from trunkline.template import Template

    Entry = RealProvider | SimulatedProvider

__all__ = ["Declared", "compile_providers", "fault_condition"]

_WRITE_ROOTS = ("request", "target", "provider")


@dataclass(frozen=True, slots=True)
class Declared:
    """A provider of the route file. `provider` is None where it has a mistake, which is
    reported; `times` and `model_times` are what it says of timeouts."""

    provider: Provider | None
    times: Times = ()
    model_times: Mapping[str, Times] = field(default_factory=dict)


def compile_providers(file: RouteFile, report: Report, dialects: Dialects) -> dict[str, Declared]:
    """Every provider that the route file declares."""
    said = None if file.defaults is None else file.defaults.circuit_breaker
    breaker = breaker_rules(said, BreakerRules())
    return {
        name: _One(name, entry, report, dialects, breaker).build()
        for name, entry in (file.providers or {}).items()
    }


def fault_condition(
    document: Document, name: str, index: int, report: list[Diagnostic] | None = None
) -> Template:
    """The `when` of a simulated provider's fault; it sees the canonical request."""
    path = ("providers", name, "faults", index, "when")
    closed = closed_in_dialects()
    return Library(document).compile_expression(path, ("request",), closed=closed, report=report)


class _One:
    """One provider on its way from a row and an entry to a `Provider`."""

    def __init__(
        self, name: str, entry: Entry, report: Report, dialects: Dialects, breaker: BreakerRules
    ) -> None:
        self.name = name
        self.entry = entry
        self.simulated = isinstance(entry, SimulatedProvider)
        self.path: Path = ("providers", name)
        self.report = report
        self.dialects = dialects
        self.breaker = breaker

    def build(self) -> Declared:
        before = len(self.report.found)
        kind, row = self._row()
        placed = len(self.report.found) == before
        own = self.report.document.sub(self.path)
        whole = own if row is None else merge(row, own)
        library = Library(whole)
        rules = self._rules(library, whole)
        models = {name: self._model(name) for name in self.entry.models or {}}
        check_models(self.report, models, (*self.path, "models"))
        check_headers(
            self.report,
            own.value.get("headers") or {},
            (*self.path, "headers"),
            () if self.simulated else credential_headers(whole.value),
        )
        if isinstance(self.entry, SimulatedProvider):
            self._check_simulated(self.entry, rules or ())
        base = None
        if placed and not self.simulated:
            base = check_origin(self.report, library, whole, self.path)
            self._check_credential(whole, own, kind)
        lacks = self._lacks(whole.value, self.path)
        provider = None
        if rules is not None and (rules or models):
            said = whole.value.get("capabilities")
            facts = {} if said is None else {"capabilities": said}
            provider = Provider(
                self.name,
                kind,
                rules,
                models,
                whole.value,
                facts,
                base=base,
                lacks=lacks,
                breaker=breaker_rules(self.entry.circuit_breaker, self.breaker),
                limits=limit_rule(f"provider {self.name}", self.entry.limits, caller=False),
                keys=self._keys(),
                adaptive=bool(getattr(self.entry, "adaptive_concurrency", None)),
                checks=self._checks(whole.value),
            )
            if placed and not self.simulated:
                plain = None if row is None else row.value
                self._check_settings(whole, own, provider, plain)
                if len(self.report.found) == before:
                    url = own.value.get("base_url")
                    check_address(self.report, provider, url, plain, (*self.path, "base_url"))
        entries = (self.entry.models or {}).items()
        times = {
            name: times_of(model.timeouts)
            for name, model in entries
            if isinstance(model, ModelEntry) and model.timeouts is not None
        }
        return Declared(provider, times_of(self.entry.timeouts), times)

    def _checks(self, settings: Mapping[str, Any]) -> CheckRules | None:
        """How it is asked whether it is there; a simulated one always is."""
        if isinstance(self.entry, SimulatedProvider):
            return None
        return check_rules(self.entry.health_check, settings.get("models_path"))

    def _row(self) -> tuple[str, Document | None]:
        """The provider's type and its row. Without a row a dialect must be named."""
        entry = self.entry
        asked = entry.as_ if isinstance(entry, SimulatedProvider) else entry.type
        kind = SIMULATED if self.simulated else (asked or self.name)
        name = asked or self.name
        if name in rows.providers():
            return kind, rows.provider_document(name)
        named = entry.dialect or getattr(entry, "dialects", None)
        key = "as" if self.simulated else "type"
        if asked is not None:
            self.report.unknown(
                "TL305",
                "provider type",
                asked,
                (*self.path, key),
                rows.providers(),
                near=rows.called(asked),
            )
        elif named is None:
            near = rows.called(self.name) or did_you_mean(self.name, rows.providers())
            self.report.error(
                "TL305",
                f"no provider type is called `{self.name}`, and neither `{key}` nor `dialect` says "
                "what this provider speaks",
                self.path,
                f"write `{key}: {near or '…'}` or `dialect: …`; `trunkline providers` lists both",
                key=True,
            )
        return kind, None

    def _rules(self, library: Library, whole: Document) -> tuple[DialectRule, ...] | None:
        """Which dialect for which models: the entry's own word before the row's. None if there
        is a mistake."""
        before = len(self.report.found)
        said = [
            self._rule(library, index, rule)
            for index, rule in enumerate(whole.value.get("dialects") or ())
        ]
        rules = tuple(rule for rule in said if rule is not None)
        if rules == tuple(said):
            self._check_order(rules)
        name = whole.value.get("dialect")
        if name is not None:
            path = (*self.path, "dialect")
            chosen = self.dialects.get(name, path)
            own = tuple(rule for rule in rules if rule.dialect is chosen)
            if chosen is not None:
                others = (rule for rule in rules if rule.dialect.operation != chosen.operation)
                rules = (*(own or (DialectRule("*", _every_model, chosen),)), *others)
        failed = len(self.report.found) > before
        return None if failed or not (rules or self.entry.models) else rules

    def _rule(self, library: Library, index: int, rule: Any) -> DialectRule | None:
        path: Path = ("dialects", index)
        chosen = self.dialects.get(rule["use"], (*self.path, *path, "use"))
        if chosen is None:
            return None
        models = rule.get("models")
        patterns = ["*"] if models is None else [models] if isinstance(models, str) else models
        tests = [self._test(pattern, (*self.path, *path, "models")) for pattern in patterns]
        found, closed = self.report.found, closed_in_dialects()
        route = query = None
        if "path" in rule:
            at = (*path, "path")
            route = library.compile(at, _WRITE_ROOTS, "path", closed=closed, report=found)
            self._check_path(rule["path"], (*self.path, *at))
        if "query" in rule:
            at = (*path, "query")
            query = library.compile(at, _WRITE_ROOTS, "query", closed=closed, report=found)
        test = tests[0] if len(tests) == 1 else lambda name: any(one(name) for one in tests)
        lacks = self._lacks(rule, (*self.path, *path))
        return DialectRule(", ".join(patterns), test, chosen, route, query, lacks)

    def _check_order(self, rules: tuple[DialectRule, ...]) -> None:
        """Rules for some models after one for all, of rules that the route file has itself."""
        if getattr(self.entry, "dialects", None) is None:
            return
        for index, rule in enumerate(rules):
            everyone = [
                one.dialect.name
                for one in rules[:index]
                if one.pattern == "*" and one.dialect.operation == rule.dialect.operation
            ]
            if everyone and rule.pattern != "*":
                span = self.report.document.span((*self.path, "dialects", index, "models"))
                message = f"a rule above is for all models, so these are asked in {everyone[0]}"
                hint = "move the rule without `models` to the end"
                self.report.found.append(Diagnostic("TL313", "warning", message, span, hint))

    def _keys(self) -> tuple[Key, ...]:
        """The credentials of a pool; one without a name goes by its number."""
        pool = getattr(self.entry, "keys", None) or ()
        weights = whole_weights([key.weight for key in pool])
        names = [key.name or str(number) for number, key in enumerate(pool, 1)]
        return tuple(
            Key(name, weight, limit_rule(f"key {self.name}#{name}", key.limits, caller=False))
            for name, weight, key in zip(names, weights, pool, strict=True)
        )

    def _lacks(self, said: Mapping[str, Any], path: Path) -> frozenset[str]:
        """The fields of a request that are not taken."""
        fields = said.get("lacks") or ()
        for index, name in enumerate(fields):
            if name not in REQUEST_FIELDS:
                at = (*path, "lacks", index)
                self.report.unknown("TL520", "field of a request", name, at, REQUEST_FIELDS)
        return frozenset(fields)

    def _check_path(self, text: Any, path: Path) -> None:
        if isinstance(text, str) and not text.startswith(("/", "{{")):
            message = "a path begins with a slash"
            self.report.error("TL313", message, path, f"write `/{text}`")

    def _test(self, pattern: str, path: Path) -> Callable[[str], bool]:
        try:
            return predicate(pattern)
        except PatternError as error:
            self.report.error("TL409", f"RE2 cannot read this expression: {error}", path)
            return _every_model

    def _model(self, name: str) -> Model:
        entry = (self.entry.models or {})[name]
        if not isinstance(entry, ModelEntry):
            return Model(str(entry))
        dialect: Dialect | None = None
        if entry.dialect is not None:
            dialect = self.dialects.get(entry.dialect, (*self.path, "models", name, "dialect"))
        facts = {
            key: value
            for key in ("context", "max_output", "capabilities")
            if isinstance(value := getattr(entry, key), int | list)
        }
        return Model(str(entry.as_ or name), dialect, facts)

    def _check_settings(
        self, whole: Document, own: Document, provider: Provider, row: dict[str, Any] | None
    ) -> None:
        """The plain settings: those that are wrong, and those that are missing."""
        made_of = provider.base_reads()
        hosts = PROVIDER_FIELDS if made_of is None else {one[0] for one in made_of}
        said = {(*self.path, name): own.value.get(name) for name in PROVIDER_FIELDS}
        check_settings(self.report, said, hosts, row)
        read = {one[0] for paths in provider.reads() for one in paths or ()}
        check_required(self.report, whole, self.path, read)

    def _check_simulated(self, entry: SimulatedProvider, rules: tuple[DialectRule, ...]) -> None:
        for index, fault in enumerate(entry.faults or ()):
            if fault.when is not None:
                fault_condition(self.report.document, self.name, index, self.report.found)
        for rule in rules:
            if rule.dialect.door is None:
                self.report.error(
                    "TL308",
                    f"the dialect `{rule.dialect.name}` has no `serve` section, so nothing can "
                    "be simulated in it",
                    self.path,
                    "imitate another provider with `as:`, or add the section",
                    key=True,
                )

    def _check_credential(self, whole: Document, own: Document, kind: str) -> None:
        """One credential: a key, or a form of `auth` that signs without one."""
        value = whole.value
        auth = value.get("auth") or {}
        if value.get("api_key") or value.get("keys"):
            self._check_prefix(value.get("api_key"), auth)
            form = cloud_form({"auth": own.value.get("auth")})
            if form is not None:
                at = (*self.path, "auth", form)
                message = f"the API key signs, so nothing comes of `{form}`"
                self.report.error("TL313", message, at, "write one of them", key=True)
            return
        misplaced = path_as_content(value)
        if misplaced is not None:
            within, said = misplaced
            at = (*self.path, *within)
            message = "`credentials` is what stands in a file of credentials, as JSON"
            hint = f"write `credentials_file: {said[:60]}`"
            self.report.error("TL313", message, at, hint, key=True)
        if cloud_form(value) is not None or not auth or auth.get("optional"):
            return
        variable = (value.get("env") or {}).get("api_key", f"{kind.upper()}_API_KEY")
        self.report.error(
            "TL308",
            f"`{self.name}` has no credential",
            self.path,
            f'write `api_key: "${{env:{variable}}}"`',
            key=True,
        )

    def _check_prefix(self, key: Any, auth: Mapping[str, Any]) -> None:
        """What stands before the key already."""
        parts = key.get("join") if isinstance(key, dict) else [key]
        first, prefix = str(parts[0]) if parts else "", str(auth.get("prefix") or "")
        if prefix.strip() and first.lower().startswith(prefix.lower()):
            message = f"`{prefix.strip()}` stands before every key of this provider already"
            hint = "write the key alone"
            self.report.error("TL313", message, (*self.path, "api_key"), hint)


def _every_model(_name: str) -> bool:
    return True
