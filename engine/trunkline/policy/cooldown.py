"""How long a credential is left alone after a rate limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["Cooldowns"]

FIRST: Final = 5.0
"""Seconds, where the provider does not say; each further time it doubles."""

LONGEST: Final = 60.0
"""Seconds that this does not exceed."""

MOST: Final = 10_000
"""Cooldowns that are remembered: callers may choose the names of models. The oldest go first."""

FORGOTTEN: Final = 300.0
"""Seconds after which nobody remembers how often it doubled."""


@dataclass(slots=True)
class _Cooldown:
    until: float = 0.0
    asked_until: float = 0.0
    since: float = 0.0
    step: float = 0.0


class Cooldowns:
    """Cooldowns by (credential key, breaker key). They only ever get longer.

    Of many sends that were under way when the limit was hit, each gets its 429; they are one
    refusal and double nothing. Nor does the success of such a send end anything. `doubling` are
    those whose next cooldown would be longer than the first.
    """

    __slots__ = ("_known", "_room", "doubling")

    def __init__(self) -> None:
        self.doubling: set[tuple[str, str]] = set()
        self._known: dict[tuple[str, str], _Cooldown] = {}
        self._room = 64

    def refused(
        self, key: tuple[str, str], hint: float | None, begun: float, now: float
    ) -> float | None:
        """A 429 came to a send that began at `begun`; `hint` is in seconds. When the cooldown
        ends, or None if it was on already."""
        known = self._known.get(key)
        if known is None:
            self._make_room(now)
            known = self._known[key] = _Cooldown()
        fresh = now >= known.until
        if hint is not None:
            known.asked_until = max(known.asked_until, now + hint)
        else:
            if begun >= known.since or not known.step:
                known.step = min(max(FIRST, 2 * known.step), LONGEST)
            hint = known.step
            self.doubling.add(key)
        known.since = max(known.since, now)
        known.until = max(known.until, now + hint)
        return known.until if fresh and known.until > now else None

    def succeeded(self, key: tuple[str, str], begun: float) -> None:
        """A send went through: the next cooldown begins small again."""
        known = self._known.get(key)
        if known is not None and begun >= known.since:
            known.step = 0.0
            self.doubling.discard(key)

    def until(self, key: tuple[str, str], *, asked: bool = False) -> float:
        """When it ends or ended; 0 if there was none. With `asked`, only what the provider asked
        for counts, and not our guesses."""
        known = self._known.get(key)
        if known is None:
            return 0.0
        return known.asked_until if asked else known.until

    def running(self, now: float) -> list[tuple[tuple[str, str], float]]:
        """Those that last, with their ends."""
        return [(key, known.until) for key, known in self._known.items() if known.until > now]

    def _make_room(self, now: float) -> None:
        if len(self._known) >= self._room:
            self._known = {k: c for k, c in self._known.items() if c.until + FORGOTTEN > now}
            self.doubling &= self._known.keys()
            while len(self._known) > MOST // 2:
                del self._known[next(iter(self._known))]
            self._room = max(64, 2 * len(self._known))
