"""Overlays and conditions of a route file, compiled once for each place where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trunkline.compile import fixed
from trunkline.compile.roots import CONDITION_ROOTS, OVERLAY_ROOTS, REPLY_ROOTS, closed_roots
from trunkline.compile.settings import check_header_names
from trunkline.dialect.chat_filters import CHAT_FILTERS
from trunkline.graph.overlay import Overlay, is_open, shape_of
from trunkline.graph.target import Wire
from trunkline.template import Library

if TYPE_CHECKING:
    from trunkline.compile.report import Report
    from trunkline.config.models import RouteFile
    from trunkline.config.models import Settings as SettingsModel
    from trunkline.config.source import Path
    from trunkline.template import Mode, Template

__all__ = ["OverlaySet", "Overlays"]


@dataclass(frozen=True, slots=True)
class OverlaySet:
    """What the settings at one place lay over requests, over the wire and over answers."""

    request: Overlay | None = None
    wire: Wire | None = None
    reply: Overlay | None = None


class Overlays:
    """Compiles; findings go to the report. `reads_tokens` and `reads_time` tell whether anything
    compiled needs what costs a request to find out; `provider_reads` are the paths
    below `provider` that anything reads, None for all."""

    def __init__(self, file: RouteFile, report: Report) -> None:
        self._report = report
        self._library = Library(report.document, filters=CHAT_FILTERS)
        self._closed = closed_roots(file)
        self._closed_in_conditions = closed_roots(file, condition=True)
        self._sets: dict[Path, OverlaySet] = {}
        self.reads_tokens = False
        self.reads_time = False
        self.provider_reads: frozenset[tuple[str, ...]] | None = frozenset()

    def condition(self, path: Path) -> Template:
        """The bare expression at `path`."""
        template = self._library.compile_expression(
            path,
            CONDITION_ROOTS,
            closed=self._closed_in_conditions,
            report=self._report.found,
        )
        read = template.reads("request")
        self.reads_tokens = self.reads_tokens or read is None or "tokens" in read
        self._note_time(template)
        return template

    def settings(self, model: SettingsModel, path: Path) -> OverlaySet:
        """The overlays among the settings at `path`."""
        known = self._sets.get(path)
        if known is None:
            request = self._overlay((*path, "request"), messages=True) if model.request else None
            reply = None
            if model.response is not None and model.response.headers:
                at = (*path, "response", "headers")
                reply = self._overlay(at, roots=REPLY_ROOTS, mode="headers")
            wire = self._wire((*path, "wire")) if model.wire is not None else None
            known = self._sets[path] = OverlaySet(request, wire, reply)
        return known

    def _wire(self, path: Path) -> Wire:
        return Wire(
            headers=self._overlay((*path, "headers"), mode="headers"),
            query=self._overlay((*path, "query"), mode="query"),
            body=self._overlay((*path, "body")),
        )

    def _overlay(
        self,
        path: Path,
        *,
        roots: tuple[str, ...] = OVERLAY_ROOTS,
        mode: Mode = "write",
        messages: bool = False,
    ) -> Overlay | None:
        tree = self._report.document.get(path)
        if not isinstance(tree, dict):
            return None
        template = self._library.compile(
            path, roots, mode, closed=self._closed, report=self._report.found
        )
        self._note_time(template)
        paths = template.paths("provider")
        known = self.provider_reads
        self.provider_reads = None if paths is None or known is None else known | paths
        lower = mode == "headers"
        fixed.check_whole(self._report, tree, path)
        if messages:
            fixed.check_fields(self._report, tree, path)
        if lower:
            fixed.check_headers(self._report, tree, path)
            check_header_names(self._report, tree, path)
        fixed.check_default(self._report, tree, path)
        fixed.check_references(self._report, tree, path)
        shape = shape_of(tree, messages=messages, lower=lower)
        return Overlay(template, shape, lower, is_open(tree))

    def _note_time(self, template: Template) -> None:
        self.reads_time = self.reads_time or template.reads("time") != frozenset()
