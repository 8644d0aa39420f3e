"""Performs what a page shows: writes its files, runs its commands and its Python, in order.

- `yaml file=NAME`, `json file=NAME` and so on are written to a folder of the page's own.
- `console`: each line `$ trunkline …` is run in that folder, and what it prints is compared with
  the lines below it. `...` stands for anything within a line, and alone for any lines; durations
  and request ids are not compared. Other commands are for the reader.
- `console serve` starts a server that runs until the page ends. Port 8080 is replaced by a free
  one everywhere.
- `python` is run; all blocks of a page share their names. `text output` after it is what it prints.
- A block of any kind below a comment `<!-- $ trunkline … -->` is what that command prints.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trunkline.cli import main

if TYPE_CHECKING:
    from tests.docs.blocks import Block

_COMMAND: Final = "import sys; from trunkline.cli import main; sys.exit(main())"
_SHELL: Final = re.compile(r"[|<>;&$`*]|^\w+=")
_TIME: Final = re.compile(r"\b\d+(?:\.\d+)? (?:ms|s)\b")
_ID: Final = re.compile(r"\breq_[0-9a-f]{32}\b")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


class Performance:
    """One page on its way. Use it as a context, in the folder that the page works in."""

    def __init__(self) -> None:
        self._names: dict[str, Any] = {"__name__": "__main__"}
        self.port = str(free_port())
        self._printed = ""
        self._servers: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Performance:
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.send_signal(signal.SIGINT)
            server.communicate(timeout=10)

    def perform(self, block: Block) -> None:
        """Do what the block says. Raises `AssertionError` where it is not what happens."""
        if block.file:
            Path(block.file).parent.mkdir(parents=True, exist_ok=True)
            Path(block.file).write_text(self._local(block.text), "utf-8")
        if block.command:
            self._compare(block, block.command, block.text, self._run(block.command, notes=False))
        elif block.kind == "console":
            self._console(block)
        elif block.kind == "python":
            self._python(block)
        elif (block.kind, *block.words) == ("text", "output"):
            self._compare(block, "the Python above", block.text, self._printed)

    def _local(self, text: str) -> str:
        return text.replace("8080", self.port)

    def _console(self, block: Block) -> None:
        for command, shown in _commands(block.text):
            if "trunkline" not in command.split():
                continue
            if "serve" in block.words:
                self._compare(block, command, shown, self._serve(command))
            else:
                self._compare(block, command, shown, self._run(command))

    def _run(self, command: str, *, notes: bool = True) -> str:
        """What the command prints: to stdout, and to stderr where `notes` are wanted too."""
        command = self._local(command)
        if _SHELL.search(command):
            path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            done = subprocess.run(
                ["bash", "-c", command],
                env={**os.environ, "PATH": path},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if notes else subprocess.DEVNULL,
                stdin=subprocess.DEVNULL,
                text=True,
                timeout=60,
                check=False,
            )
            return done.stdout
        out = io.StringIO()
        others = out if notes else io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(others):
            main(shlex.split(command)[1:])
        return out.getvalue()

    def _serve(self, command: str) -> str:
        """The first line that the server prints."""
        words = shlex.split(self._local(command))[1:]
        server = subprocess.Popen(
            [sys.executable, "-c", _COMMAND, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._servers.append(server)
        assert server.stdout is not None
        while line := server.stdout.readline():
            if "http://" in line:
                return line
        raise AssertionError(f"{command}: it ended without saying where it serves")

    def _python(self, block: Block) -> None:
        out = io.StringIO()
        code = compile("\n" * block.line + self._local(block.text), block.place, "exec")
        with contextlib.redirect_stdout(out):
            exec(code, self._names)
        self._printed = out.getvalue()

    def _compare(self, block: Block, command: str, shown: str, printed: str) -> None:
        wanted, found = _plain(self._local(shown)), _plain(printed)
        if not _pattern(wanted).fullmatch(found):
            self.differs(block, command, shown, printed)

    def differs(self, block: Block, command: str, shown: str, printed: str) -> None:
        """The page shows what is not printed."""
        raise AssertionError(
            f"{block.place}: `{command}` prints\n\n{printed}\nnot\n\n{shown}\n"
            "Write it again, and look at the difference: python -m tests.docs"
        )


def _commands(text: str) -> list[tuple[str, str]]:
    """Each command with the lines below it. A backslash ends a line that goes on."""
    found: list[tuple[str, str]] = []
    for line in text.replace("\\\n", "").splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), ""))
        elif found:
            found[-1] = (found[-1][0], f"{found[-1][1]}{line}\n")
    return found


def _plain(text: str) -> str:
    """Without what differs from time to time."""
    text = _ID.sub("req_…", _TIME.sub("0 ms", text))
    return "".join(f"{line.rstrip()}\n" for line in text.strip("\n").splitlines())


def _pattern(shown: str) -> re.Pattern[str]:
    lines = [
        r"(?:.*\n)*?" if line.strip() == "..." else re.escape(line).replace(r"\.\.\.", ".*") + "\n"
        for line in shown.splitlines()
    ]
    return re.compile("".join(lines))
