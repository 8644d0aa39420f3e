"""Checking route files from the command line."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import COMMAND, REPOSITORY, command

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

WRONG = """\
version: 1
providers:
  openai: {api_kye: "${env:OPENAI_API_KEY}"}
routes: []
"""


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    file = tmp_path / "wrong.yaml"
    file.write_text(WRONG)
    return file


def test_a_mistake_is_shown_with_its_line_and_what_was_meant(cli: Cli, wrong: Path) -> None:
    code, out, err = cli("validate", wrong.name)
    assert code == 1
    assert out.startswith("wrong.yaml:3:12 error TL201 ")
    assert "did you mean `api_key`?" in out
    assert ' 3 |   openai: {api_kye: "${env:OPENAI_API_KEY}"}' in out
    assert err == "1 error in 1 file\n"


def test_what_is_right_says_nothing_on_stdout(cli: Cli, routes: Path) -> None:
    code, out, err = cli("validate", routes)
    assert (code, out) == (0, "")
    assert err.endswith("in 1 file\n")


@pytest.mark.parametrize(
    "file", sorted((REPOSITORY / "routes").glob("*.yaml")), ids=lambda file: file.name
)
def test_the_shipped_routes_are_right(cli: Cli, file: Path) -> None:
    assert cli("validate", file, "--deny", "warnings").code == 0
    first = file.read_text("utf-8").splitlines()[0]
    schema = first.removeprefix("# yaml-language-server: $schema=")
    assert (file.parent / schema).is_file(), "editors find the schema"


def test_json_is_one_object(cli: Cli, wrong: Path) -> None:
    code, out, _ = cli("validate", wrong.name, "-f", "json")
    said = json.loads(out)
    assert code == 1
    assert said["summary"] == {"errors": 1, "warnings": 0, "hints": 0, "files": 1}
    found = said["diagnostics"][0]
    assert (found["code"], found["file"], found["line"], found["column"]) == (
        "TL201",
        "wrong.yaml",
        3,
        12,
    )


def test_github_gets_annotations(cli: Cli, wrong: Path) -> None:
    out = cli("validate", wrong.name, "-f", "github").out
    assert out.startswith("::error file=wrong.yaml,line=3,")


def test_the_working_folder_is_checked_where_nothing_is_named(cli: Cli, wrong: Path) -> None:
    (wrong.parent / "sub").mkdir()
    (wrong.parent / "sub" / "other.yaml").write_text("version: 1\nruotes: []\n")
    (wrong.parent / "notes.yaml").write_text("not: routes\n")
    code, out, err = cli("validate")
    assert code == 1
    assert "wrong.yaml:3:12" in out
    assert "sub/other.yaml:2:1" in out
    assert "notes.yaml" not in out
    assert err == "2 errors in 2 files\n"


def test_a_folder_means_its_root_file(cli: Cli, wrong: Path, routes: Path) -> None:
    (wrong.parent / "trunkline.yaml").write_text(routes.read_text())
    assert cli("validate", wrong.parent).code == 0


def test_a_file_that_is_named_twice_is_checked_once(cli: Cli, wrong: Path) -> None:
    assert cli("validate", wrong.name, f"./{wrong.name}", ".").err == "1 error in 1 file\n"


def test_what_is_not_there_is_a_finding(cli: Cli, tmp_path: Path) -> None:
    code, out, _ = cli("validate", "no.yaml")
    assert code == 1
    assert "no.yaml cannot be read" in out
    (tmp_path / "empty").mkdir()
    code, out, _ = cli("validate", "empty")
    assert code == 1
    assert "no route file here" in out


def test_the_environment_is_looked_at_only_when_asked(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "real.yaml"
    file.write_text(
        'version: 1\nproviders: {openai: {api_key: "${env:TRUNKLINE_TEST_KEY}"}}\n'
        "routes: [{match: a, to: openai}]\n"
    )
    assert "TRUNKLINE_TEST_KEY" not in cli("validate", file).out
    code, out, _ = cli("validate", file, "--env")
    assert code == 0
    assert "warning TL310 the environment variable TRUNKLINE_TEST_KEY is not set" in out
    assert cli("validate", file, "--env", "--deny", "warnings").code == 1
    monkeypatch.setenv("TRUNKLINE_TEST_KEY", "set")
    assert "TRUNKLINE_TEST_KEY" not in cli("validate", file, "--env").out


def test_a_pipe_gets_no_colour_and_a_terminal_does(wrong: Path) -> None:
    assert "\x1b" not in command("validate", wrong).out
    said = {}
    for setting in ("", "1"):
        near, far = pty.openpty()
        environ = {**os.environ, "NO_COLOR": setting, "TERM": "xterm"}
        subprocess.run(
            [*COMMAND, "validate", str(wrong)],
            stdout=far,
            stderr=subprocess.DEVNULL,
            env=environ,
            timeout=60,
        )
        os.close(far)
        said[setting] = os.read(near, 10_000)
        os.close(near)
    assert b"\x1b[1;31merror" in said[""]
    assert b"\x1b" not in said["1"]
