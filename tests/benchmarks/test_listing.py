"""What `python -m tests.benchmarks` offers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.benchmarks.__main__ import benchmarks

ROOT = Path(__file__).parents[2]


def listed(*names: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_benchmark_says_what_it_measures() -> None:
    assert {"engine", "matching", "startup", "templates", "transport"} <= set(benchmarks())
    assert all(benchmarks().values())
    shown = listed()
    assert shown.returncode == 0
    assert all(name in shown.stdout for name in benchmarks())


def test_a_benchmark_that_is_not_there_is_said_not_to_be() -> None:
    shown = listed("nothing")
    assert shown.returncode == 1
    assert "there is no benchmark nothing" in shown.stderr
