"""The server as a process of its own."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING

import pytest

from trunkline.errors import ConfigError, TrunklineError
from trunkline.server import run_server

if TYPE_CHECKING:
    from pathlib import Path

ROUTES = """\
version: 1
providers:
  pretend: {type: simulated, as: openai, reply: hello from the process}
routes:
  - {match: "*", to: pretend}
"""
MAIN = """\
import sys
from trunkline.server import run_server
run_server(sys.argv[1], port=0, ready=lambda address: print(address, flush=True))
print("closed", flush=True)
"""


@pytest.fixture
def routes(tmp_path: Path) -> Path:
    file = tmp_path / "trunkline.yaml"
    file.write_text(ROUTES, "utf-8")
    return file


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_told_to_stop_and_then_ends_well(routes: Path, number: int) -> None:
    command = [sys.executable, "-W", "error", "-c", MAIN, str(routes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        address = process.stdout.readline().decode().strip()
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode()
        with urllib.request.urlopen(f"{address}/v1/chat/completions", body) as response:
            value = json.load(response)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert value["choices"][0]["message"]["content"] == "hello from the process"
    assert (process.returncode, out, err) == (0, b"closed\n", b"")


def test_an_address_that_is_taken_is_said_to_be(routes: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(TrunklineError, match=f"cannot listen on 127.0.0.1:{port}"):
            run_server(routes, port=port)


def test_a_route_file_at_fault_is_not_served(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("version: 1\nroutes:\n  - {match: a, to: nobody}\n", "utf-8")
    with pytest.raises(ConfigError, match="nobody"):
        run_server(file, port=0)


def test_without_the_extra_it_says_what_to_install(routes: Path) -> None:
    code = f"import sys; sys.modules['uvicorn'] = None\n{MAIN}"
    done = subprocess.run(
        [sys.executable, "-c", code, str(routes)], capture_output=True, text=True, check=False
    )
    assert "TrunklineError: serving needs uvicorn" in done.stderr
    assert "pip install 'trunkline[server]'" in done.stderr
