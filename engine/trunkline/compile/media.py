"""`media:` as the rules that a call goes by."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from trunkline.graph.media import FetchRules

if TYPE_CHECKING:
    from trunkline.config.models import RouteFile

__all__ = ["fetch_rules"]


def fetch_rules(file: RouteFile) -> FetchRules | None:
    """Which files may be fetched; None where the route file does not allow it."""
    fetch = file.media.fetch if file.media is not None else None
    if fetch is None:
        return None
    rules = FetchRules(tuple(host.lower() for host in fetch.hosts))
    if fetch.max_bytes is not None:
        rules = replace(rules, max_bytes=fetch.max_bytes)
    return rules if fetch.timeout is None else replace(rules, timeout=fetch.timeout)
