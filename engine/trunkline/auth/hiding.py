"""Hiding secrets in what others write: providers repeat keys in their error messages."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Final, NoReturn

from trunkline.auth.secret import MASK

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Hiding"]

LEAST: Final = 8
"""Characters of a text that is hidden: shorter ones are placeholders such as `none`, and would
stand in many an innocent word."""

BEGINNING: Final = 12
"""Characters by which a long secret is known although the rest of it was shortened or masked."""

_LONG: Final = 16

_LEARNT: Final = 16
"""Passing secrets that are kept: the last ones, which requests under way may have carried."""


class Hiding:
    """Puts `***` in the place of some secrets, wherever they stand in a text."""

    __slots__ = ("_learnt", "_pattern", "_secrets")

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = frozenset(secrets)
        self._learnt: deque[str] = deque(maxlen=_LEARNT)
        self._pattern = _pattern(self._secrets)

    def learn(self, *secrets: str) -> None:
        """Hide these too: tokens, which come and go."""
        new = [text for text in secrets if text not in self._learnt]
        if new:
            self._learnt.extend(new)
            self._pattern = _pattern(self._secrets.union(self._learnt))

    def __call__(self, text: str) -> str:
        """The text without the secrets."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def __repr__(self) -> str:
        return f"Hiding({MASK})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Hiding knows secrets: it cannot be pickled or copied")


def _pattern(secrets: Iterable[str]) -> re.Pattern[str] | None:
    known = sorted({text for text in secrets if len(text) >= LEAST}, key=len, reverse=True)
    patterns = [re.escape(text) for text in known]
    patterns += [re.escape(text[:BEGINNING]) + r"[\w*.…-]*" for text in known if len(text) >= _LONG]
    return re.compile("|".join(patterns)) if patterns else None
