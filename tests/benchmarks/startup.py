"""CPU time from nothing to an answer: what a person waits for at each command.

`python -m tests.benchmarks.startup` prints the medians, from the operating system's accounting
of finished children (user and system).
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 15
QUICKSTART = str(Path(__file__).parents[2] / "routes" / "quickstart.yaml")

CASES: dict[str, list[str]] = {
    "python -c pass": ["-c", "pass"],
    "import trunkline": ["-c", "import trunkline"],
    "trunkline --help": ["-m", "trunkline", "--help"],
    "trunkline run --help": ["-m", "trunkline", "run", "--help"],
    "trunkline validate": ["-m", "trunkline", "validate", QUICKSTART],
    "trunkline run hello": ["-m", "trunkline", "run", "hello", "-r", QUICKSTART],
}


def many_routes(count: int) -> str:
    """A route file of so many routes, each a glob to a fallback of two providers."""
    lines = [
        "version: 1",
        "providers:",
        '  openai: {api_key: "${env:A}"}',
        '  claude: {type: anthropic, api_key: "${env:B}"}',
        "routes:",
    ]
    for number in range(count):
        lines += [
            f"  - name: route-{number}",
            f"    match: model-{number}-*",
            f"    to: [openai/gpt-{number}, claude/claude-{number}]",
        ]
    return "\n".join(lines) + "\n"


def cpu(words: list[str]) -> float:
    """Seconds of CPU that one run of this interpreter took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(words: list[str], rounds: int = ROUNDS) -> tuple[float, float, float]:
    """Median, least and most, in seconds of CPU; a first run warms the caches of the disk."""
    cpu(words)
    figures = sorted(cpu(words) for _ in range(rounds))
    return statistics.median(figures), figures[0], figures[-1]


def main() -> None:
    """Print a row for each case."""
    print(f"{'CPU':24}{'median':>12}{'from':>12}{'to':>12}")
    for name, words in CASES.items():
        shown = (f"{seconds * 1000:>9.0f} ms" for seconds in measure(words))
        print(f"{name:24}{''.join(shown)}")
    with tempfile.TemporaryDirectory() as folder:
        for count, rounds in ((1_000, 5), (10_000, 1)):
            file = Path(folder) / f"{count}.yaml"
            file.write_text(many_routes(count), encoding="utf-8")
            words = ["-m", "trunkline", "validate", str(file)]
            shown = (f"{seconds * 1000:>9.0f} ms" for seconds in measure(words, rounds))
            print(f"{f'validate {count:,} routes':24}{''.join(shown)}")


if __name__ == "__main__":
    main()
