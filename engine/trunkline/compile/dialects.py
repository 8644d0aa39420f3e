"""The wire languages of a plan: those of the catalogue, and those a route file declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trunkline import catalog
from trunkline.compile.roots import REQUEST_FIELDS, USAGE_FIELDS, closed_in_dialects
from trunkline.config.source import Document, Place
from trunkline.diagnostics import did_you_mean
from trunkline.dialect import load_dialect
from trunkline.errors import KINDS
from trunkline.template import DIRECTIVES

if TYPE_CHECKING:
    from trunkline.compile.report import Report
    from trunkline.config.source import Path
    from trunkline.dialect import Dialect

__all__ = ["Dialects"]


class Dialects:
    """Finds dialects by name. A declared one hides a built-in one of its name."""

    def __init__(self, report: Report) -> None:
        self._report = report
        declared = report.document.get(("dialects",))
        self._declared: frozenset[str] = frozenset(declared or ())
        self._loaded: dict[str, Dialect | None] = {}

    def load_declared(self) -> None:
        """Compile every declared dialect, used or not, so that all its mistakes are reported."""
        for name in self._declared:
            self._load(name)

    def declared(self) -> dict[str, Dialect]:
        """Those that the route file declares, as far as they are right."""
        loaded = ((name, self._load(name)) for name in sorted(self._declared))
        return {name: dialect for name, dialect in loaded if dialect is not None}

    def get(self, name: str, path: Path) -> Dialect | None:
        """The dialect that is called `name` at `path`; None, and a finding, if there is none."""
        if name in self._declared:
            return self._load(name)
        if name in catalog.dialects():
            return catalog.dialect(name)
        known = {*self._declared, *catalog.dialects()}
        self._report.unknown("TL304", "dialect", name, path, known)
        return None

    def _load(self, name: str) -> Dialect | None:
        if name not in self._loaded:
            self._loaded[name] = None
            circle = self._circle(name)
            if circle:
                self._report.error(
                    "TL401",
                    f"a dialect that extends itself: {' → '.join(circle)}",
                    ("dialects", name, "extends"),
                    "let one of them stand on its own",
                )
                return None
            base = self._report.document.get(("dialects", name, "extends"))
            known = {*self._declared, *catalog.dialects()}
            if isinstance(base, str) and base not in known:
                path = ("dialects", name, "extends")
                self._report.unknown("TL306", "dialect", base, path, known)
                return None
            document = self._document(name)
            assert document is not None
            loaded, found = load_dialect(document, self._document)
            self._report.found.extend(found)
            self._loaded[name] = loaded
            self._check_words(("dialects", name))
            if loaded is not None:
                self._check_usage(("dialects", name, "usage"))
                self._report.found.extend(loaded.unknown(closed_in_dialects()))
        return self._loaded[name]

    def _check_words(self, path: Path) -> None:
        """Words that only a fixed list of others understands."""
        written = self._report.document.get(path)
        named = written.get("dialect", path[-1])
        if named != path[-1]:
            message = f"this dialect is called `{path[-1]}`"
            hint = "leave the key out"
            self._report.error("TL520", message, (*path, "dialect"), hint)
        hints = written.get("hints")
        for index, field in enumerate(hints if isinstance(hints, list) else ()):
            if field not in REQUEST_FIELDS:
                self._unknown("a request", field, (*path, "hints", index), REQUEST_FIELDS)
        errors = written.get("errors")
        rules = errors.get("kinds") if isinstance(errors, dict) else None
        for index, rule in enumerate(rules if isinstance(rules, list) else ()):
            kind = rule.get("kind") if isinstance(rule, dict) else None
            if isinstance(kind, str) and "{{" not in kind and kind not in KINDS:
                at = (*path, "errors", "kinds", index, "kind")
                self._report.unknown("TL520", "kind of error", kind, at, KINDS, ", ".join(KINDS))

    def _check_usage(self, path: Path) -> None:
        usage = self._report.document.get(path)
        if isinstance(usage, dict) and DIRECTIVES.isdisjoint(usage):
            for key in usage:
                if key.rstrip("~!") not in USAGE_FIELDS:
                    self._unknown("usage", key, (*path, key), USAGE_FIELDS)

    def _unknown(self, of: str, name: Any, path: Path, known: frozenset[str]) -> None:
        near = did_you_mean(str(name), known)
        hint = f"did you mean `{near}`?" if near else f"it has {', '.join(sorted(known))}"
        self._report.error("TL520", f"{of} has no `{name}`", path, hint, key=True)

    def _circle(self, name: str) -> list[str]:
        """The names from `name` back to itself along `extends`, or nothing."""
        seen = [name]
        while True:
            base = self._report.document.get(("dialects", seen[-1], "extends"))
            if not isinstance(base, str) or base not in self._declared:
                return []
            seen.append(base)
            if base == name:
                return seen
            if base in seen[:-1]:
                return []

    def _document(self, name: str) -> Document | None:
        """A dialect's mapping with its name in it, which a route file says as the key."""
        if name not in self._declared:
            return catalog.dialect_document(name)
        mapping = self._report.document.sub(("dialects", name))
        root = mapping.root
        named = Place(root.file, root.line, root.column, root.end_line, root.end_column)
        named.keys = {**(root.keys or {}), "dialect": root}
        items = root.items if isinstance(root.items, dict) else {}
        named.items = {**items, "dialect": root}
        value = {**mapping.value, "dialect": name}
        return Document(mapping.name, value, mapping.files, named)
