"""Active health checks: what the answer to one says, and when several of them change anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["CheckRules", "Series", "verdict"]


@dataclass(frozen=True, slots=True)
class CheckRules:
    """Active checks of a provider: every so many seconds, `path` is fetched below the base URL,
    or `model` is asked for one token. After `fail_after` failures in a row its targets are out,
    after `pass_after` passes in a row they are back; a check fails after `timeout` seconds."""

    path: str = ""
    model: str = ""
    every: float = 30.0
    timeout: float = 5.0
    fail_after: int = 2
    pass_after: int = 1


_SAYS_NOTHING: Final = frozenset({400, 401, 403, 413, 422, 429})
"""The provider is there, and has something against this request or these credentials. Requests
show that too, and what to do about it is decided for each credential (`policy.outcome`)."""


def verdict(status: int | None) -> bool | None:
    """Whether a check passed that was answered with `status`, None for no answer at all; None if
    it counts neither way."""
    if status is None:
        return False
    if status in _SAYS_NOTHING:
        return None
    return status < 400


class Series:
    """The checks of one provider so far. `down` tells whether they keep it out."""

    __slots__ = ("_rules", "_same", "down")

    def __init__(self, rules: CheckRules) -> None:
        self._rules = rules
        self._same = 0
        self.down = False

    def take(self, passed: bool | None) -> bool:
        """One more check; tells whether `down` has changed by it. As many in a row as the rules
        say change it; one that goes the other way begins the count anew."""
        if passed is None:
            return False
        if passed != self.down:
            self._same = 0
            return False
        self._same += 1
        if self._same < (self._rules.pass_after if passed else self._rules.fail_after):
            return False
        self._same = 0
        self.down = not passed
        return True
