"""What outlives a request and a plan: counters, keyed by ids that a reload does not change."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["State"]

T = TypeVar("T")


class State:
    """One engine's memory.

    `in_flight` counts the sends that are under way to each leaf id. `keep` holds what a node
    remembers between requests, such as the place of a round robin, under the node's id.
    """

    __slots__ = ("_kept", "in_flight")

    def __init__(self) -> None:
        self.in_flight: dict[str, int] = {}
        self._kept: dict[str, tuple[object, object]] = {}

    def keep(self, node: str, shape: object, make: Callable[[], T]) -> T:
        """What `node` keeps; made anew when there is none or when its `shape` has changed.

        `shape` is whatever the memory depends on, such as the weights of a balance.
        """
        kept = self._kept.get(node)
        if kept is None or kept[0] != shape:
            kept = self._kept[node] = (shape, make())
        return kept[1]  # type: ignore[return-value]  # `make` gave it, for this node

    def begin(self, leaf: str) -> None:
        """A send to this leaf is under way."""
        self.in_flight[leaf] = self.in_flight.get(leaf, 0) + 1

    def end(self, leaf: str) -> None:
        """A send to this leaf has ended, however it ended."""
        left = self.in_flight.get(leaf, 0) - 1
        if left > 0:
            self.in_flight[leaf] = left
        else:
            self.in_flight.pop(leaf, None)
