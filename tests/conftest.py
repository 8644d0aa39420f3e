"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.scenarios import figures

# The machine is shared; an example's wall time says nothing about the code.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of recorded real exchanges, one sub-folder a provider."""
    folder = Path(os.environ.get("TRUNKLINE_RECORDINGS", ROOT.parent / "shared" / "corpus"))
    if not folder.is_dir():
        pytest.skip(f"recordings are not at {folder}; set TRUNKLINE_RECORDINGS")
    return folder


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """How long the scenarios took; `TRUNKLINE_FIGURES` names a file for what they measured."""
    said = [one for some in terminalreporter.stats.values() for one in some]
    reports = [one for one in said if isinstance(one, pytest.TestReport)]
    count, minutes = figures.minutes(reports)
    if count:
        workers = len(config.getoption("tx", default=None) or [None])
        several = f"{workers} worker" + "s" * (workers > 1)
        terminalreporter.write_line(
            f"scenarios: {count} tests, {minutes:.1f} min of test time on {several}"
        )
    if "TRUNKLINE_FIGURES" in os.environ:
        figures.merge(Path(os.environ["TRUNKLINE_FIGURES"]), reports)
