"""The wheel, as somebody gets it who has no clone: built, installed, and used elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.packaging

REPOSITORY = Path(__file__).parents[2]


class Installed(NamedTuple):
    """A wheel, and the command of the environment that it was installed into."""

    wheel: Path
    command: Path


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("packaging")
    build = ("-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(REPOSITORY))
    perform(sys.executable, *build, cwd=folder)
    (wheel,) = folder.glob("trunkline-*.whl")
    venv.create(folder / "venv", with_pip=True)
    binaries = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    perform(str(binaries / "python"), "-m", "pip", "install", "--quiet", str(wheel), cwd=folder)
    return Installed(wheel, binaries / "trunkline")


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def perform(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Perform a command; what it says is shown when it fails."""
    environ = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "TRUNKLINE_ROUTES")}
    done = subprocess.run(
        words, cwd=cwd, env=environ, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done


def test_the_wheel_holds_what_it_needs(installed: Installed) -> None:
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    for folder, inside in (
        ("schemas", "trunkline/_data/schemas"),
        ("routes", "trunkline/_data/routes"),
        ("engine/trunkline", "trunkline"),
    ):
        for file in (REPOSITORY / folder).rglob("*"):
            if file.is_file() and file.suffix not in (".pyc", ".so"):
                name = f"{inside}/{file.relative_to(REPOSITORY / folder).as_posix()}"
                assert name in names, name


def test_run_answers_in_an_empty_folder(installed: Installed, empty: Path) -> None:
    done = perform(str(installed.command), "run", "hello", "--trace", cwd=empty)
    assert done.stdout.startswith("Simulated answer of openai")
    assert "simulated answer: no route file found" in done.stderr
    assert "70 %" in done.stderr
    assert "1. shaky/gpt-4o-mini 503" in done.stderr
    said = json.loads(perform(str(installed.command), "run", "hello", "--json", cwd=empty).stdout)
    assert said["simulated"] is True


def test_init_and_validate_work_elsewhere(installed: Installed, empty: Path) -> None:
    perform(str(installed.command), "init", cwd=empty)
    done = perform(str(installed.command), "validate", "--deny", "warnings", cwd=empty)
    assert done.stdout == ""


def test_schema_prints_the_published_one(installed: Installed, empty: Path) -> None:
    done = perform(str(installed.command), "schema", cwd=empty)
    published = REPOSITORY / "schemas" / "route-file.schema.json"
    assert done.stdout == published.read_text("utf-8")


@pytest.mark.parametrize("words", [["providers", "show", "anthropic"], ["explain"], ["graph"]])
def test_what_is_data_is_found_elsewhere(
    installed: Installed, empty: Path, words: list[str]
) -> None:
    assert perform(str(installed.command), *words, cwd=empty).stdout
