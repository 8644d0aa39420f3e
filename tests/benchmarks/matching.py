"""The matcher at 10, 1,000 and 100,000 patterns: `python -m tests.benchmarks.matching`.

A third of the patterns each begin with, end in or are a literal; as many as a plan may hold are
infix globs and expressions. Names are never repeated: hits are made from patterns picked at
random, misses are made up. Printed are medians of microseconds of CPU time to the first
candidate, and the time to build. The order of patterns is random, the worst case for the cache.
"""

from __future__ import annotations

import random
import statistics
import string
import time
from typing import TYPE_CHECKING

from trunkline.policy.match import Matcher
from trunkline.policy.pattern import MAX_COSTLY

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZES = (10, 1_000, 100_000)
WORDS = ("gpt", "claude", "gemini", "llama", "mistral", "qwen", "sonnet", "mini", "flash", "pro")
LETTERS = string.ascii_lowercase + string.digits


class Mix:
    """Patterns of every kind, and names that fit one of them or none, all from one seed."""

    def __init__(self, size: int, seed: int = 3) -> None:
        self._chance = random.Random(seed)
        costly = min(size // 4, MAX_COSTLY)
        self._patterns = [self._pattern(i % 2 if i < costly else 2 + i % 4) for i in range(size)]
        self._chance.shuffle(self._patterns)

    @property
    def patterns(self) -> Sequence[str]:
        """In the order in which they are tried."""
        return self._patterns

    def hits(self, count: int) -> list[str]:
        """Names that some pattern fits."""
        return [self._fitting(self._chance.choice(self._patterns)) for _ in range(count)]

    def misses(self, count: int) -> list[str]:
        """Names that look like the others but fit nothing."""
        return [self._name() + "!" for _ in range(count)]

    def _pattern(self, kind: int) -> str:
        name, token = self._name(), self._letters(6)
        if kind == 0:
            return f"*{token}*"
        if kind == 1:
            one, other = self._chance.choices(WORDS, k=2)
            return f"re:({one}|{other})-[0-9]+.*{token}(-[0-9]{{8}})?"
        if kind == 2:
            return name[: self._chance.randint(12, 18)] + "*"
        if kind == 3:
            return "*" + name[-self._chance.randint(10, 14) :]
        return name if kind == 4 else f"{name[:11]}*{name[-6:]}"

    def _fitting(self, pattern: str) -> str:
        if pattern.startswith("re:"):
            word, token = pattern[4:].partition("|")[0], pattern.partition(".*")[2][:6]
            return f"{word}-{self._chance.randint(1, 9999)}-{self._letters(8)}{token}"
        return pattern.replace("*", self._letters(8))

    def _name(self) -> str:
        one, other = self._chance.choices(WORDS, k=2)
        return f"{one}-{self._chance.randint(1, 9999)}-{other}-{self._letters(8)}"

    def _letters(self, count: int) -> str:
        return "".join(self._chance.choices(LETTERS, k=count))


def microseconds(matcher: Matcher[int], names: Sequence[str]) -> float:
    """CPU time to the first candidate of each name, on average."""
    begun = time.process_time()
    for name in names:
        next(matcher.match(name), None)
    return (time.process_time() - begun) / len(names) * 1e6


def measure(size: int, count: int = 5_000, rounds: int = 7) -> tuple[float, float, float]:
    """Medians for hits and for misses, and the seconds that building took."""
    mix = Mix(size)
    begun = time.process_time()
    matcher = Matcher((pattern, rank) for rank, pattern in enumerate(mix.patterns))
    built = time.process_time() - begun
    microseconds(matcher, mix.hits(count) + mix.misses(count))
    hits, misses = [], []
    for _ in range(rounds):
        hits.append(microseconds(matcher, mix.hits(count)))
        misses.append(microseconds(matcher, mix.misses(count)))
    return statistics.median(hits), statistics.median(misses), built


def main() -> None:
    """Print a row for each size."""
    print(f"{'patterns':>9}{'hit':>11}{'miss':>11}{'mixed':>11}{'built in':>11}")
    for size in SIZES:
        hits, misses, built = measure(size)
        mixed = (hits + misses) / 2
        print(f"{size:>9,}{hits:>8.2f} µs{misses:>8.2f} µs{mixed:>8.2f} µs{built:>9.3f} s")


if __name__ == "__main__":
    main()
