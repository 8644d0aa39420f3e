"""The times that a committed stream is held to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Watch"]


class Watch:
    """The times a committed stream is held to; None is no limit.

    `content` is the seconds that may be waited for the next piece of content: a reader who takes
    long to come back for it does not use them up. `deadline` is on `now`'s clock. Silence between
    any two bytes is the transport's to notice.
    """

    __slots__ = ("_now", "_since", "_waited", "content", "deadline")

    def __init__(
        self, now: Callable[[], float], content: float | None, deadline: float | None
    ) -> None:
        self._now = now
        self.content = content
        self.deadline = deadline
        self._since = 0.0
        self._waited = 0.0

    def begin(self) -> float | None:
        """A wait begins; gives the seconds until the first of the limits."""
        self._since = now = self._now()
        left = None if self.deadline is None else self.deadline - now
        if self.content is not None:
            silence = self.content - self._waited
            left = silence if left is None else min(left, silence)
        return left

    def end(self, arrived: bool) -> None:
        """The wait is over; `arrived` tells whether a piece of content has come."""
        self._waited = 0.0 if arrived else self._waited + self._now() - self._since

    @property
    def over(self) -> bool:
        """Whether the request's own time has run out, which says nothing of the provider."""
        return self.deadline is not None and self._now() >= self.deadline

    def verdict(self) -> str:
        """What to say when the time is over."""
        if self.over:
            return "it did not end within the request's total time"
        return f"no content came for {self.content:g} s"
