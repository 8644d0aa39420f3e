"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

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
