"""A Redis server of one's own on a free port, to be stopped, frozen and emptied."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RedisServer", "running"]


def _need_redis() -> None:
    """Skip where Redis is not installed."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    if find_spec("redis") is None:
        pytest.skip("the package redis is not installed: pip install 'trunkline[redis]'")


class RedisServer:
    """Listens from `start` to `stop`; always the same port, nothing on disk."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> RedisServer:
        self._process = subprocess.Popen(
            [
                *f"redis-server --port {self.port} --bind 127.0.0.1 --appendonly no --save".split(),
                "",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(1000):
            with contextlib.suppress(OSError):
                if self.run("PING") == b"+PONG\r\n":
                    return self
            time.sleep(0.01)
        raise AssertionError("redis-server did not start")

    def stop(self) -> None:
        """Kill it, frozen or not."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart_empty(self) -> None:
        self.stop()
        self.start()

    def freeze(self) -> None:
        """It accepts connections and never answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def acl(self, *rules: str) -> None:
        """What everybody may do from now on."""
        assert self.run("ACL", "SETUSER", "default", *rules) == b"+OK\r\n"

    def run(self, *words: str, timeout: float = 5.0) -> bytes:
        """One command on a connection of its own; the reply as it stands on the wire. Raises
        `OSError` if it cannot connect, `TimeoutError` if no reply comes in so many seconds."""
        line = b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in (x.encode() for x in words))
        with socket.create_connection(("127.0.0.1", self.port), timeout) as sock:
            sock.sendall(b"*%d\r\n" % len(words) + line)
            return sock.recv(1 << 16)


@contextlib.contextmanager
def running() -> Iterator[RedisServer]:
    """A server for one test; skips where there is none."""
    _need_redis()
    server = RedisServer()
    try:
        yield server.start()
    finally:
        server.stop()
