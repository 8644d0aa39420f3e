"""The command, in this process and as a process of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import pytest

from trunkline.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
QUICKSTART = REPOSITORY / "routes" / "quickstart.yaml"
COMMAND = [sys.executable, "-m", "trunkline"]

ROUTES = """\
version: 1
providers:
  openai: {type: simulated, reply: Good day.}
  claude: {type: simulated, as: anthropic, reply: Good evening.}
routes:
  - {name: pair, match: pair, to: {balance: {of: [openai/gpt-4o, claude/claude-sonnet-4-5]}}}
  - {name: claude, match: claude-*, to: claude}
"""


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


class Cli(Protocol):
    """Performs a command in this process, with its words and what stdin holds."""

    def __call__(self, *words: str | Path, stdin: str | bytes | None = None) -> Done: ...


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty working folder, and an environment that says nothing."""
    monkeypatch.chdir(tmp_path)
    for name in ("TRUNKLINE_ROUTES", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    yield


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    def perform(*words: str | Path, stdin: str | bytes | None = None) -> Done:
        data = stdin.encode() if isinstance(stdin, str) else stdin or b""
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))
        code = main([str(word) for word in words])
        return Done(code, *capsys.readouterr())

    return perform


@pytest.fixture
def routes(tmp_path: Path) -> Path:
    """A route file with two simulated providers."""
    file = tmp_path / "routes.yaml"
    file.write_text(ROUTES)
    return file


def command(
    *words: str | Path, stdin: bytes = b"", cwd: Path | None = None, **environ: str
) -> Done:
    """Perform a command as a process of its own."""
    done = subprocess.run(
        [*COMMAND, *map(str, words)],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env={**os.environ, **environ},
        timeout=60,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())
