"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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
