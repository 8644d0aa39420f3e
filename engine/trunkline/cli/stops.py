"""How a verb stops early."""

from __future__ import annotations

from typing import Final

__all__ = ["FAILED", "FINE", "UPSTREAM", "USAGE", "Stop", "UsageError"]

FINE: Final = 0
FAILED: Final = 1
"""Something was found, or could not be done."""
USAGE: Final = 2
"""The command line is wrong."""
UPSTREAM: Final = 3
"""A provider failed, or was too late."""


class Stop(Exception):
    """End with this exit code; `message` is for stderr, if there is still something to say."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class UsageError(Stop):
    """The command line asks for what cannot be; the message says what to write instead."""

    def __init__(self, message: str) -> None:
        super().__init__(USAGE, message)
