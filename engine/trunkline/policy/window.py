"""Counts over the last seconds, in slices of time: the ring below breakers and budgets."""

from __future__ import annotations

__all__ = ["Window"]


class Window:
    """How often each of some kinds of things happened in the last `seconds`.

    Time is cut into slices; the window is the present slice and the `slices - 1` before it, so
    it forgets a slice at a time (Finagle's `WindowedAdder` does the same). `totals` holds a
    count for each kind, as of the last call.
    """

    __slots__ = ("_ring", "_slices", "_width", "slot", "totals")

    def __init__(self, seconds: float, slices: int, kinds: int) -> None:
        self._width = seconds / slices
        self._slices = slices
        self._ring = [[0] * kinds for _ in range(slices)]
        self.totals = [0] * kinds
        self.slot = 0

    def at(self, now: float) -> list[int]:
        """The totals at this time."""
        slot = int(now / self._width)
        if slot > self.slot:
            self._forget(slot)
        return self.totals

    def add(self, kind: int, now: float) -> None:
        """Count one. A time before the last one counts as the last one."""
        slot = int(now / self._width)
        if slot > self.slot:
            self._forget(slot)
        self._ring[self.slot % self._slices][kind] += 1
        self.totals[kind] += 1

    def clear(self) -> None:
        """Forget everything."""
        for counts in (*self._ring, self.totals):
            counts[:] = [0] * len(counts)

    def holds(self, slot: int) -> bool:
        """Whether a slice of this number is still inside."""
        return slot > self.slot - self._slices

    def _forget(self, slot: int) -> None:
        """Move on to a later slice, and drop what falls out."""
        if not any(self.totals):
            self.slot = slot
            return
        totals = self.totals
        for passed in range(self.slot + 1, min(slot, self.slot + self._slices) + 1):
            counts = self._ring[passed % self._slices]
            for kind, count in enumerate(counts):
                totals[kind] -= count
                counts[kind] = 0
        self.slot = slot
