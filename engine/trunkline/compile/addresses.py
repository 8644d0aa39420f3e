"""Base URLs that lead beside the mark: paths are put behind them, and these say a part of the
path twice, or leave out what the provider's own base URL has (TL315).

Whether a server is there is its own affair, so nothing here is an error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from trunkline import catalog
from trunkline.catalog import rows
from trunkline.config.references import Reference
from trunkline.diagnostics import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trunkline.compile.report import Report
    from trunkline.config.source import Path
    from trunkline.graph.provider import Provider

__all__ = ["check_address", "right_setting"]

_HOLE: Final = re.compile(r"\{\{.*?\}\}")
_QUOTED: Final = re.compile(r"'([^']*)'")
_VERSION: Final = re.compile(r"v\d+(?:(?:alpha|beta)\d*)?")


def check_address(
    report: Report, provider: Provider, written: Any, row: dict[str, Any] | None, path: Path
) -> None:
    """The base URL that an entry writes out, held against the paths that go behind it."""
    if not isinstance(written, str) or "{{" in written or Reference.parse(written) is not None:
        return
    base = _segments(urlsplit(written).path)
    paths = list(_paths(report, provider))
    twice = max((_overlap(base, one) for one in paths), default=0)
    if twice == 0 and len(base) > 1 and base[-1] == base[-2] and _VERSION.fullmatch(base[-1]):
        twice = 1
    if twice:
        said = "/".join(base[-twice:])
        better = _cut(written, twice)
        _point_out(report, path, f"`/{said}` would stand in the path twice", better, "warning")
    elif not base and row is not None:
        _check_bare(report, written, row, paths, path)


def _check_bare(
    report: Report,
    written: str,
    row: dict[str, Any],
    paths: Sequence[Sequence[str]],
    path: Path,
) -> None:
    own = rows.urls(row)
    parts = [urlsplit(url) for url in own]
    missing = {part.path.rstrip("/") for part in parts} if own else {"/v1"}
    if len(missing) > 1 or missing == {""} or not paths:
        return
    if not own and any(_VERSION.fullmatch(one[0]) for one in paths if one):
        return
    where = urlsplit(written).netloc
    severity = "warning" if any(part.netloc == where for part in parts) else "hint"
    message = "most servers of this kind have their paths below this, not right at the host"
    _point_out(report, path, message, written.rstrip("/") + missing.pop(), severity)


def _point_out(report: Report, path: Path, message: str, better: str, severity: Any) -> None:
    hint = f"did you mean `{better}`?"
    report.found.append(Diagnostic("TL315", severity, message, report.document.span(path), hint))


def _segments(path: str) -> list[str]:
    return [one for one in path.split("/") if one]


def _cut(url: str, count: int) -> str:
    return url.rstrip("/").rsplit("/", count)[0]


def _overlap(base: Sequence[str], path: Sequence[str]) -> int:
    """How many segments at the end of `base` are those at the beginning of `path`, too."""
    for count in range(min(len(base), len(path)), 0, -1):
        first = path[0]
        named = not _HOLE.fullmatch(first) or base[-count] in _QUOTED.findall(first)
        if named and all(map(_alike, base[-count:], path[:count])):
            return count
    return 0


def _alike(segment: str, pattern: str) -> bool:
    return segment == pattern or _HOLE.search(pattern) is not None


def _paths(report: Report, provider: Provider) -> Iterator[list[str]]:
    """The paths of a provider's rules, in segments; holes are still in them."""
    said = provider.settings.get("dialects") or ()
    for rule in said:
        tree = rule.get("path") or _of_dialect(report, rule["use"])
        yield from map(_split, _texts(tree))
    for name in {dialect.name for dialect in provider.dialects()} - {r["use"] for r in said}:
        yield from map(_split, _texts(_of_dialect(report, name)))


def _of_dialect(report: Report, name: str) -> Any:
    declared = report.document.get(("dialects", name))
    if declared is None and name in catalog.dialects():
        document = catalog.dialect_document(name)
        declared = document.value if document is not None else None
    write = (declared or {}).get("write")
    return write.get("path") if isinstance(write, dict) else None


def _texts(tree: Any) -> Iterator[str]:
    if isinstance(tree, str) and tree.startswith("/"):
        yield tree
    elif isinstance(tree, dict):
        for branch in tree.values():
            yield from _texts(branch)


def _split(text: str) -> list[str]:
    holes: list[str] = _HOLE.findall(text)
    kept = iter(holes)
    plain = _HOLE.sub("\0", text)
    return [re.sub("\0", lambda _: next(kept), one) for one in plain.split("/") if one]


def right_setting(row: dict[str, Any] | None, name: str, text: str) -> str:
    """The label of a host that somebody meant who wrote a URL, a host, or blanks and underscores;
    empty if that cannot be told."""
    host = re.sub(r"^[a-z]+://", "", text.strip().lower()).split("/")[0].partition(":")[0]
    for url in rows.urls(row) if row is not None else ():
        known = re.escape(urlsplit(url).netloc).replace(rf"\{{{name}\}}", "(?P<it>[a-z0-9-]+)")
        found = re.fullmatch(re.sub(r"\\\{\w+\\\}", "[a-z0-9.-]+", known), host)
        if found is not None and "it" in found.groupdict():
            return found["it"]
    plain = text.strip().replace("_", "-")
    return plain if re.fullmatch(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)", plain) else ""
