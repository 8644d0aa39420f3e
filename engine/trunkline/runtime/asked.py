"""A request as it reaches the engine: what is asked, and what expressions see beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.chat import JSON
    from trunkline.embeddings import Operation

__all__ = ["Asked"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. Header names are lower case; `options` are the caller's, as written."""

    request: dict[str, JSON]
    headers: Mapping[str, str]
    metadata: Mapping[str, JSON]
    caller: Mapping[str, JSON]
    door: str
    options: Mapping[str, JSON]
    operation: Operation = "chat"
    stream: bool = False

    @staticmethod
    def of(
        request: dict[str, JSON],
        headers: Mapping[str, str] | None,
        metadata: Mapping[str, JSON] | None,
        caller: Mapping[str, JSON] | None,
        door: str,
        options: Mapping[str, JSON] | None,
        operation: Operation = "chat",
        *,
        stream: bool = False,
    ) -> Asked:
        """From what a method of the engine is given."""
        lower = {name.lower(): value for name, value in (headers or {}).items()}
        outside = (metadata or {}, caller or {}, door, options or {})
        return Asked(request, lower, *outside, operation, stream)
