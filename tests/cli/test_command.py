"""What all verbs have in common: help, mistakes, and how they end."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import COMMAND, command
from trunkline.cli.command import VERBS, parser_of

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

HEAVY = ("pydantic", "ruamel", "jinja2", "httpx", "jsonschema", "msgspec", "boto3", "rich")


def test_help_names_every_verb_and_fits_into_80_columns(cli: Cli) -> None:
    code, out, err = cli("--help")
    assert (code, err) == (0, "")
    for verb, about in VERBS.items():
        assert f"  {verb} " in out
        assert about in out
    assert max(map(len, out.splitlines())) <= 80
    assert cli("-h").out == out


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_has_examples_and_fits_into_80_columns(cli: Cli, verb: str) -> None:
    code, out, _ = cli(verb, "--help")
    assert code == 0
    assert f"usage: trunkline {verb}" in out
    assert f"\nexamples:\n  trunkline {verb}" in out
    for line in out.splitlines():
        assert len(line) <= 80, line


@pytest.mark.parametrize("verb", VERBS)
def test_the_examples_in_help_are_understood(verb: str) -> None:
    parser = parser_of(verb)
    commands = [
        line.strip()
        for line in (parser.epilog or "").splitlines()
        if line.strip().startswith(f"trunkline {verb}")
    ]
    assert commands
    for line in commands:
        words = shlex.split(line.split("  ")[0].split(" && ")[0].split(" | ")[0].split(" > ")[0])
        _, left = parser.parse_known_args(words[2:])
        assert left == []


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from trunkline.cli import main; main(['--help']); main(['run', '--help']);"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr.strip() == "[]"


def test_version(cli: Cli) -> None:
    from importlib.metadata import version

    assert cli("--version") == (0, f"trunkline {version('trunkline')}\n", "")


def test_without_a_verb_help_goes_to_stderr(cli: Cli) -> None:
    code, out, err = cli()
    assert (code, out) == (2, "")
    assert "verbs:" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["vlidate"], "there is no verb `vlidate` (did you mean `validate`?)"),
        (["xyzzy"], "there is no verb `xyzzy`; see `trunkline --help`"),
        (["--verison"], "there is no option `--verison`"),
        (["run", "--modl=x", "hi"], "`--modl=x` is not understood here (did you mean `--model`?)"),
        (["run", "hi", "there"], "`there` is not understood here"),
        (["run", "--model"], "expected one argument; see `trunkline run --help`"),
        (["graph", "-f", "pdf"], "invalid choice: 'pdf'"),
        (["run", "--var", "x", "hi"], "write `--var NAME=VALUE`"),
    ],
)
def test_a_slip_is_told_with_what_was_meant(cli: Cli, words: list[str], said: str) -> None:
    code, out, err = cli(*words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.startswith("trunkline: ")


def test_a_reader_that_has_gone_ends_it_quietly() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*COMMAND, "schema"], stdout=write, stderr=subprocess.PIPE, timeout=60, check=False
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_a_full_disk_is_said_in_words() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "schema"], stdout=full, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert done.returncode == 1
    assert done.stderr == b"trunkline: no space left on device\n"


def test_ctrl_c_ends_an_answer_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "trunkline.yaml").write_text(
        "version: 1\n"
        "providers: {slow: {type: simulated, as: openai, chunk_delay: 300ms, chunk: 1,"
        f" reply: {'x' * 500}}}}}\n"
        "routes: [{match: slow, to: slow}]\n"
    )
    with subprocess.Popen(
        [*COMMAND, "run", "hi"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stdout.read(1) == b"x"
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert (out.strip(b"x"), err) == (b"\n", b"")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_streams_that_were_closed_before_are_nowhere(closed: str) -> None:
    line = f"exec {shlex.join(COMMAND)} run hi {closed}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, timeout=60, check=False)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    asked = f"exec {shlex.join(COMMAND)} run {closed} < /dev/null <&-"
    done = subprocess.run(["bash", "-c", asked], capture_output=True, timeout=60, check=False)
    assert (done.returncode, b"Traceback" in done.stderr) == (2, False)


def test_python_m_trunkline_is_trunkline() -> None:
    done = command("--version")
    assert done.code == 0
    assert done.out.startswith("trunkline ")


def test_a_terminal_that_knows_only_ascii_gets_escapes(routes: Path) -> None:
    routes.write_text(routes.read_text().replace("Good day.", "Grüße ☃"))
    done = command("run", "hi", "-r", routes, PYTHONIOENCODING="ascii")
    assert done == (0, "Gr\\xfc\\xdfe \\u2603\n", "")
