"""TL702: plain http to a public host; credentials and requests can be read on the way."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from trunkline.diagnostics import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.config.spec import Spec

__all__ = ["check"]

_OWN: Final = re.compile(r"(?:.+\.)?(?:localhost|local|internal|lan|home\.arpa|test|intranet|svc)")
"""Names that no public server has: RFC 6761, 6762 and 8375, and what private networks use."""


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Every base URL of that kind that is written out."""
    for name in spec.file.providers or {}:
        path = ("providers", name, "base_url")
        url = spec.document.get(path)
        if isinstance(url, str) and url.startswith("http://") and _public(url):
            yield Diagnostic(
                "TL702",
                "warning",
                "plain http to a public host: whoever is on the way can read along",
                spec.document.span(path),
                f"write `https{url[4:]}`",
            )


def _public(url: str) -> bool:
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False  # It is no URL, which others say.
    if "{" in host or ("." not in host and ":" not in host):
        return False
    try:
        return ip_address(host.partition("%")[0]).is_global
    except ValueError:
        return _OWN.fullmatch(host) is None
