"""Where a provider is: its base URL, the settings that it is made of, and what they may hold.

A base URL is text, a reference, or a template over the provider's settings
(`https://bedrock-runtime.{{ provider.region }}.amazonaws.com`). A setting that a template puts
into a host is one label of it (RFC 1123, section 2.1); any other is a line of text that a URL or
a header can carry.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from trunkline.auth import check_base
from trunkline.compile.addresses import right_setting
from trunkline.compile.roots import FLAGS, PROVIDER_FIELDS, closed_in_dialects
from trunkline.config.references import Reference
from trunkline.template import Refusal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from trunkline.compile.report import Report
    from trunkline.config.source import Document, Path
    from trunkline.template import Library, Template

__all__ = [
    "check_origin",
    "check_required",
    "check_settings",
    "check_url",
    "is_template",
    "wrong_setting",
]

_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_LINE: Final = re.compile(r"(?!\.{1,2}\Z)[\x21-\x7e]{1,256}")
_URL: Final = re.compile(r"[\x21-\x5b\x5d-\x7e]+")
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+|[0-9a-f:.]+(?:%[a-z0-9]+)?")
_STAND_IN: Final = "x"
"""A setting whose value only an environment knows."""


def is_template(url: Any) -> bool:
    """Whether a base URL is made of settings."""
    if isinstance(url, dict):
        return "join" not in url
    return isinstance(url, str) and "{{" in url


def wrong_setting(text: str, *, in_host: bool) -> str | None:
    """What is wrong with the value of a setting, or None."""
    if in_host and not _LABEL.fullmatch(text):
        return "it is part of a host name: letters, digits and dashes, 63 of them at most"
    if not _LINE.fullmatch(text):
        return "it is part of a URL or a header: printable ASCII without blanks, and no `.` or `..`"
    return None


def check_settings(
    report: Report,
    settings: Mapping[Path, Any],
    hosts: Collection[str],
    row: dict[str, Any] | None,
) -> None:
    """The plain settings as far as they are written out; `hosts` go into the host.

    `settings` are those of the route file, by path.
    """
    for path, text in settings.items():
        name = path[-1]
        if isinstance(text, str) and Reference.parse(text) is None:
            why = wrong_setting(text, in_host=name in hosts)
            if why is not None:
                meant = right_setting(row, str(name), text) if name in hosts else ""
                hint = f"write `{name}: {meant}`" if meant else ""
                if not meant and "://" in text:
                    hint = "`base_url` takes a URL"
                report.error("TL314", f"`{name}` cannot be {text[:80]!r}: {why}", path, hint)


def check_origin(report: Report, library: Library, whole: Document, path: Path) -> Template | None:
    """The template of the base URL, if it is one; what is wrong with it, or that there is none,
    is reported at `path`, that of the provider."""
    url = whole.value.get("base_url")
    if url is None:
        message = f"nothing says where `{path[-1]}` is"
        report.error("TL308", message, path, "write `base_url: https://…`", key=True)
    elif is_template(url):
        return _compiled(report, library, whole, path)
    elif isinstance(url, str) and Reference.parse(url) is None:
        _check_url(report, url, (*path, "base_url"))
    return None


def _compiled(report: Report, library: Library, whole: Document, path: Path) -> Template | None:
    """A template of a base URL, tried with the settings that are known by now."""
    before = len(report.found)
    closed = {"provider": closed_in_dialects()["provider"]}
    base = library.compile(("base_url",), ("provider",), "base", closed=closed, report=report.found)
    if len(report.found) > before:
        return None
    known = {name: _known(whole.value[name]) for name in PROVIDER_FIELDS if name in whole.value}
    try:
        url = base(known)
    except Refusal as refusal:
        _say_why(report, base, known, whole, path, str(refusal))
        return base
    if isinstance(url, str):
        _check_url(report, url, (*path, "base_url"))
    else:
        message = "this gives no URL"
        report.error("TL311", message, (*path, "base_url"), "write `https://host/path`")
    return base


def _say_why(
    report: Report,
    base: Template,
    known: Mapping[str, Any],
    whole: Document,
    path: Path,
    refusal: str,
) -> None:
    """Why there is no base URL: a setting that is missing, unless that or a wrong value has a
    finding of its own, or the template itself."""
    reads = {one[0] for one in base.paths("provider") or ()}
    fields = [name for name in PROVIDER_FIELDS if name in reads and name not in FLAGS]
    missing = [name for name in fields if name not in known]
    required = whole.value.get("settings") or {}
    unsaid = [name for name in missing if not required.get(name, {}).get("required")]
    if unsaid:
        message = f"nothing says where `{path[-1]}` is"
        hint = f"write `{unsaid[0]}: …`, or `base_url: https://…`"
        report.error("TL308", message, path, hint, key=True)
    elif not missing and not any(wrong_setting(known[name], in_host=True) for name in fields):
        report.error("TL311", refusal, (*path, "base_url"), "write `https://host/path`")


def _known(value: Any) -> Any:
    if isinstance(value, str) and Reference.parse(value) is None:
        return value
    return value if isinstance(value, bool) else _STAND_IN


def check_url(url: str) -> None:
    """Raise `ValueError` for what is no base URL: what clients would read differently, too."""
    check_base(url)
    if not _URL.fullmatch(url) or not _HOST.fullmatch(urlsplit(url).hostname or ""):
        raise ValueError("a base URL is printable ASCII, and its host letters, digits and dashes")
    if not {".", ".."}.isdisjoint(urlsplit(url).path.split("/")):
        raise ValueError("a base URL has no `.` or `..` in its path")


def _check_url(report: Report, url: str, path: Path) -> None:
    try:
        check_url(url)
    except ValueError as error:
        report.error("TL311", f"{error}", path, f"write `{_whole_url(url)}`")


def _whole_url(url: str) -> str:
    """What was probably meant: with a scheme, without a query."""
    better = re.split(r"[?#]", url)[0]
    if "://" not in better:
        better = f"https://{better.lstrip('/')}"
    try:
        check_url(better)
    except ValueError:
        return "https://host/path"
    return better


def check_required(report: Report, whole: Document, path: Path, read: Collection[str]) -> None:
    """The settings that the row calls required and that something reads, where nobody says what
    they are. The hint names the environment variable that usually holds the value, or the
    setting that was probably meant to be this one, because nothing else comes of it."""
    idle = [name for name in PROVIDER_FIELDS if name in whole.value and name not in read]
    for name, about in (whole.value.get("settings") or {}).items():
        if not about.get("required") or name not in read or name in whole.value:
            continue
        if idle:
            other = idle.pop(0)
            message = f"nothing reads `{other}` of `{path[-1]}`, and `{name}` is missing"
            report.error("TL308", message, (*path, other), f"did you mean `{name}`?", key=True)
            continue
        variable = (whole.value.get("env") or {}).get(name)
        value = f'"${{env:{variable}}}"' if variable else "…"
        message = f"nothing says the {name} of `{path[-1]}`: {about['about']}"
        report.error("TL308", message, path, f"write `{name}: {value}`", key=True)
