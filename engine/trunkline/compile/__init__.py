"""Documents and the catalogue to a `Plan`, or every diagnostic at once.

`load_plan` takes a path or text, `compile_document` a document that was read already. Both see
all that can be known without keys and without a network.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trunkline import lint
from trunkline.compile.callers import caller_budgets, caller_limits
from trunkline.compile.dialects import Dialects
from trunkline.compile.inherit import Inherited
from trunkline.compile.late import late_paths, settled
from trunkline.compile.media import fetch_rules
from trunkline.compile.nodes import Nodes
from trunkline.compile.overlays import Overlays
from trunkline.compile.plan import Found, Plan, Route
from trunkline.compile.providers import compile_providers
from trunkline.compile.report import Report
from trunkline.compile.routes import compile_routes, matcher_of
from trunkline.compile.settings import check_unread
from trunkline.compile.text import load_text
from trunkline.config.load import load
from trunkline.config.spec import read
from trunkline.diagnostics import sort
from trunkline.errors import ConfigError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from trunkline.config.source import Document
    from trunkline.config.spec import Spec
    from trunkline.diagnostics import Diagnostic

__all__ = ["Found", "Plan", "Route", "compile_document", "compile_spec", "load_plan", "settle"]


def load_plan(
    source: str | os.PathLike[str],
    *,
    variables: Mapping[str, str] | None = None,
    overlays: Sequence[str | os.PathLike[str]] = (),
) -> Plan:
    """The plan of a route file or folder, or of YAML text (text has a line break, a path has not).

    `variables` and `overlays` are what `--var` and `--with` give. Raises `ConfigError` with every
    diagnostic, sorted by place.
    """
    if isinstance(source, str) and "\n" in source:
        document, found = load_text(source, variables=variables)
    else:
        document, found = load(Path(source), variables=variables, overlays=overlays)
    plan, more = (None, []) if document is None else compile_document(document)
    found = sort([*found, *more])
    if plan is None or any(finding.severity == "error" for finding in found):
        raise ConfigError(found)
    return plan


def compile_document(document: Document) -> tuple[Plan | None, list[Diagnostic]]:
    """The plan of a document, unless something is wrong with it, and every finding, sorted.

    Where the shape is wrong, what is left of it is looked through as well.
    """
    spec, found = read(document)
    if spec is None:
        return None, sort([*found, *_beyond_shape(document)])
    plan, more = compile_spec(spec)
    return plan, sort([*found, *more])


def _beyond_shape(document: Document) -> list[Diagnostic]:
    from trunkline.config.remains import remains

    left = remains(document)
    if left is None:
        return []
    _, found = compile_spec(left.spec)
    return [*left.found, *(finding for finding in found if not left.follows(finding))]


def compile_spec(spec: Spec) -> tuple[Plan | None, list[Diagnostic]]:
    """The plan of a route file whose shape is right, and every finding, sorted."""
    file, report = spec.file, Report(spec.document)
    report.found.extend(lint.check(spec))
    dialects = Dialects(report)
    dialects.load_declared()
    providers = compile_providers(file, report, dialects)
    overlays = Overlays(file, report)
    nodes = Nodes(file, report, providers, dialects, overlays)
    top = Inherited().defaults(file.defaults)
    targets = {name: nodes.named(name, top) for name in file.targets or {}}
    compiled = compile_routes(file, report, nodes, overlays, top)
    for name, one in providers.items():
        if one.provider is not None:
            own = spec.document.get(("providers", name))
            check_unread(report, one.provider, own, overlays.provider_reads)
    limits, budgets = caller_limits(file, overlays), caller_budgets(file, overlays)
    routes = [route for route in compiled if route is not None]
    whole = len(routes) == len(compiled)
    matcher = matcher_of(file, routes, report) if whole else None
    if report.failed or matcher is None:
        return None, sort(report.found)
    plan = Plan(
        spec.document.name,
        spec,
        tuple(routes),
        matcher,
        {name: one.provider for name, one in providers.items() if one.provider is not None},
        {name: node for name, node in targets.items() if node is not None},
        tuple(sort(report.found)),
        dialects.declared(),
        late_paths(spec.document),
        fetch_rules(file),
        overlays.reads_tokens,
        overlays.reads_time,
        limits,
        budgets,
    )
    return plan, list(plan.warnings)


def settle(plan: Plan, environ: Mapping[str, str]) -> Plan:
    """The plan with its `late` values put in from `environ`. Raises `ConfigError` for those that
    are not set, and for what does not compile with them."""
    if not plan.late:
        return plan
    settled_plan, found = compile_document(settled(plan.document, environ))
    if settled_plan is None:
        raise ConfigError(found)
    return settled_plan
