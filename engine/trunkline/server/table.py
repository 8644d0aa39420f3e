"""Which endpoint stands at which path."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trunkline.dialect import Door, PathPattern
    from trunkline.server.incoming import ASGISend, Incoming

__all__ = ["Endpoint", "Found", "Table"]


class Endpoint(Protocol):
    """What stands at a path. `door` says in which dialect its errors are written."""

    @property
    def door(self) -> Door:
        """See the class."""
        ...

    @property
    def methods(self) -> tuple[str, ...]:
        """The HTTP methods that it answers; the one to recommend comes first."""
        ...

    async def __call__(self, incoming: Incoming, send: ASGISend) -> None:
        """Answer; raise `CallError` as long as nothing has been sent."""
        ...


class Found(NamedTuple):
    """The endpoint of a path, and what its pattern captured."""

    endpoint: Endpoint
    params: dict[str, str]


class Table:
    """Endpoints by the patterns of their paths; of equal patterns the first one counts.

    Paths without places are looked up; those with some are tried from the most exact on.
    """

    def __init__(self, endpoints: Iterable[tuple[PathPattern, Endpoint]]) -> None:
        self._all: dict[str, Endpoint] = {}
        self._fixed: dict[str, Endpoint] = {}
        placed: list[tuple[PathPattern, Endpoint]] = []
        for pattern, endpoint in endpoints:
            if pattern.text in self._all:
                continue
            self._all[pattern.text] = endpoint
            if pattern.places:
                placed.append((pattern, endpoint))
            else:
                self._fixed[pattern.text] = endpoint
        self._placed = sorted(placed, key=lambda pair: -pair[0].literal)

    def find(self, path: str, raw_path: str) -> Found | None:
        """The endpoint of a path, which is held against patterns as it was sent (`raw_path`)."""
        endpoint = self._fixed.get(path)
        if endpoint is not None:
            return Found(endpoint, {})
        for pattern, placed in self._placed:
            params = pattern.match(raw_path)
            if params is not None:
                return Found(placed, params)
        return None

    def nearest(self, path: str) -> Endpoint:
        """The endpoint whose path shares most with this one: its client, mistaken by a little,
        reads that dialect's errors."""

        def shared(known: str) -> int:
            pairs = zip(known, path, strict=False)
            return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

        return self._all[max(self._all, key=shared)]

    def paths(self) -> list[str]:
        """What can be asked, each as its method and path."""
        return [f"{endpoint.methods[0]} {path}" for path, endpoint in self._all.items()]
