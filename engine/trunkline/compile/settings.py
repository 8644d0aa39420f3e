"""What a provider's entry says and nothing would come of: each is an error with its place.

A setting that no dialect and no template reads, a quirk that the dialect does not know, a
pattern where names are compared, a header that cannot be sent or that something else sets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trunkline.compile.roots import PROVIDER_FIELDS
from trunkline.diagnostics import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from trunkline.compile.report import Report
    from trunkline.config.source import Path
    from trunkline.graph.provider import Provider

__all__ = ["check_header_names", "check_headers", "check_models", "check_unread"]

_TRANSPORT: Final = frozenset(
    {"connection", "content-length", "host", "keep-alive", "te", "transfer-encoding", "upgrade"}
)
"""What the transport says itself (RFC 9110, 7.6.1, and RFC 9112)."""


_TRUTHS: Final = {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}
"""What other readers of YAML take for true and false."""


def check_headers(
    report: Report, headers: Mapping[str, Any], path: Path, credentials: Collection[str]
) -> None:
    """The headers of a provider, which are plain text; `credentials` stand in those."""
    check_header_names(report, headers, path)
    for name, value in headers.items():
        at = (*path, name)
        if name.lower() in credentials:
            hint = "leave it out; `api_key` and `auth` say what stands in it"
            report.error("TL312", f"`{name}` carries the credential", at, hint, key=True)
        if isinstance(value, str) and "{{" in value:
            hint = "write it under a route's or target's `wire: {headers: …}`"
            report.error("TL312", "a provider's headers are no templates", at, hint)
        elif isinstance(value, str) and not (value.isascii() and value.isprintable()):
            message = "a header carries printable ASCII only"
            report.error("TL312", message, at, "encode it, in base64 for example")


def check_header_names(report: Report, headers: Mapping[str, Any], path: Path) -> None:
    """Names that differ only in case, and those that are not the author's to set."""
    seen: dict[str, str] = {}
    for name in headers:
        first = seen.setdefault(name.lower(), name)
        if first != name:
            related = ((report.document.key_span((*path, first)), "first here"),)
            message = f"the header `{name}` stands here twice: case does not count"
            report.error("TL312", message, (*path, name), "keep one", key=True, related=related)
        if name.lower() in _TRANSPORT:
            message = f"`{name}` is set by the connection"
            report.error("TL312", message, (*path, name), "leave it out", key=True)


def check_models(report: Report, models: Iterable[str], path: Path) -> None:
    """Names of models, which are compared as they stand."""
    for name in models:
        if "*" in name or "?" in name or name.startswith("re:"):
            hint = "list the names; patterns stand in `match` and in `dialects`"
            message = f"`{name}` is a pattern, and `models` has names"
            report.error("TL313", message, (*path, name), hint, key=True)


def check_unread(
    report: Report,
    provider: Provider,
    own: Mapping[str, Any],
    elsewhere: frozenset[tuple[str, ...]] | None,
) -> None:
    """The plain settings and quirks of an entry. `elsewhere` is what templates outside of
    dialects read of providers, None for all."""
    quirks = own.get("quirks") or {}
    said = [name for name in PROVIDER_FIELDS if name in own]
    if elsewhere is None or not (said or quirks):
        return
    read = set(elsewhere)
    for paths in provider.reads():
        if paths is None:
            return
        read |= paths
    known = {path[0] for path in read}
    for name in said:
        if name not in known:
            _unread(report, provider, "setting", (name,), known.intersection(PROVIDER_FIELDS))
    for name, value in quirks.items():
        if isinstance(value, str) and value.lower() in _TRUTHS:
            plain = str(_TRUTHS[value.lower()]).lower()
            message = f"YAML 1.2 reads `{value}` as text"
            at = ("providers", provider.name, "quirks", name)
            report.error("TL313", message, at, f"write `{name}: {plain}`")
    inner = {path[1] for path in read if len(path) > 1 and path[0] == "quirks"}
    if "quirks" in known and not inner:
        return  # They are used as a whole.
    for name in quirks:
        if name not in inner:
            _unread(report, provider, "quirk", ("quirks", name), inner)


def _unread(
    report: Report, provider: Provider, what: str, path: Path, known: Collection[str]
) -> None:
    # A setting is a word of the schema, so that it is no other one with a slip.
    near = did_you_mean(str(path[-1]), known) if what == "quirk" else None
    names = ", ".join(dialect.name for dialect in provider.dialects())
    hint = f"{names} reads {', '.join(sorted(known)) or f'no {what}s'}"
    message = f"nothing reads the {what} `{path[-1]}` of `{provider.name}`"
    at = ("providers", provider.name, *path)
    if report.document.key_span(at) in {finding.span for finding in report.found}:
        return  # It was said already what it should have been.
    report.error("TL313", message, at, f"did you mean `{near}`?" if near else hint, key=True)
