"""A folder to start from."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cli.conftest import REPOSITORY
from trunkline.cli.command import parser_of

if TYPE_CHECKING:
    import pytest

    from tests.cli.conftest import Cli

FILES = ["README.md", "route-file.schema.json", "trunkline.yaml"]


def test_the_starter_works_at_once(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = cli("init", "mine")
    assert (code, out) == (0, "")
    assert err.endswith('next: cd mine && trunkline run "hello" --trace\n')
    assert sorted(file.name for file in Path("mine").iterdir()) == FILES
    monkeypatch.chdir("mine")
    assert cli("validate", "--deny", "warnings").code == 0
    code, out, err = cli("run", "hello")
    assert code == 0
    assert out.startswith("Simulated answer of openai")
    assert err == ""


def test_editors_find_the_schema_beside_it(cli: Cli) -> None:
    cli("init")
    first = Path("trunkline.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=./route-file.schema.json"
    schema = Path("route-file.schema.json").read_text("utf-8")
    assert schema == (REPOSITORY / "schemas" / "route-file.schema.json").read_text("utf-8")


def test_nothing_is_overwritten_and_then_nothing_is_written(cli: Cli) -> None:
    Path("README.md").write_text("mine")
    code, _, err = cli("init")
    assert code == 1
    assert "README.md is there already" in err
    assert [file.name for file in Path().iterdir()] == ["README.md"]
    assert Path("README.md").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_said(cli: Cli) -> None:
    Path("file").write_text("")
    code, _, err = cli("init", "file/sub")
    assert code == 1
    assert err == "trunkline: not a directory: file/sub\n"


def test_the_commands_of_the_starter_s_readme_are_understood(cli: Cli) -> None:
    cli("init")
    readme = Path("README.md").read_text()
    commands = [line for line in readme.splitlines() if line.startswith("trunkline ")]
    assert len(commands) == 5
    for line in commands:
        words = shlex.split(line.split("#")[0])
        assert parser_of(words[1]).parse_known_args(words[2:])[1] == []
