"""The gateway from the command line."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import COMMAND

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


def test_it_answers_until_it_is_told_to_stop(routes: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "serve", str(routes), "--port", "0"], stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        said = running.stderr.readline()
        assert said.startswith("listening at http://127.0.0.1:")
        address = said.removeprefix("listening at ").partition(";")[0]
        body = {"model": "pair", "messages": [{"role": "user", "content": "hi"}]}
        request = urllib.request.Request(
            f"{address}/v1/chat/completions",
            json.dumps(body).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            answered = json.load(response)
        assert answered["choices"][0]["message"]["content"] == "Good day."
        running.send_signal(signal.SIGINT)
        _, rest = running.communicate(timeout=60)
    assert (running.returncode, rest) == (0, "")


def test_a_port_that_is_taken_is_said(cli: Cli, routes: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = cli("serve", routes, "--port", str(port))
    assert (code, out) == (1, "")
    assert f"cannot listen on 127.0.0.1:{port}" in err


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none_is_wrong_usage(cli: Cli, routes: Path, port: str) -> None:
    assert cli("serve", routes, f"--port={port}").code == 2


def test_a_route_file_with_mistakes_is_not_served(cli: Cli, routes: Path) -> None:
    routes.write_text(routes.read_text().replace("match: claude-*", "mtach: claude-*"))
    code, out, err = cli("serve", routes, "--port", "0")
    assert (code, out) == (1, "")
    assert "did you mean `match`?" in err
