"""What providers say is left of their limits, which only ever makes us more careful.

Read by the shape of the headers, not by who sends them: `x-ratelimit-remaining-requests` with
`x-ratelimit-reset-requests`, `…-ratelimit-tokens-remaining` with `…-reset`, the plain
`ratelimit-remaining` and `ratelimit-reset`, and the structured field `RateLimit` of
draft-ietf-httpapi-ratelimit-headers (`"default";r=50;t=30`, before that `remaining=50, reset=30`).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from trunkline.dialect.classify import MAX_RETRY_AFTER, seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Headroom", "Headrooms", "read_headroom"]

_WORD: Final = re.compile(
    r"(?:.+-)?ratelimit-(?:(?P<first>remaining|reset)(?:-(?P<of>[a-z-]+))?"
    r"|(?P<what>[a-z-]+)-(?P<last>remaining|reset))"
)
_ITEM: Final = re.compile(r"(?:^|[;,\s])(r|t|remaining|reset)\s*=\s*([0-9]{1,15})(?![0-9.])")
_WINDOWS: Final = re.compile(r"-?(?:minute|second|hour|day)$|^(?:minute|second|hour|day)-?")
_REMAINING: Final = {"r": "remaining", "t": "reset", "remaining": "remaining", "reset": "reset"}
_MOST: Final = 10**15

_KEPT: Final = 10_000
"""What is remembered: callers may choose the names of models. The oldest goes first."""

_LONGEST: Final = 1024
"""Characters of a header that is read; the longest real ones have about a hundred."""


@dataclass(frozen=True, slots=True)
class Headroom:
    """What is left until when, on the monotonic clock; None where nothing is said."""

    requests: int | None = None
    tokens: int | None = None
    requests_until: float = 0.0
    tokens_until: float = 0.0

    @property
    def until(self) -> float:
        """When nothing of it holds any more."""
        return max(self.requests_until, self.tokens_until)


@dataclass(slots=True)
class _Pair:
    remaining: int | None = None
    reset: float | None = None


def read_headroom(headers: Mapping[str, str], now: float, wall: float) -> Headroom | None:
    """What a response's headers, with lower-case names, say is left; None if nothing.

    `now` is monotonic, `wall` seconds since the epoch. Resets are read as hints are
    (`seconds_of`) and last 300 s at most. A number without a reset says nothing, for nobody knows
    how long it holds; nor does what cannot be read. Of several limits of one kind, such as input
    and output tokens, the one with the least left counts.
    """
    pairs: dict[str, _Pair] = {}
    for name, text in headers.items():
        if "ratelimit" not in name or len(name) + len(text) > _LONGEST:
            continue
        for part, of, value in _said(name, text):
            pair = pairs.setdefault(of, _Pair())
            if part == "reset":
                pair.reset = seconds_of(value, wall)
            else:
                pair.remaining = _count(value)
    requests = _least(pairs, tokens=False)
    tokens = _least(pairs, tokens=True)
    if requests is None and tokens is None:
        return None
    left, seconds = requests or (None, -now)
    left_tokens, token_seconds = tokens or (None, -now)
    return Headroom(left, left_tokens, now + seconds, now + token_seconds)


class Headrooms:
    """What is left, by (credential key, breaker key).

    Within the time that one response speaks of, later ones only lower it further, and each send
    takes its part; when that time is over, the next response begins anew.
    """

    __slots__ = ("_known", "_room")

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], _Left] = {}
        self._room = 64

    def lower(self, key: tuple[str, str], headroom: Headroom, now: float) -> None:
        """A response told what is left."""
        left = self._known.get(key)
        if left is None:
            self._make_room(now)
            left = self._known[key] = _Left()
        left.requests.lower(headroom.requests, headroom.requests_until, now)
        left.tokens.lower(headroom.tokens, headroom.tokens_until, now)

    def admits(self, key: tuple[str, str], tokens: int, now: float) -> bool:
        """Whether a send of this many tokens is within what is left."""
        return self.until(key, tokens, now) is None

    def until(self, key: tuple[str, str], tokens: int, now: float) -> float | None:
        """When such a send is worth trying, None for now."""
        left = self._known.get(key)
        if left is None:
            return None
        ends = [
            amount.until
            for amount, needed in ((left.requests, 1), (left.tokens, tokens))
            if now < amount.until and amount.left < needed
        ]
        return max(ends, default=None)

    def sent(self, key: tuple[str, str], tokens: int) -> None:
        """A send of this many tokens is under way."""
        left = self._known.get(key)
        if left is not None:
            left.requests.left -= 1
            left.tokens.left -= tokens

    def _make_room(self, now: float) -> None:
        if len(self._known) >= self._room:
            self._known = {key: left for key, left in self._known.items() if left.holds(now)}
            while len(self._known) > _KEPT // 2:
                del self._known[next(iter(self._known))]
            self._room = max(64, 2 * len(self._known))


@dataclass(slots=True)
class _Amount:
    left: int = 0
    until: float = 0.0

    def lower(self, left: int | None, until: float, now: float) -> None:
        if left is None:
            return
        if now >= self.until:
            self.left, self.until = left, min(until, now + MAX_RETRY_AFTER)
        else:
            self.left = min(self.left, left)


@dataclass(slots=True)
class _Left:
    requests: _Amount = field(default_factory=_Amount)
    tokens: _Amount = field(default_factory=_Amount)

    def holds(self, now: float) -> bool:
        return now < max(self.requests.until, self.tokens.until)


def _said(name: str, text: str) -> Iterator[tuple[str, str, str]]:
    """What a header tells: `remaining` or `reset`, of what, and the value."""
    if name in ("ratelimit", "x-ratelimit"):
        for number, policy in enumerate(re.split(r",(?=\s*\"?[\w-]+\"?\s*;)", text)):
            of = f"{'tokens' if 'token' in policy.lower() else ''} {number}"
            for part, value in _ITEM.findall(policy):
                yield _REMAINING[part], of, value
    elif found := _WORD.fullmatch(name):
        yield found["first"] or found["last"], found["of"] or found["what"] or "", text


def _least(pairs: Mapping[str, _Pair], *, tokens: bool) -> tuple[int, float] | None:
    """The least that is left of any limit of this kind, and the seconds for which it holds."""
    found = [
        (pair.remaining, pair.reset)
        for of, pair in pairs.items()
        if ("token" in of) == tokens
        if pair.remaining is not None and pair.reset is not None
        if tokens or _is_of_requests(of)
    ]
    return min(found, key=lambda pair: (pair[0], -pair[1]), default=None)


def _is_of_requests(of: str) -> bool:
    plain = _WINDOWS.sub("", of.strip().rstrip("0123456789").strip())
    return plain in ("", "request", "requests", "req")


def _count(text: str) -> int | None:
    """A whole number; a fraction is rounded down, what is below nothing is nothing."""
    try:
        number = float(text)
    except ValueError:
        return None
    return None if math.isnan(number) else int(min(max(number, 0.0), _MOST))
