"""Refusing here what would be refused there: the client's side of an overload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trunkline.policy.window import Window

if TYPE_CHECKING:
    from trunkline.ports import Random

__all__ = ["AdaptiveThrottle"]

SLICES: Final = 60

_ASKED, _ACCEPTED = range(2)


class AdaptiveThrottle:
    """Adaptive throttling as in Google's SRE book (chapter 21, "Handling Overload").

    Requests are refused by chance once more than `multiplier` times as many were asked as were
    accepted in the last `seconds`: with probability (asked - K * accepted - spare) / (asked + 1).
    The book has no `spare`; without it a single failure in two minutes turns half of the next
    requests away.
    """

    __slots__ = ("_multiplier", "_spare", "_window")

    def __init__(
        self, multiplier: float = 2.0, seconds: float = 120.0, spare: float = 10.0
    ) -> None:
        self._multiplier = multiplier
        self._spare = spare
        self._window = Window(seconds, SLICES, 2)

    def asked(self, now: float) -> None:
        """A request was refused here, or what the provider made of it is known: one that is
        under way, perhaps for minutes, says nothing yet."""
        self._window.add(_ASKED, now)

    def accepted(self, now: float) -> None:
        """The provider took one."""
        self._window.add(_ACCEPTED, now)

    def probability(self, now: float) -> float:
        """In [0, 1): of refusing the next request."""
        asked, accepted = self._window.at(now)
        return max(0.0, (asked - self._multiplier * accepted - self._spare) / (asked + 1))

    def rejects(self, now: float, chance: Random) -> bool:
        """Whether this request is refused without being sent."""
        refusal = self.probability(now)
        return refusal > 0 and chance.random() < refusal
