"""Every example does what its README shows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from trunkline.compile import load_plan

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDERS = sorted(folder for folder in EXAMPLES.iterdir() if (folder / "README.md").is_file())
_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Shown(NamedTuple):
    """A command of a README, and what it is shown to print."""

    command: str
    output: str


def shown(readme: str) -> list[Shown]:
    pieces = [piece for block in _CONSOLE.findall(readme) for piece in ("\n" + block).split("\n$ ")]
    parted = (piece.strip().partition("\n") for piece in pieces if piece.strip())
    return [Shown(command, output) for command, _, output in parted]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_commands_of_a_readme_print_what_it_shows(folder: Path, tmp_path: Path) -> None:
    here = tmp_path / folder.name
    shutil.copytree(folder, here)
    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (commands / "trunkline").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m trunkline "$@"\n')
    for command in commands.iterdir():
        command.chmod(0o755)
    environ = {**os.environ, "PATH": f"{commands}:{os.environ['PATH']}"}
    environ.pop("TRUNKLINE_ROUTES", None)
    said = shown((here / "README.md").read_text("utf-8"))
    assert said, "a README shows at least one command"
    for command, output in said:
        done = subprocess.run(
            command, shell=True, cwd=here, env=environ, capture_output=True, text=True, timeout=60
        )
        printed = [line.rstrip() for line in done.stdout.strip().splitlines()]
        assert printed == [line.rstrip() for line in output.splitlines()], done.stderr


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_file_that_an_example_has_is_spoken_of_or_used(folder: Path) -> None:
    readme = (folder / "README.md").read_text("utf-8")
    assert load_plan(folder / "trunkline.yaml").warnings == ()
    scripts = "".join(path.read_text("utf-8") for path in folder.glob("*.py"))
    for path in folder.iterdir():
        if path.suffix in (".py", ".jsonl"):
            assert path.name in readme or f"from {path.stem} import" in scripts, path
